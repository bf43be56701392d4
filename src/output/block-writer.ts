/** Type, length, and the length again at the end. */
export const BLOCK_FRAME_BYTES = 12;
const END_OF_OPTIONS = 0;
const MAX_OPTION_BYTES = 0xffff;
/** Bytes that a UTF-16 unit of a text takes in UTF-8 at most. */
const MOST_UTF8_BYTES = 3;

/** Writes the blocks of a pcapng file (draft-ietf-opsawg-pcapng §3.1), little-endian, into memory that it uses again. */
export class BlockWriter {
  #buffer: Buffer;
  #view: DataView;
  #length = 0;
  #blockStart = 0;

  constructor(sizeBytes: number) {
    this.#buffer = memoryOf(sizeBytes);
    this.#view = viewOf(this.#buffer);
  }

  /** What was written so far; a view. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Whether so many bytes more can be written. */
  hasRoom(bytes: number): boolean {
    return this.#length + bytes <= this.#buffer.length;
  }

  /** Begins anew, with room for at least so many bytes: what was written is gone. */
  clear(bytes: number): void {
    this.#length = 0;
    if (this.hasRoom(bytes)) return;
    this.#buffer = memoryOf(bytes);
    this.#view = viewOf(this.#buffer);
  }

  begin(type: number): void {
    this.#blockStart = this.#length;
    this.uint32(type);
    this.uint32(0); // the length, known in the end
  }

  end(): void {
    this.uint32(0);
    const blockBytes = this.#length - this.#blockStart;
    this.#view.setUint32(this.#blockStart + 4, blockBytes, true);
    this.#view.setUint32(this.#length - 4, blockBytes, true);
  }

  uint16(value: number): void {
    this.#view.setUint16(this.#length, value, true);
    this.#length += 2;
  }

  uint32(value: number): void {
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
  }

  /** A time in microseconds since 1970-01-01: its upper half comes first (§4.3). */
  time(timeUs: number): void {
    this.uint32(Math.floor(timeUs / 2 ** 32));
    this.uint32(timeUs % 2 ** 32);
  }

  /** Bytes, filled up to 32 bits with zeros. */
  padded(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
    this.#pad();
  }

  /** An option that is text (§3.5), as much of it as fits; `lead` stands before it. */
  textOption(code: number, text: string, lead: readonly number[] = []): void {
    const start = this.#length + 4;
    const textStart = start + lead.length;
    const room = Math.min(MAX_OPTION_BYTES - lead.length, this.#buffer.length - textStart);
    const textBytes = this.#buffer.write(text, textStart, room);
    this.#buffer.set(lead, start);
    this.uint16(code);
    this.uint16(lead.length + textBytes);
    this.#length = textStart + textBytes;
    this.#pad();
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

  #pad(): void {
    while (this.#length % 4 !== 0) this.#buffer[this.#length++] = 0;
  }
}

/** Not filled with zeros, which would touch all of it for a file of some packets: each byte of a block is written. */
function memoryOf(bytes: number): Buffer {
  return Buffer.allocUnsafeSlow(bytes);
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** Bytes that an option with a text takes at most. */
export function textOptionBytes(text: string): number {
  return 8 + Math.min(text.length * MOST_UTF8_BYTES, MAX_OPTION_BYTES);
}
