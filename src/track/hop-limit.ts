import type { Packet } from '../model/packet.ts';

/** Returns the hop limit (TTL) that a packet came with. */
export function hopLimit({ view, ipVersion, ipHeader }: Packet): number {
  return view.getUint8(ipHeader + (ipVersion === 4 ? 8 : 7));
}
