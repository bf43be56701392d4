import { Direction, type Frame, NO_VLAN } from '../model/frame.ts';
import type { ReadBuffer } from './read-buffer.ts';
import { MAX_RECORD_BYTES, type RecordReader } from './record-reader.ts';

/** Block types (draft-ietf-opsawg-pcapng §4). */
const BlockType = {
  section: 0x0a0d0d0a,
  interface: 1,
  /** Obsolete, but still found. */
  packet: 2,
  simplePacket: 3,
  enhancedPacket: 6,
} as const;

/** Interfaces of a section: no machine has as many, and a compressed file could describe a hundred million. */
const MOST_INTERFACES = 16_384;

const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

/** Block type, total length, and the total length again at the end. */
const MIN_BLOCK_BYTES = 12;

/** Options of an interface description. */
const Option = { end: 0, timestampResolution: 9, timestampOffset: 14 } as const;

/** What a section says of one of its interfaces. */
interface CaptureInterface {
  readonly linkType: number;
  readonly snapLenBytes: number;
  /** Ticks of its clock in a second. */
  readonly ticksPerSecond: number;
  readonly offsetUs: number;
}

/** True when a file that begins with this word is a pcapng file; it reads the same in both byte orders. */
export function isPcapng(magic: number): boolean {
  return magic === BlockType.section;
}

/** Bytes of a section header that tell its byte order. */
export const PCAPNG_HEADER_BYTES = 12;

/** True when the section header at the input's position has a byte order at all. */
export function isSectionHeader(view: DataView, position: number): boolean {
  return view.getUint32(position + 8) === BYTE_ORDER_MAGIC || view.getUint32(position + 8, true) === BYTE_ORDER_MAGIC;
}

/**
 * pcapng files (draft-ietf-opsawg-pcapng): any number of sections, each in its own byte order, and of interfaces, each
 * with its own link type and clock. Enhanced, simple and obsolete packet blocks give frames; other blocks are passed
 * over. A simple packet has no time: it gets that of the frame before it. Times finer than a microsecond stay as a
 * fraction.
 */
export class PcapngReader implements RecordReader {
  problem: string | null = null;

  readonly #input: ReadBuffer;
  #littleEndian = false;
  #interfaces: CaptureInterface[] = [];
  #lastTimeUs = 0;

  constructor(input: ReadBuffer) {
    this.#input = input;
  }

  next(frame: Frame): boolean {
    const input = this.#input;
    while (this.problem === null) {
      const view = input.view;
      const position = input.position;
      const available = input.end - position;
      if (available < MIN_BLOCK_BYTES) {
        input.wanted = MIN_BLOCK_BYTES;
        return false;
      }
      const type = view.getUint32(position, this.#littleEndian);
      if (type === BlockType.section) this.#readByteOrder(view, position + 8);
      const blockBytes = view.getUint32(position + 4, this.#littleEndian);
      if (blockBytes < MIN_BLOCK_BYTES || (blockBytes & 3) !== 0 || blockBytes > MAX_RECORD_BYTES) {
        this.#fail(`a block cannot be ${blockBytes} bytes long`);
        return false;
      }
      if (available < blockBytes) {
        input.wanted = blockBytes;
        return false;
      }
      if (view.getUint32(position + blockBytes - 4, this.#littleEndian) !== blockBytes) {
        this.#fail('the two lengths of a block are not the same');
        return false;
      }
      const isFrame = this.#readBlock(type, view, position, blockBytes, frame);
      if (this.problem !== null) return false;
      input.position = position + blockBytes;
      if (isFrame) return true;
    }
    return false;
  }

  /** True when the block gave a frame. */
  #readBlock(type: number, view: DataView, position: number, blockBytes: number, frame: Frame): boolean {
    const body = position + 8;
    const bodyEnd = position + blockBytes - 4;
    if (type === BlockType.enhancedPacket) {
      if (bodyEnd - body < 20) return this.#fail('a packet block is too short');
      const id = view.getUint32(body, this.#littleEndian);
      return this.#readPacket(view, body, id, body + 20, bodyEnd, frame);
    }
    if (type === BlockType.packet) {
      if (bodyEnd - body < 20) return this.#fail('a packet block is too short');
      const id = view.getUint16(body, this.#littleEndian);
      return this.#readPacket(view, body, id, body + 20, bodyEnd, frame);
    }
    if (type === BlockType.simplePacket) return this.#readSimplePacket(view, body, bodyEnd, frame);
    if (type === BlockType.interface) this.#readInterface(view, body, bodyEnd);
    else if (type === BlockType.section) this.#interfaces = [];
    return false;
  }

  /** Enhanced and obsolete packet blocks: time, lengths and data are at the same places. */
  #readPacket(view: DataView, body: number, id: number, start: number, bodyEnd: number, frame: Frame): boolean {
    const littleEndian = this.#littleEndian;
    const source = this.#interfaces[id];
    if (source === undefined) return this.#fail(`a packet is of interface ${id}, which the file does not describe`);
    const capturedLength = view.getUint32(body + 12, littleEndian);
    if (capturedLength > bodyEnd - start) return this.#fail('a packet is longer than its block');
    const high = view.getUint32(body + 4, littleEndian);
    const low = view.getUint32(body + 8, littleEndian);
    this.#lastTimeUs = ticksToUs(high, low, source.ticksPerSecond) + source.offsetUs;
    this.#fill(frame, start, capturedLength, view.getUint32(body + 16, littleEndian), source.linkType);
    return true;
  }

  #readSimplePacket(view: DataView, body: number, bodyEnd: number, frame: Frame): boolean {
    if (bodyEnd - body < 4) return this.#fail('a packet block is too short');
    const source = this.#interfaces[0];
    if (source === undefined) return this.#fail('a packet is of interface 0, which the file does not describe');
    const wireLength = view.getUint32(body, this.#littleEndian);
    const limit = source.snapLenBytes === 0 ? wireLength : Math.min(wireLength, source.snapLenBytes);
    this.#fill(frame, body + 4, Math.min(limit, bodyEnd - body - 4), wireLength, source.linkType);
    return true;
  }

  #fill(frame: Frame, start: number, capturedLength: number, wireLength: number, linkType: number): void {
    frame.view = this.#input.view;
    frame.bytes = this.#input.bytes;
    frame.start = start;
    frame.end = start + capturedLength;
    frame.wireLengthBytes = wireLength < capturedLength ? capturedLength : wireLength;
    frame.timeUs = this.#lastTimeUs;
    frame.linkType = linkType;
    frame.direction = Direction.unknown;
    frame.vlanTci = NO_VLAN;
  }

  #readByteOrder(view: DataView, position: number): void {
    if (view.getUint32(position, true) === BYTE_ORDER_MAGIC) this.#littleEndian = true;
    else if (view.getUint32(position) === BYTE_ORDER_MAGIC) this.#littleEndian = false;
    else this.#fail('a section has no byte order');
  }

  #readInterface(view: DataView, body: number, bodyEnd: number): void {
    const littleEndian = this.#littleEndian;
    if (bodyEnd - body < 8) {
      this.#fail('an interface description is too short');
      return;
    }
    if (this.#interfaces.length >= MOST_INTERFACES) {
      this.#fail(`a section describes more than ${MOST_INTERFACES} interfaces`);
      return;
    }
    let ticksPerSecond = 1e6;
    let offsetUs = 0;
    for (let option = body + 8; option + 4 <= bodyEnd; ) {
      const code = view.getUint16(option, littleEndian);
      const length = view.getUint16(option + 2, littleEndian);
      const value = option + 4;
      if (code === Option.end || value + length > bodyEnd) break;
      if (code === Option.timestampResolution && length >= 1) {
        const resolution = view.getUint8(value);
        ticksPerSecond = (resolution & 0x80) === 0 ? 10 ** resolution : 2 ** (resolution & 0x7f);
      } else if (code === Option.timestampOffset && length >= 8) {
        offsetUs = signed64(view, value, littleEndian) * 1e6;
      }
      option = value + ((length + 3) & ~3);
    }
    this.#interfaces.push({
      linkType: view.getUint16(body, littleEndian),
      snapLenBytes: view.getUint32(body + 4, littleEndian),
      ticksPerSecond,
      offsetUs,
    });
  }

  /** Says why there is no going on; false, so that a reading method can return it. */
  #fail(reason: string): false {
    this.problem = `Cannot read past byte ${this.#input.offset}: ${reason}; the file is corrupt`;
    return false;
  }
}

const NANOSECONDS = 1e9;

/** A 64-bit count of ticks as microseconds. Nanoseconds since 1970 pass 2^53: their thousands are split off exactly. */
function ticksToUs(high: number, low: number, ticksPerSecond: number): number {
  if (ticksPerSecond === NANOSECONDS) return high * 4_294_967 + (high * 296 + low) / 1e3; // 2^32 = 4294967296
  return ((high * 2 ** 32 + low) / ticksPerSecond) * 1e6;
}

function signed64(view: DataView, position: number, littleEndian: boolean): number {
  const high = view.getInt32(position + (littleEndian ? 4 : 0), littleEndian);
  const low = view.getUint32(position + (littleEndian ? 0 : 4), littleEndian);
  return high * 2 ** 32 + low;
}
