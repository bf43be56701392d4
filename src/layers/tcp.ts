import type { Frame } from '../model/frame.ts';
import { type Packet, TcpFlag } from '../model/packet.ts';
import type { IpExtent } from './ip.ts';
import { tooShort } from './link.ts';
import { Verdict } from './verdict.ts';

const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_SEGMENT_SIZE = 2;
const OPTION_WINDOW_SCALE = 3;
const MAX_WINDOW_SHIFT = 14; // RFC 7323 §2.3

/**
 * Reads the TCP header (RFC 9293 §3.1) at `offset` into `packet`. `extent.end` is the end of the IP packet. A header
 * that claims to be longer than the packet has no options and no payload: what it says of the connection still counts.
 */
export function readTcp(frame: Frame, offset: number, packet: Packet, extent: IpExtent): Verdict {
  const { view, end } = frame;
  if (offset + 20 > end) return tooShort(frame);
  const headerBytes = (view.getUint8(offset + 12) >>> 4) * 4;
  if (headerBytes < 20 || offset + 20 > extent.end) return Verdict.malformed;
  const flags = view.getUint8(offset + 13);
  packet.sourcePort = view.getUint16(offset);
  packet.destinationPort = view.getUint16(offset + 2);
  packet.sequence = view.getInt32(offset + 4);
  packet.acknowledgment = view.getInt32(offset + 8);
  packet.flags = flags;
  packet.icmp = -1;
  packet.window = view.getUint16(offset + 14);
  const headerEnd = offset + headerBytes;
  const payloadStart = headerEnd < extent.end ? headerEnd : extent.end;
  packet.payloadStart = payloadStart;
  packet.payloadLengthBytes = extent.end - payloadStart;
  const capturedEnd = end < extent.end ? end : extent.end;
  packet.payloadCapturedBytes = capturedEnd > payloadStart ? capturedEnd - payloadStart : 0;
  packet.checksum = view.getUint16(offset + 16);
  packet.windowScale = -1;
  packet.segmentSize = 0;
  if ((flags & TcpFlag.syn) !== 0 && headerBytes > 20) {
    readSynOptions(view, packet, offset + 20, payloadStart < end ? payloadStart : end);
  }
  return Verdict.tcp;
}

/** Reads the options of a SYN between `at` and `end` into `packet`, up to where they are broken. */
function readSynOptions(view: DataView, packet: Packet, at: number, end: number): void {
  while (at < end) {
    const kind = view.getUint8(at);
    if (kind === OPTION_END) return;
    if (kind === OPTION_NOP) {
      at++;
      continue;
    }
    if (at + 2 > end) return;
    const length = view.getUint8(at + 1);
    if (length < 2) return;
    if (kind === OPTION_WINDOW_SCALE && length === 3 && at + 3 <= end) {
      const shift = view.getUint8(at + 2);
      packet.windowScale = shift < MAX_WINDOW_SHIFT ? shift : MAX_WINDOW_SHIFT;
    } else if (kind === OPTION_SEGMENT_SIZE && length === 4 && at + 4 <= end) {
      packet.segmentSize = view.getUint16(at + 2);
    }
    at += length;
  }
}
