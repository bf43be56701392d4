import { ASSERTING, assert } from '../model/assert.ts';

/** Size of a chunk: a short connection needs two or three, so little is wasted on it. */
export const CHUNK_BYTES = 1024;

const CHUNK_SHIFT = 10;
const SLAB_SHIFT = 10;
const CHUNKS_PER_SLAB = 1 << SLAB_SHIFT;

/** Says "no chunk" wherever a chunk number is expected. */
export const NO_CHUNK = -1;

/**
 * Memory in chunks of `CHUNK_BYTES`, linked into chains by number. It grows by slabs of 1 MB up to its budget and
 * reuses what was given back, last in first out, so that memory never needed is never touched. Slabs are kept for
 * reuse: what the history once needed it is likely to need again.
 */
export class ChunkPool {
  /** Chunks the budget has room for. */
  readonly totalChunks: number;
  readonly #slabs: Uint8Array[] = [];
  readonly #views: DataView[] = [];
  readonly #next: Int32Array;
  #firstFree = NO_CHUNK;
  #unused = 0; // chunks from here on were never handed out
  #free: number;

  /** `budgetBytes` bounds the slabs; besides them the pool takes 4 bytes a chunk for its links. */
  constructor(budgetBytes: number) {
    this.totalChunks = Math.floor(budgetBytes / CHUNK_BYTES);
    this.#free = this.totalChunks;
    this.#next = new Int32Array(this.totalChunks);
  }

  /** Chunks that can still be taken. */
  get freeChunks(): number {
    return this.#free;
  }

  /** Bytes of all slabs there are. */
  get slabBytes(): number {
    return this.#slabs.reduce((sum, slab) => sum + slab.length, 0);
  }

  /** Takes a chunk, last of its chain. The caller has looked at `freeChunks`. */
  take(): number {
    if (ASSERTING) assert(this.#free > 0, 'the caller has looked at freeChunks');
    this.#free--;
    let chunk = this.#firstFree;
    if (chunk !== NO_CHUNK) {
      this.#firstFree = this.#next[chunk];
    } else {
      chunk = this.#unused++;
      if (chunk >> SLAB_SHIFT === this.#slabs.length) this.#addSlab();
    }
    this.#next[chunk] = NO_CHUNK;
    return chunk;
  }

  /** Gives one chunk back; its link is void from here on. */
  release(chunk: number): void {
    if (ASSERTING) assert(chunk >= 0 && chunk < this.#unused && this.#free < this.totalChunks, 'it was taken');
    this.#next[chunk] = this.#firstFree;
    this.#firstFree = chunk;
    this.#free++;
  }

  /** Gives a whole chain back, answers how many chunks it had. */
  releaseChain(first: number): number {
    let count = 0;
    while (first !== NO_CHUNK) {
      const next = this.#next[first];
      this.release(first);
      first = next;
      count++;
    }
    return count;
  }

  /** The chunk after this one in its chain, or `NO_CHUNK`. */
  next(chunk: number): number {
    return this.#next[chunk];
  }

  link(chunk: number, next: number): void {
    if (ASSERTING) assert(chunk !== next && next < this.#unused, 'a chain leads on to another chunk');
    this.#next[chunk] = next;
  }

  /** The slab a chunk lies in; valid as long as the pool is. */
  slab(chunk: number): Uint8Array {
    return this.#slabs[chunk >> SLAB_SHIFT];
  }

  /** The same memory as `slab`. */
  view(chunk: number): DataView {
    return this.#views[chunk >> SLAB_SHIFT];
  }

  /** Where a chunk begins in its slab. */
  offset(chunk: number): number {
    return (chunk & (CHUNKS_PER_SLAB - 1)) << CHUNK_SHIFT;
  }

  #addSlab(): void {
    const chunks = Math.min(CHUNKS_PER_SLAB, this.totalChunks - this.#slabs.length * CHUNKS_PER_SLAB);
    const slab = new Uint8Array(chunks * CHUNK_BYTES);
    this.#slabs.push(slab);
    this.#views.push(new DataView(slab.buffer));
  }
}
