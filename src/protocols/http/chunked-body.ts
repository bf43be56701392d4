const CR = 0x0d;
const LF = 0x0a;
/** 2^52 bytes: far beyond any real chunk, and still an exact number. */
const MAX_SIZE_DIGITS = 13;

const Part = { size: 0, extension: 1, data: 2, dataEnd: 3, trailers: 4 } as const;

/** Follows a body in chunks (RFC 9112 §7.1) to its end without looking at what is in it. Keeps a few numbers. */
export class ChunkedBody {
  /** The size of a chunk is not a number: nobody knows where the body ends. */
  isWrong = false;
  /** The last trailer was read. */
  isComplete = false;
  #part: number = Part.size;
  #digits = 0;
  #remainingBytes = 0;
  #lineBytes = 0; // of a trailer, or of what stands behind the data

  reset(): void {
    this.isWrong = false;
    this.isComplete = false;
    this.#startSize();
  }

  /** Takes `bytes[start..end)`. Answers where it stopped: before `end` only when it is complete or wrong. */
  data(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end && !this.isComplete && !this.isWrong) {
      if (this.#part === Part.data) {
        const length = Math.min(end - at, this.#remainingBytes);
        this.#remainingBytes -= length;
        if (this.#remainingBytes === 0) this.#part = Part.dataEnd;
        at += length;
      } else {
        this.#feed(bytes[at++]);
      }
    }
    return at;
  }

  /** Bytes that were not captured; false when they take the place with them. */
  gap(lengthBytes: number): boolean {
    if (this.#part !== Part.data || lengthBytes > this.#remainingBytes) return false;
    this.#remainingBytes -= lengthBytes;
    if (this.#remainingBytes === 0) this.#part = Part.dataEnd;
    return true;
  }

  #startSize(): void {
    this.#part = Part.size;
    this.#digits = 0;
    this.#remainingBytes = 0;
    this.#lineBytes = 0;
  }

  #feed(byte: number): void {
    switch (this.#part) {
      case Part.size:
        this.#feedSize(byte);
        break;
      case Part.extension:
        if (byte === LF) this.#endSize();
        break;
      case Part.dataEnd:
        if (byte === LF) this.#startSize();
        else if (byte !== CR || this.#lineBytes++ > 0) this.isWrong = true;
        break;
      default:
        if (byte === LF) {
          this.isComplete = this.#lineBytes === 0;
          this.#lineBytes = 0;
        } else if (byte !== CR) {
          this.#lineBytes = 1; // all that matters is that the line is not empty
        }
    }
  }

  #feedSize(byte: number): void {
    const digit = hexDigit(byte);
    if (digit >= 0 && this.#digits < MAX_SIZE_DIGITS) {
      this.#remainingBytes = this.#remainingBytes * 16 + digit;
      this.#digits++;
      return;
    }
    const isEnd = byte === CR || byte === LF || byte === 0x3b || byte === 0x20 || byte === 0x09;
    if (!isEnd || this.#digits === 0) this.isWrong = true;
    else if (byte === LF) this.#endSize();
    else this.#part = Part.extension;
  }

  #endSize(): void {
    this.#lineBytes = 0;
    this.#part = this.#remainingBytes === 0 ? Part.trailers : Part.data;
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
