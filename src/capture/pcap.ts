import { Direction, type Frame, NO_VLAN } from '../model/frame.ts';
import type { ReadBuffer } from './read-buffer.ts';
import { MAX_RECORD_BYTES, type RecordReader } from './record-reader.ts';

/** First word of a classic capture file, read big-endian (draft-ietf-opsawg-pcap §4). */
const Magic = {
  micro: 0xa1b2c3d4,
  microSwapped: 0xd4c3b2a1,
  nano: 0xa1b23c4d,
  nanoSwapped: 0x4d3cb2a1,
  /** Kuznetzov's variant: longer record headers. */
  modified: 0xa1b2cd34,
  modifiedSwapped: 0x34cdb2a1,
} as const;

const MAGICS: ReadonlySet<number> = new Set(Object.values(Magic));

export const PCAP_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
const MODIFIED_RECORD_HEADER_BYTES = 24;

/** True when a file that begins with this word (read big-endian) is a classic capture file. */
export function isPcap(magic: number): boolean {
  return MAGICS.has(magic);
}

/**
 * Classic capture files (draft-ietf-opsawg-pcap): both byte orders, microseconds and nanoseconds, and Kuznetzov's
 * variant.
 */
export class PcapReader implements RecordReader {
  problem: string | null = null;

  readonly #input: ReadBuffer;
  readonly #littleEndian: boolean;
  readonly #microsecondsPerTick: number;
  readonly #headerBytes: number;
  readonly #linkType: number;

  /** Reads the file header, which must be in the input (`PCAP_HEADER_BYTES`). */
  constructor(input: ReadBuffer) {
    this.#input = input;
    const { view, position } = input;
    const magic = view.getUint32(position);
    this.#littleEndian = magic === Magic.microSwapped || magic === Magic.nanoSwapped || magic === Magic.modifiedSwapped;
    this.#microsecondsPerTick = magic === Magic.nano || magic === Magic.nanoSwapped ? 1e-3 : 1;
    this.#headerBytes =
      magic === Magic.modified || magic === Magic.modifiedSwapped ? MODIFIED_RECORD_HEADER_BYTES : RECORD_HEADER_BYTES;
    // The upper half of the field says how long the frame check sequence is; it comes after the IP packet.
    this.#linkType = view.getUint32(position + 20, this.#littleEndian) & 0xffff;
    input.position += PCAP_HEADER_BYTES;
  }

  next(frame: Frame): boolean {
    const input = this.#input;
    const headerBytes = this.#headerBytes;
    const position = input.position;
    const available = input.end - position;
    if (available < headerBytes) {
      input.wanted = headerBytes;
      return false;
    }
    const view = input.view;
    const littleEndian = this.#littleEndian;
    const capturedLength = view.getUint32(position + 8, littleEndian);
    const recordBytes = headerBytes + capturedLength;
    if (available < recordBytes) {
      this.#want(recordBytes);
      return false;
    }
    const wireLength = view.getUint32(position + 12, littleEndian);
    const start = position + headerBytes;
    frame.view = view;
    frame.bytes = input.bytes;
    frame.start = start;
    frame.end = start + capturedLength;
    frame.wireLengthBytes = wireLength < capturedLength ? capturedLength : wireLength;
    frame.timeUs =
      view.getUint32(position, littleEndian) * 1e6 +
      view.getUint32(position + 4, littleEndian) * this.#microsecondsPerTick;
    frame.linkType = this.#linkType;
    frame.direction = Direction.unknown;
    frame.vlanTci = NO_VLAN;
    input.position = position + recordBytes;
    return true;
  }

  #want(recordBytes: number): void {
    if (recordBytes <= MAX_RECORD_BYTES) {
      this.#input.wanted = recordBytes;
      return;
    }
    const length = recordBytes - this.#headerBytes;
    this.problem = `Cannot read past byte ${this.#input.offset}: a frame of ${length} bytes is longer than any; the file is corrupt`;
  }
}
