import type { Frame } from '../model/frame.ts';
import type { Packet } from '../model/packet.ts';
import type { IpExtent } from './ip.ts';
import { tooShort } from './link.ts';
import { Verdict } from './verdict.ts';

/** Ports on which packets travel inside UDP: VXLAN (RFC 7348) and its port in Linux, Geneve (RFC 8926), WireGuard's usual one. */
const TUNNEL_PORTS: ReadonlySet<number> = new Set([4789, 8472, 6081, 51820]);

/** Port of DNS, over UDP as over TCP (RFC 1035 §4.2). That of mDNS is another one: 5353 (RFC 6762 §3). */
export const DNS_PORT = 53;
const HEADER_BYTES = 8;

/**
 * Reads the UDP header (RFC 768) at `offset` into `packet` where the datagram is DNS by its ports; others are a tunnel, or
 * nothing that is looked at. `extent.end` is the end of the IP packet, which is before that of the datagram in a first fragment.
 */
export function readUdp(frame: Frame, offset: number, packet: Packet, extent: IpExtent): Verdict {
  const { view, end } = frame;
  if (offset + HEADER_BYTES > end) return tooShort(frame);
  const sourcePort = view.getUint16(offset);
  const destinationPort = view.getUint16(offset + 2);
  if (sourcePort !== DNS_PORT && destinationPort !== DNS_PORT) {
    return TUNNEL_PORTS.has(destinationPort) || TUNNEL_PORTS.has(sourcePort) ? Verdict.tunnel : Verdict.notTcp;
  }
  const length = view.getUint16(offset + 4);
  if (length < HEADER_BYTES) return Verdict.malformed;
  const payloadStart = offset + HEADER_BYTES;
  const datagramEnd = offset + length;
  const packetEnd = datagramEnd < extent.end ? datagramEnd : extent.end;
  const capturedEnd = end < packetEnd ? end : packetEnd;
  packet.sourcePort = sourcePort;
  packet.destinationPort = destinationPort;
  packet.payloadStart = payloadStart;
  packet.payloadLengthBytes = length - HEADER_BYTES;
  packet.payloadCapturedBytes = capturedEnd > payloadStart ? capturedEnd - payloadStart : 0;
  return Verdict.dns;
}
