import type { Frame } from '../model/frame.ts';
import type { Packet } from '../model/packet.ts';
import { type IpExtent, PROTOCOL_TCP, PROTOCOL_UDP } from './ip.ts';
import { tooShort } from './link.ts';
import { DNS_PORT } from './udp.ts';
import { Verdict } from './verdict.ts';

/** ICMP errors quote the packet they are about: at least its IP header and 8 bytes (RFC 792, RFC 4443 §2.4). */
const QUOTED_TRANSPORT_BYTES = 8;
const HEADER_BYTES = 8;

/** Types of ICMP that quote a packet (RFC 792): destination unreachable, source quench, redirect, time exceeded, parameter problem. */
const ERRORS_4: ReadonlySet<number> = new Set([3, 11, 12]);
/** The same of ICMPv6 (RFC 4443): destination unreachable, packet too big, time exceeded, parameter problem. */
const ERRORS_6: ReadonlySet<number> = new Set([1, 2, 3, 4]);
const FRAGMENTATION_NEEDED = 3 * 256 + 4;
const PACKET_TOO_BIG = 2 * 256;

/**
 * Reads an ICMP or ICMPv6 error at `offset` that quotes a TCP segment or a DNS query: `packet` then describes what is quoted
 * as it was sent (addresses, ports, sequence number; of a query as much of its payload as is there), and `icmp…` the error.
 */
export function readIcmp(frame: Frame, offset: number, packet: Packet, extent: IpExtent): Verdict {
  const { view } = frame;
  const end = frame.end < extent.end ? frame.end : extent.end;
  if (offset + HEADER_BYTES > end) return tooShort(frame);
  const type = view.getUint8(offset);
  const isVersion4 = packet.ipVersion === 4;
  if (!(isVersion4 ? ERRORS_4 : ERRORS_6).has(type)) return Verdict.notTcp;
  const code = type * 256 + view.getUint8(offset + 1);
  packet.icmpFrom = packet.sourceAddress;
  packet.icmp = code;
  packet.icmpMtu = mtuIn(view, offset, code, isVersion4);
  const quoted = offset + HEADER_BYTES;
  const transport = isVersion4 ? quotedIpv4(view, quoted, end, packet) : quotedIpv6(view, quoted, end, packet);
  if (transport < 0) return Verdict.notTcp;
  packet.sourcePort = view.getUint16(transport);
  packet.destinationPort = view.getUint16(transport + 2);
  packet.sequence = view.getInt32(transport + 4);
  packet.flags = 0;
  packet.payloadStart = transport + QUOTED_TRANSPORT_BYTES;
  packet.payloadLengthBytes = 0;
  packet.payloadCapturedBytes = 0;
  if (packet.quotedProtocol === PROTOCOL_UDP) {
    if (packet.destinationPort !== DNS_PORT) return Verdict.notTcp;
    packet.payloadCapturedBytes = end - packet.payloadStart;
  }
  return Verdict.icmp;
}

/** The MTU that an error names (RFC 1191 §4, RFC 4443 §3.2); 0 for none. */
function mtuIn(view: DataView, offset: number, code: number, isVersion4: boolean): number {
  if (isVersion4) return code === FRAGMENTATION_NEEDED ? view.getUint16(offset + 6) : 0;
  return code === PACKET_TOO_BIG ? view.getUint32(offset + 4) : 0;
}

/** Where the quoted transport header stands; -1 when it does not. */
function quotedIpv4(view: DataView, at: number, end: number, packet: Packet): number {
  if (at + 20 > end || view.getUint8(at) >>> 4 !== 4) return -1;
  const transport = at + (view.getUint8(at) & 0x0f) * 4;
  const protocol = view.getUint8(at + 9);
  if (protocol !== PROTOCOL_TCP && protocol !== PROTOCOL_UDP) return -1;
  if (transport + QUOTED_TRANSPORT_BYTES > end || transport < at + 20) return -1;
  packet.quotedProtocol = protocol;
  packet.sourceAddress = at + 12;
  packet.destinationAddress = at + 16;
  packet.quotedLengthBytes = view.getUint16(at + 2);
  return transport;
}

function quotedIpv6(view: DataView, at: number, end: number, packet: Packet): number {
  if (at + 40 + QUOTED_TRANSPORT_BYTES > end || view.getUint8(at) >>> 4 !== 6) return -1;
  const protocol = view.getUint8(at + 6);
  if (protocol !== PROTOCOL_TCP && protocol !== PROTOCOL_UDP) return -1;
  packet.quotedProtocol = protocol;
  packet.sourceAddress = at + 8;
  packet.destinationAddress = at + 24;
  packet.quotedLengthBytes = 40 + view.getUint16(at + 4);
  return at + 40;
}
