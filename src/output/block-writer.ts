/** Type, length, and the length again at the end. */
export const BLOCK_FRAME_BYTES = 12;
const END_OF_OPTIONS = 0;
const MAX_OPTION_BYTES = 0xffff;

/** Writes the blocks of a pcapng file (draft-ietf-opsawg-pcapng §3.1), little-endian, into a buffer that is large enough. */
export class BlockWriter {
  readonly #buffer: Buffer;
  #length = 0;
  #blockStart = 0;

  constructor(sizeBytes: number) {
    this.#buffer = Buffer.alloc(sizeBytes);
  }

  /** What was written so far; a view. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  begin(type: number): void {
    this.#blockStart = this.#length;
    this.uint32(type);
    this.uint32(0); // the length, known in the end
  }

  end(): void {
    this.uint32(0);
    const blockBytes = this.#length - this.#blockStart;
    this.#buffer.writeUInt32LE(blockBytes, this.#blockStart + 4);
    this.#buffer.writeUInt32LE(blockBytes, this.#length - 4);
  }

  uint16(value: number): void {
    this.#length = this.#buffer.writeUInt16LE(value, this.#length);
  }

  uint32(value: number): void {
    this.#length = this.#buffer.writeUInt32LE(value, this.#length);
  }

  /** A time in microseconds since 1970-01-01: its upper half comes first (§4.3). */
  time(timeUs: number): void {
    this.uint32(Math.floor(timeUs / 2 ** 32));
    this.uint32(timeUs % 2 ** 32);
  }

  /** Bytes, filled up to 32 bits with zeros. */
  padded(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.#length);
    this.#length += padTo32(bytes.length);
  }

  /** An option that is text (§3.5); `lead` stands before it. */
  textOption(code: number, text: string, lead: readonly number[] = []): void {
    const value = Buffer.concat([Uint8Array.from(lead), Buffer.from(text)]).subarray(0, MAX_OPTION_BYTES);
    this.uint16(code);
    this.uint16(value.length);
    this.padded(value);
  }

  /** An option that is a 64-bit number. */
  numberOption(code: number, value: number): void {
    this.uint16(code);
    this.uint16(8);
    this.uint32(value % 2 ** 32);
    this.uint32(Math.floor(value / 2 ** 32));
  }

  endOfOptions(): void {
    this.uint16(END_OF_OPTIONS);
    this.uint16(0);
  }
}

/** Bytes that `padded` takes for so many. */
function padTo32(bytes: number): number {
  return (bytes + 3) & ~3;
}

/** Bytes that an option with a text takes at most. */
export function textOptionBytes(text: string): number {
  return 4 + padTo32(Math.min(Buffer.byteLength(text), MAX_OPTION_BYTES) + 1);
}
