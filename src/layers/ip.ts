import type { Frame } from '../model/frame.ts';
import type { Packet } from '../model/packet.ts';
import { tooShort } from './link.ts';
import { Verdict } from './verdict.ts';

const PROTOCOL_ICMP = 1;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;
const PROTOCOL_ICMPV6 = 58;
const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_LOOSE_SOURCE_ROUTE = 131;
const OPTION_STRICT_SOURCE_ROUTE = 137;
const MAX_EXTENSION_HEADERS = 16; // RFC 8200 §4.1 wants each at most once; more is an attack
const FRAGMENT_OFFSET_MASK = 0x1fff; // IPv4: low 13 bits, RFC 791 §3.1

/**
 * Where the transport header of the packet last decoded ends on the wire, as an offset in the frame's view; it may lie
 * past `frame.end` when the capture cut the frame. Written by `transportOffset`.
 */
export interface IpExtent {
  end: number;
}

/**
 * Reads the IP header at `offset` into `packet` (version, addresses, protocol) and `extent`, and finds the header of TCP,
 * UDP or ICMP behind it: its offset, or a negated `Verdict`.
 */
export function transportOffset(frame: Frame, offset: number, packet: Packet, extent: IpExtent): number {
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
  if (protocol !== PROTOCOL_TCP && protocol !== PROTOCOL_ICMP && protocol !== PROTOCOL_UDP) {
    return -otherProtocol(protocol);
  }
  packet.protocol = protocol;
  packet.ipVersion = 4;
  packet.ipHeader = offset;
  packet.sourceAddress = offset + 12;
  packet.destinationAddress = headerBytes > 20 ? finalDestination(frame, offset, headerBytes) : offset + 16;
  extent.end = packetEnd < wireEnd ? packetEnd : wireEnd;
  return offset + headerBytes;
}

/**
 * Where the address of the end of a source route stands (RFC 791 §3.1): while the route is under way, the header's
 * destination is the next router, but TCP's endpoint is the last address of the route (RFC 9293 §3.9.2.1).
 */
function finalDestination(frame: Frame, offset: number, headerBytes: number): number {
  const { view } = frame;
  const end = offset + headerBytes;
  for (let at = offset + 20; at + 3 < end && end <= frame.end; ) {
    const kind = view.getUint8(at);
    if (kind === OPTION_END) break;
    if (kind === OPTION_NOP) {
      at++;
      continue;
    }
    const length = view.getUint8(at + 1);
    if (length < 2 || at + length > end) break;
    const isRoute = kind === OPTION_LOOSE_SOURCE_ROUTE || kind === OPTION_STRICT_SOURCE_ROUTE;
    const pointer = view.getUint8(at + 2); // from 1, past the option's end when the route is done
    if (isRoute && length >= 7 && pointer <= length) return at + length - 4;
    at += length;
  }
  return offset + 16;
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
  packet.ipHeader = offset;
  packet.sourceAddress = offset + 8;
  packet.destinationAddress = offset + 24;
  let next = view.getUint8(offset + 6);
  let at = offset + 40;
  for (let headers = 0; headers <= MAX_EXTENSION_HEADERS; headers++) {
    if (next === PROTOCOL_TCP || next === PROTOCOL_ICMPV6 || next === PROTOCOL_UDP) {
      packet.protocol = next;
      return at;
    }
    if (!isExtensionHeader(next)) return -otherProtocol(next);
    if (at + 8 > end) return -tooShort(frame);
    const following = view.getUint8(at);
    if (next === 43) packet.destinationAddress = routedDestination(frame, at, packet.destinationAddress);
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

/**
 * Where the address of the end of a route stands, given a routing header at `at`; `destination` when the route is done
 * or not understood. TCP's endpoint is that address (RFC 8200 §8.1): in a segment routing header the first of the
 * list (RFC 8754 §2), in those of type 0 and 2 the last (RFC 5095, RFC 6275 §6.4).
 */
function routedDestination(frame: Frame, at: number, destination: number): number {
  const { view } = frame;
  const end = at + (view.getUint8(at + 1) + 1) * 8;
  const type = view.getUint8(at + 2);
  const segmentsLeft = view.getUint8(at + 3);
  if (segmentsLeft === 0 || end > frame.end || end - at < 24) return destination;
  if (type === 4) return at + 8;
  return type === 0 || type === 2 ? end - 16 : destination;
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
