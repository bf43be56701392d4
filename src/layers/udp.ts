import type { Frame } from '../model/frame.ts';
import { tooShort } from './link.ts';
import { Verdict } from './verdict.ts';

/** Ports on which packets travel inside UDP: VXLAN (RFC 7348) and its port in Linux, Geneve (RFC 8926), WireGuard's usual one. */
const TUNNEL_PORTS: ReadonlySet<number> = new Set([4789, 8472, 6081, 51820]);

/** What a UDP datagram at `offset` is: a tunnel, or nothing that is looked at. */
export function udpVerdict(frame: Frame, offset: number): Verdict {
  if (offset + 8 > frame.end) return tooShort(frame);
  const { view } = frame;
  const isTunnel = TUNNEL_PORTS.has(view.getUint16(offset + 2)) || TUNNEL_PORTS.has(view.getUint16(offset));
  return isTunnel ? Verdict.tunnel : Verdict.notTcp;
}
