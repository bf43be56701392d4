import type { Frame } from '../model/frame.ts';
import type { Packet } from '../model/packet.ts';
import { tooShort } from './link.ts';
import { Verdict } from './verdict.ts';

const PROTOCOL_TCP = 6;
const MAX_EXTENSION_HEADERS = 16; // RFC 8200 §4.1 wants each at most once; more is an attack
const FRAGMENT_OFFSET_MASK = 0x1fff; // IPv4: low 13 bits, RFC 791 §3.1

/**
 * Where the transport header of the packet last decoded ends on the wire, as an offset in the frame's view; it may lie
 * past `frame.end` when the capture cut the frame. Written by `tcpOffset`.
 */
export interface IpExtent {
  end: number;
}

/**
 * Reads the IP header at `offset` into `packet` (version and addresses) and `extent`, and finds the TCP header behind
 * it: its offset, or a negated `Verdict`.
 */
export function tcpOffset(frame: Frame, offset: number, packet: Packet, extent: IpExtent): number {
  if (offset >= frame.end) return -tooShort(frame);
  const version = frame.view.getUint8(offset) >>> 4;
  if (version === 4) return ipv4(frame, offset, packet, extent);
  if (version === 6) return ipv6(frame, offset, packet, extent);
  return -Verdict.malformed;
}

/** RFC 791 §3.1. */
function ipv4(frame: Frame, offset: number, packet: Packet, extent: IpExtent): number {
  const { view, end } = frame;
  if (offset + 20 > end) return -tooShort(frame);
  const headerBytes = (view.getUint8(offset) & 0x0f) * 4;
  const totalLength = view.getUint16(offset + 2);
  const wireEnd = frame.start + frame.wireLengthBytes;
  // 0: left open by segmentation offload, the frame's own length counts
  const packetEnd = totalLength === 0 ? wireEnd : offset + totalLength;
  if (headerBytes < 20 || (totalLength !== 0 && totalLength < headerBytes)) return -Verdict.malformed;
  if ((view.getUint16(offset + 6) & FRAGMENT_OFFSET_MASK) !== 0) return -Verdict.fragment;
  const protocol = view.getUint8(offset + 9);
  if (protocol !== PROTOCOL_TCP) return -otherProtocol(protocol);
  packet.ipVersion = 4;
  packet.sourceAddress = offset + 12;
  packet.destinationAddress = offset + 16;
  extent.end = packetEnd < wireEnd ? packetEnd : wireEnd;
  return offset + headerBytes;
}

/** RFC 8200 §3, with the extension headers of §4. */
function ipv6(frame: Frame, offset: number, packet: Packet, extent: IpExtent): number {
  const { view, end } = frame;
  if (offset + 40 > end) return -tooShort(frame);
  const payloadLength = view.getUint16(offset + 4);
  const wireEnd = frame.start + frame.wireLengthBytes;
  const packetEnd = payloadLength === 0 ? wireEnd : offset + 40 + payloadLength; // 0: jumbogram or offload
  extent.end = packetEnd < wireEnd ? packetEnd : wireEnd;
  packet.ipVersion = 6;
  packet.sourceAddress = offset + 8;
  packet.destinationAddress = offset + 24;
  let next = view.getUint8(offset + 6);
  let at = offset + 40;
  for (let headers = 0; headers <= MAX_EXTENSION_HEADERS; headers++) {
    if (next === PROTOCOL_TCP) return at;
    if (!isExtensionHeader(next)) return -otherProtocol(next);
    if (at + 8 > end) return -tooShort(frame);
    const following = view.getUint8(at);
    if (next === 44) {
      if ((view.getUint16(at + 2) & 0xfff8) !== 0) return -Verdict.fragment;
      at += 8;
    } else if (next === 51) {
      at += (view.getUint8(at + 1) + 2) * 4; // authentication header, RFC 4302 §2.2
    } else {
      at += (view.getUint8(at + 1) + 1) * 8;
    }
    next = following;
  }
  return -Verdict.malformed;
}

/** Hop-by-hop, routing, fragment, AH, destination options, mobility, HIP, shim6 (RFC 7045, IANA's list). */
function isExtensionHeader(next: number): boolean {
  return (
    next === 0 ||
    next === 43 ||
    next === 44 ||
    next === 51 ||
    next === 60 ||
    next === 135 ||
    next === 139 ||
    next === 140
  );
}

/** IPv4, IPv6, GRE, ESP and AH carry packets inside packets. */
function otherProtocol(protocol: number): Verdict {
  return protocol === 4 || protocol === 41 || protocol === 47 || protocol === 50 || protocol === 51
    ? Verdict.tunnel
    : Verdict.notTcp;
}
