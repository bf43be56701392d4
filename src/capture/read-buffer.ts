import type { ByteSource } from './byte-source.ts';

/** How much is read at once. */
const CHUNK_BYTES = 1 << 20;

/**
 * A piece of a long byte sequence, held in memory: records are read in place out of it, and `fill()` moves it on. Its
 * size only grows for a record that does not fit.
 */
export class ReadBuffer {
  bytes = new Uint8Array(CHUNK_BYTES);
  view = new DataView(this.bytes.buffer);
  /** First byte that was not consumed. The reader moves it on. */
  position = 0;
  /** One past the last byte that is here. */
  end = 0;
  /** How many bytes the reader needs at `position` to go on. */
  wanted = 1;
  /** Why no more bytes come, in words; null while they do, and at a regular end. */
  failure: string | null = null;

  readonly #source: ByteSource;
  /** Where `bytes[0]` is in the whole sequence. */
  #base = 0;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** Where the reader is in the whole sequence. */
  get offset(): number {
    return this.#base + this.position;
  }

  /** Bytes that are here and not consumed. */
  get available(): number {
    return this.end - this.position;
  }

  /**
   * Makes room and reads until `wanted` bytes are there; false when the sequence ends before (`failure` says why, if
   * it is not its regular end). Invalidates what was handed out of the window.
   */
  async fill(): Promise<boolean> {
    this.#makeRoom();
    while (this.available < this.wanted) {
      let count = 0;
      try {
        count = await this.#source.read(this.bytes, this.end, this.bytes.length - this.end);
      } catch (error) {
        this.failure = error instanceof Error ? error.message : String(error);
      }
      if (count === 0) return false;
      this.end += count;
    }
    return true;
  }

  /** Lets go of the source and of the memory. */
  close(): void {
    this.#source.close();
    this.bytes = new Uint8Array(0);
    this.view = new DataView(this.bytes.buffer);
    this.position = 0;
    this.end = 0;
  }

  #makeRoom(): void {
    const rest = this.available;
    if (this.wanted > this.bytes.length) {
      const larger = new Uint8Array(this.wanted + CHUNK_BYTES);
      larger.set(this.bytes.subarray(this.position, this.end));
      this.bytes = larger;
      this.view = new DataView(larger.buffer);
    } else if (this.position > 0) {
      this.bytes.copyWithin(0, this.position, this.end);
    }
    this.#base += this.position;
    this.position = 0;
    this.end = rest;
  }
}
