/** Frames put together layer by layer, innermost last: `ethernet(ipv4(tcp()))`. Checksums are left out, nobody reads them. */
import { Decoder } from '../../src/layers/decoder.ts';
import { Verdict } from '../../src/layers/verdict.ts';
import { Frame } from '../../src/model/frame.ts';
import { LinkType } from '../../src/model/link-type.ts';
import { Packet } from '../../src/model/packet.ts';

export const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex');

const uint16 = (value: number) => [(value >> 8) & 0xff, value & 0xff];

/** An IP packet, and what a link layer says is inside. */
export interface IpPacket {
  readonly etherType: number;
  readonly bytes: Buffer;
}

export interface TcpFields {
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly sequence?: number;
  readonly acknowledgment?: number;
  readonly flags?: number;
  readonly window?: number;
  readonly options?: Buffer;
  readonly payload?: Buffer;
  /** Header length in bytes; taken from the options when missing. */
  readonly headerBytes?: number;
}

export function tcp(fields: TcpFields = {}): Buffer {
  const { options = Buffer.alloc(0), payload = Buffer.from('hello') } = fields;
  const header = Buffer.alloc(20);
  header.writeUInt16BE(fields.sourcePort ?? 40_000, 0);
  header.writeUInt16BE(fields.destinationPort ?? 443, 2);
  header.writeUInt32BE(fields.sequence ?? 0x89abcdef, 4);
  header.writeUInt32BE(fields.acknowledgment ?? 0x01234567, 8);
  header[12] = (fields.headerBytes ?? 20 + options.length) << 2;
  header[13] = fields.flags ?? 0x18;
  header.writeUInt16BE(fields.window ?? 0xfffe, 14);
  return Buffer.concat([header, options, payload]);
}

export interface Ipv4Fields {
  readonly options?: Buffer;
  readonly protocol?: number;
  /** The fragment word: flags and offset. */
  readonly fragment?: number;
  readonly totalLength?: number;
  readonly destination?: string;
}

export function ipv4(payload: Buffer, fields: Ipv4Fields = {}): IpPacket {
  const { options = Buffer.alloc(0) } = fields;
  const header = hex('45000000 00010000 40060000 0a000001 0a000002');
  header[0] = 0x40 | ((20 + options.length) / 4);
  header.writeUInt16BE((fields.totalLength ?? 20 + options.length + payload.length) & 0xffff, 2);
  header.writeUInt16BE(fields.fragment ?? 0x4000, 6);
  header[9] = fields.protocol ?? 6;
  if (fields.destination !== undefined) hex(fields.destination).copy(header, 16);
  return { etherType: 0x0800, bytes: Buffer.concat([header, options, payload]) };
}

export interface Ipv6Fields {
  /** The first next-header value; 6 (TCP) when missing. */
  readonly next?: number;
  readonly payloadLength?: number;
}

export const IPV6_SOURCE = '20010db8 00000000 00000000 00000001';
export const IPV6_DESTINATION = '20010db8 00000000 00000000 00000002';

/** `payload` begins with the extension headers, if there are any. */
export function ipv6(payload: Buffer, fields: Ipv6Fields = {}): IpPacket {
  const header = Buffer.concat([hex('60000000 0000 06 40'), hex(IPV6_SOURCE), hex(IPV6_DESTINATION)]);
  header.writeUInt16BE((fields.payloadLength ?? payload.length) & 0xffff, 4);
  header[6] = fields.next ?? 6;
  return { etherType: 0x86dd, bytes: Buffer.concat([header, payload]) };
}

/** An IPv6 extension header of the common shape, padded to 8 bytes: next header, length, `body`. */
export function extension(next: number, body: Buffer = Buffer.alloc(6)): Buffer {
  return Buffer.concat([Buffer.from([next, (body.length + 2) / 8 - 1]), body]);
}

/** `tags` are the EtherTypes of VLAN tags, outermost first. */
export function ethernet({ etherType, bytes }: IpPacket, tags: readonly number[] = []): Buffer {
  const types = tags.flatMap((tag, i) => [...uint16(tag), ...uint16(100 + i)]);
  return Buffer.concat([hex('020000000002 020000000001'), Buffer.from([...types, ...uint16(etherType)]), bytes]);
}

export function sll({ etherType, bytes }: IpPacket, tags: readonly number[] = []): Buffer {
  const types = tags.flatMap((tag, i) => [...uint16(tag), ...uint16(100 + i)]);
  return Buffer.concat([hex('0000 0001 0006 020000000001 0000'), Buffer.from([...types, ...uint16(etherType)]), bytes]);
}

export function sll2({ etherType, bytes }: IpPacket, tags: readonly number[] = []): Buffer {
  const [first = etherType, ...more] = [...tags, etherType];
  const behind = more.flatMap((type, i) => [...uint16(100 + i), ...uint16(type)]);
  const header = hex('0000 0000 00000003 0001 00 06 020000000001 0000');
  header.writeUInt16BE(first, 0);
  return Buffer.concat([header, Buffer.from(behind), bytes]);
}

/** `order` is the byte order of the machine that captured. */
export function loopback({ etherType, bytes }: IpPacket, order: 'big' | 'little'): Buffer {
  const family = etherType === 0x0800 ? 2 : 30;
  return Buffer.concat([Buffer.from(order === 'big' ? [0, 0, 0, family] : [family, 0, 0, 0]), bytes]);
}

/** NFLOG: a packet header TLV, a prefix of `prefixBytes`, then the payload. */
export function nflog({ etherType, bytes }: IpPacket, prefixBytes = 5): Buffer {
  const tlv = (type: number, value: Buffer) => {
    const header = Buffer.alloc(4);
    header.writeUInt16LE(4 + value.length, 0);
    header.writeUInt16LE(type, 2);
    return Buffer.concat([header, value, Buffer.alloc(-value.length & 3)]);
  };
  const family = etherType === 0x0800 ? 2 : 10;
  const payload = tlv(9, bytes).subarray(0, 4 + bytes.length);
  return Buffer.concat([
    Buffer.from([family, 0, 0, 7]),
    tlv(1, hex('08000300')),
    tlv(10, Buffer.alloc(prefixBytes, 65)),
    payload,
  ]);
}

/** A view that throws when a decoder reads outside the frame: what lies there belongs to other frames. */
function guardedView(buffer: ArrayBuffer, from: number, to: number): DataView {
  const inner = new DataView(buffer);
  const check = (at: number, length: number) => {
    if (at >= from && at + length <= to) return at;
    throw new Error(`read of ${length} bytes at ${at}, outside ${from} to ${to}`);
  };
  return Object.assign(new DataView(buffer), {
    getUint8: (at: number) => inner.getUint8(check(at, 1)),
    getUint16: (at: number, littleEndian?: boolean) => inner.getUint16(check(at, 2), littleEndian),
    getUint32: (at: number, littleEndian?: boolean) => inner.getUint32(check(at, 4), littleEndian),
    getInt32: (at: number, littleEndian?: boolean) => inner.getInt32(check(at, 4), littleEndian),
  });
}

const START = 37; // nothing is aligned in a capture

export interface CaptureFields {
  readonly linkType?: number;
  /** Bytes on the wire; those given when missing. */
  readonly wireLength?: number;
  readonly timeUs?: number;
}

/** What decoding made of a frame. */
export interface Decoded {
  readonly verdict: keyof typeof Verdict;
  readonly packet: Packet;
  readonly source: string;
  readonly destination: string;
  readonly payload: string;
  readonly frame: Frame;
}

/** Decodes bytes that lie in the middle of a larger memory, which must not be touched. */
export function decode(bytes: Uint8Array, fields: CaptureFields = {}): Decoded {
  const frame = new Frame();
  const memory = new ArrayBuffer(START + bytes.length + 64);
  frame.bytes = new Uint8Array(memory).fill(0x45);
  frame.bytes.set(bytes, START);
  frame.view = guardedView(memory, START, START + bytes.length);
  frame.start = START;
  frame.end = START + bytes.length;
  frame.wireLengthBytes = fields.wireLength ?? bytes.length;
  frame.timeUs = fields.timeUs ?? 1_700_000_000e6;
  frame.linkType = fields.linkType ?? LinkType.ethernet;
  const packet = new Packet();
  const number = new Decoder().decode(frame, packet);
  const verdict = (Object.keys(Verdict) as (keyof typeof Verdict)[]).find((name) => Verdict[name] === number) ?? 'tcp';
  const isTcp = number === Verdict.tcp;
  const text = (from: number, length: number) =>
    isTcp ? Buffer.from(frame.bytes.subarray(from, from + length)).toString('hex') : '';
  const addressBytes = packet.ipVersion === 4 ? 4 : 16;
  return {
    verdict,
    packet,
    source: text(packet.sourceAddress, addressBytes),
    destination: text(packet.destinationAddress, addressBytes),
    payload: isTcp
      ? Buffer.from(
          frame.bytes.subarray(packet.payloadStart, packet.payloadStart + packet.payloadCapturedBytes),
        ).toString()
      : '',
    frame,
  };
}
