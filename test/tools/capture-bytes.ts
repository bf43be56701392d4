/** Capture files for tests, made byte by byte, and the plain frames that are put into them. */
import { hex, ipv4, ipv6, tcp } from './frame-bytes.ts';
import { Random } from './random.ts';

const MACS = '020000000002020000000001';
const PLAIN = { destinationPort: 80, sequence: 0, acknowledgment: 0, flags: 0x10, window: 0 };

/** IPv4 and TCP headers (no checksums) before `payload`. */
export function tcpPacket(sourcePort: number, payload: Uint8Array): Buffer {
  return ipv4(tcp({ ...PLAIN, sourcePort, payload: Buffer.from(payload) })).bytes;
}

/** An Ethernet frame with an IPv4 TCP segment; `tags` are 802.1Q tags (`8100` and the control word) in hex. */
export function tcpFrame(sourcePort: number, payload: Uint8Array, tags = ''): Buffer {
  return Buffer.concat([hex(`${MACS}${tags}0800`), tcpPacket(sourcePort, payload)]);
}

/** An Ethernet frame with an IPv6 packet: `nextHeader` in its header, then `rest`. */
export function ipv6Frame(nextHeader: number, rest: Uint8Array, tags = ''): Buffer {
  return Buffer.concat([hex(`${MACS}${tags}86dd`), ipv6(Buffer.from(rest), { next: nextHeader }).bytes]);
}

/** Frames with seeded payloads from nothing to a full segment. Their source port counts from 1000. */
export function seededFrames(count: number, seed: number): Buffer[] {
  const random = new Random(seed);
  return Array.from({ length: count }, (_, i) => {
    const payload = Buffer.alloc(random.below(1461));
    for (let j = 0; j < payload.length; j++) payload[j] = random.below(256);
    return tcpFrame(1000 + (i % 50_000), payload);
  });
}

/** How a classic capture file is written. */
export interface PcapFormat {
  readonly littleEndian?: boolean;
  readonly nano?: boolean;
  readonly modified?: boolean;
  readonly linkType?: number;
}

/** A record of a capture file: seconds, the fraction in the file's ticks, and the bytes. */
export interface PcapRecord {
  readonly seconds: number;
  readonly ticks: number;
  readonly bytes: Uint8Array;
  readonly wireLength?: number;
}

/** A classic capture file. */
export function pcapFile(records: readonly PcapRecord[], format: PcapFormat = {}): Buffer {
  const words = (values: readonly number[]) => wordsOf(values, format.littleEndian ?? true);
  const magic = format.modified ? 0xa1b2cd34 : format.nano ? 0xa1b23c4d : 0xa1b2c3d4;
  const version = format.littleEndian === false ? 0x00020004 : 0x00040002;
  const parts = [words([magic, version, 0, 0, 262_144, format.linkType ?? 1])];
  for (const { seconds, ticks, bytes, wireLength } of records) {
    parts.push(words([seconds, ticks, bytes.length, wireLength ?? bytes.length]));
    if (format.modified) parts.push(words([0, 0]));
    parts.push(Buffer.from(bytes));
  }
  return Buffer.concat(parts);
}

/** 32-bit words in a byte order. */
export function wordsOf(values: readonly number[], littleEndian: boolean): Buffer {
  const buffer = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => {
    if (littleEndian) buffer.writeUInt32LE(value >>> 0, 4 * i);
    else buffer.writeUInt32BE(value >>> 0, 4 * i);
  });
  return buffer;
}

/** Frames one after the other, a millisecond apart. */
export function recordsOf(frames: readonly Uint8Array[]): PcapRecord[] {
  return frames.map((bytes, i) => ({ seconds: 1_700_000_000 + Math.floor(i / 1000), ticks: (i % 1000) * 1000, bytes }));
}
