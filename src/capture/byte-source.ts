import { type FileHandle, open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { createGunzip, type Gunzip } from 'node:zlib';

/** Bytes in order, read by one reader. */
export interface ByteSource {
  /**
   * Reads at most `length` bytes into `target` at `offset`; gives how many, 0 at the end. Rejects when reading fails;
   * what was read before stays good.
   */
  read(target: Uint8Array, offset: number, length: number): Promise<number>;
  /** Gives back descriptors. A read that is under way may then fail. */
  close(): void;
}

/** A file on disk. Rejects with the file system's error when it cannot be opened. */
export async function openFileBytes(path: string): Promise<ByteSource> {
  const file = await open(path, 'r');
  if ((await file.stat()).isDirectory()) {
    await file.close();
    throw new Error('it is a directory; name a capture file');
  }
  return new FileBytes(file);
}

class FileBytes implements ByteSource {
  readonly #file: FileHandle;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async read(target: Uint8Array, offset: number, length: number): Promise<number> {
    const { bytesRead } = await this.#file.read(target, offset, length, null);
    return bytesRead;
  }

  close(): void {
    // Closing waits for a read that is under way; there is nobody left to tell of a failure.
    this.#file.close().catch(() => undefined);
  }
}

/** Gives out the pieces others have allocated, however they were cut. */
class Pieces {
  #pieces: Uint8Array[] = [];
  #position = 0;

  get isEmpty(): boolean {
    return this.#pieces.length === 0;
  }

  push(piece: Uint8Array): void {
    if (piece.length > 0) this.#pieces.push(piece);
  }

  take(target: Uint8Array, offset: number, length: number): number {
    let taken = 0;
    while (taken < length) {
      const piece = this.#pieces[0];
      if (piece === undefined) break;
      const count = Math.min(length - taken, piece.length - this.#position);
      target.set(piece.subarray(this.#position, this.#position + count), offset + taken);
      taken += count;
      this.#position += count;
      if (this.#position < piece.length) break;
      this.#pieces.shift();
      this.#position = 0;
    }
    return taken;
  }
}

/** A stream of Node, e.g. standard input. It is destroyed at `close()`. */
export class StreamBytes implements ByteSource {
  readonly #stream: Readable;
  readonly #iterator: AsyncIterator<Uint8Array>;
  readonly #pieces = new Pieces();

  constructor(stream: Readable) {
    this.#stream = stream;
    this.#iterator = stream[Symbol.asyncIterator]();
  }

  async read(target: Uint8Array, offset: number, length: number): Promise<number> {
    while (this.#pieces.isEmpty) {
      const result = await this.#iterator.next();
      if (result.done === true) return 0;
      this.#pieces.push(result.value);
    }
    return this.#pieces.take(target, offset, length);
  }

  close(): void {
    this.#stream.destroy();
  }
}

/** Compressed bytes handed to the decompressor at once; it can make a thousand times as much of them. */
const GZIP_INPUT_BYTES = 32_768;

/**
 * What another source has compressed with gzip (RFC 1952). The decompressor is fed piece by piece and only when bytes
 * are wanted, so that memory stays bounded and nothing it gave before an error is lost.
 */
export class GunzipBytes implements ByteSource {
  readonly #compressed: ByteSource;
  readonly #gunzip: Gunzip = createGunzip();
  readonly #input = new Uint8Array(GZIP_INPUT_BYTES);
  readonly #pieces = new Pieces();
  #ended = false;
  #failure: Error | null = null;
  #wake: () => void = () => undefined;

  constructor(compressed: ByteSource) {
    this.#compressed = compressed;
    this.#gunzip.on('data', (piece: Uint8Array) => this.#pieces.push(piece));
    this.#gunzip.on('end', () => {
      this.#ended = true;
      this.#wake();
    });
    this.#gunzip.on('error', (error) => {
      this.#failure = error;
      this.#wake();
    });
  }

  async read(target: Uint8Array, offset: number, length: number): Promise<number> {
    while (this.#pieces.isEmpty) {
      if (this.#failure !== null) throw this.#failure;
      if (this.#ended) return 0;
      await this.#feed();
    }
    return this.#pieces.take(target, offset, length);
  }

  close(): void {
    this.#gunzip.destroy();
    this.#wake();
    this.#compressed.close();
  }

  async #feed(): Promise<void> {
    const count = await this.#compressed.read(this.#input, 0, GZIP_INPUT_BYTES);
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (count === 0) this.#gunzip.end();
      else this.#gunzip.write(this.#input.subarray(0, count), () => resolve());
    });
  }
}

/** Puts bytes that were already read in front of the source they came from. */
export class PrefixedBytes implements ByteSource {
  readonly #pieces = new Pieces();
  readonly #rest: ByteSource;

  constructor(prefix: Uint8Array, rest: ByteSource) {
    this.#pieces.push(prefix);
    this.#rest = rest;
  }

  async read(target: Uint8Array, offset: number, length: number): Promise<number> {
    return this.#pieces.isEmpty ? this.#rest.read(target, offset, length) : this.#pieces.take(target, offset, length);
  }

  close(): void {
    this.#rest.close();
  }
}
