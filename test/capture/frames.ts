/** Frames and capture files for tests, made byte by byte. */

/** mulberry32: the same numbers for the same seed. */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const MACS = '020000000002020000000001';

/** IPv4 and TCP headers (no checksums) before `payload`. */
export function tcpPacket(sourcePort: number, payload: Uint8Array): Buffer {
  const ip = Buffer.from('45000000000040004006000000000000000000000000', 'hex').subarray(0, 20);
  ip.writeUInt16BE(40 + payload.length, 2);
  ip.writeUInt32BE(0x0a000001, 12);
  ip.writeUInt32BE(0x0a000002, 16);
  const tcp = Buffer.alloc(20);
  tcp.writeUInt16BE(sourcePort, 0);
  tcp.writeUInt16BE(80, 2);
  tcp.writeUInt16BE(0x5010, 12);
  return Buffer.concat([ip, tcp, payload]);
}

/** An Ethernet frame with an IPv4 TCP segment; `tags` are 802.1Q tags (`8100` and the control word) in hex. */
export function tcpFrame(sourcePort: number, payload: Uint8Array, tags = ''): Buffer {
  return Buffer.concat([Buffer.from(`${MACS}${tags}0800`, 'hex'), tcpPacket(sourcePort, payload)]);
}

/** An Ethernet frame with an IPv6 packet: `nextHeader` in its header, then `rest`. */
export function ipv6Frame(nextHeader: number, rest: Uint8Array, tags = ''): Buffer {
  const ip = Buffer.alloc(40);
  ip[0] = 0x60;
  ip.writeUInt16BE(rest.length, 4);
  ip[6] = nextHeader;
  ip[7] = 64;
  ip[23] = 1;
  ip[39] = 2;
  return Buffer.concat([Buffer.from(`${MACS}${tags}86dd`, 'hex'), ip, rest]);
}

/** Frames with seeded payloads from nothing to a full segment. Their source port counts from 1000. */
export function seededFrames(count: number, seed: number): Buffer[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, i) => {
    const payload = Buffer.alloc(Math.floor(random() * 1461));
    for (let j = 0; j < payload.length; j++) payload[j] = Math.floor(random() * 256);
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
