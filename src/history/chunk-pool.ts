import { ASSERTING, assert } from '../model/assert.ts';
import { type MemoryRoom, UNBOUNDED_ROOM } from '../model/memory-room.ts';
import { engineMemory, type MemorySupply } from '../model/memory-supply.ts';

/** Size of a chunk: a short connection needs two or three, so little is wasted on it. */
export const CHUNK_BYTES = 1024;

const CHUNK_SHIFT = 10;
const SLAB_SHIFT = 10;
const CHUNKS_PER_SLAB = 1 << SLAB_SHIFT;

/** Bytes of a slab, but for the last one there may be. */
export const SLAB_BYTES = CHUNKS_PER_SLAB * CHUNK_BYTES;

/** Says "no chunk" wherever a chunk number is expected. */
export const NO_CHUNK = -1;

/**
 * Memory in chunks of `CHUNK_BYTES`, linked into chains by number. It grows by slabs of 1 MB up to its budget and
 * reuses what was given back, last in first out, so that memory never needed is never touched. Slabs are kept for
 * reuse, as what the history once needed it is likely to need again, until others need the memory (`cut`).
 */
export class ChunkPool {
  /** Chunks the budget has room for. */
  readonly totalChunks: number;
  readonly #slabs: Uint8Array[] = [];
  readonly #views: DataView[] = [];
  readonly #next: Int32Array;
  #firstFree = NO_CHUNK;
  #unused = 0; // chunks from here on were never handed out
  /** Chunks of the slabs there are that can be taken. */
  #free = 0;
  readonly #room: MemoryRoom;
  readonly #supply: MemorySupply;

  /**
   * `budgetBytes` bounds the slabs, and `room` is asked for each; besides them the pool takes 4 bytes a chunk for its
   * links. `supply` is who slabs are given back to.
   */
  constructor(budgetBytes: number, room = UNBOUNDED_ROOM, supply = engineMemory) {
    this.totalChunks = Math.floor(budgetBytes / CHUNK_BYTES);
    this.#room = room;
    this.#supply = supply;
    this.#next = new Int32Array(this.totalChunks);
  }

  /** Chunks that were taken. */
  get takenChunks(): number {
    return this.#chunksOf(this.#slabs.length) - this.#free;
  }

  /** Slabs there are. */
  get slabCount(): number {
    return this.#slabs.length;
  }

  /** Whether so many chunks can be taken; makes slabs for them as far as there is room. */
  hasRoom(chunks: number): boolean {
    while (this.#free < chunks) if (!this.#addSlab()) return false;
    return true;
  }

  /** Bytes of all slabs there are. */
  get slabBytes(): number {
    return this.#slabs.reduce((sum, slab) => sum + slab.length, 0);
  }

  /** Takes a chunk, last of its chain. The caller has asked `hasRoom`. */
  take(): number {
    if (ASSERTING) assert(this.#free > 0, 'the caller has asked hasRoom');
    this.#free--;
    let chunk = this.#firstFree;
    if (chunk !== NO_CHUNK) this.#firstFree = this.#next[chunk];
    else chunk = this.#unused++;
    this.#next[chunk] = NO_CHUNK;
    return chunk;
  }

  /** Gives one chunk back; its link is void from here on. */
  release(chunk: number): void {
    if (ASSERTING) assert(chunk >= 0 && chunk < this.#unused && this.takenChunks > 0, 'it was taken');
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

  /** Gives the first `count` chunks of a chain back; answers the one after them. */
  releaseFirst(first: number, count: number): number {
    let chunk = first;
    for (let n = 0; n < count; n++) {
      const next = this.#next[chunk];
      this.release(chunk);
      chunk = next;
    }
    return chunk;
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

  /** First chunk that is not in the first `slabs` slabs. */
  firstBehind(slabs: number): number {
    return this.#chunksOf(slabs);
  }

  /** Nothing behind the first `slabs` slabs is handed out from here on; what was taken there stays until it is given back. */
  forbid(slabs: number): void {
    const end = this.#chunksOf(slabs);
    let firstFree = NO_CHUNK;
    let free = 0;
    for (let chunk = this.#firstFree; chunk !== NO_CHUNK; ) {
      const next = this.#next[chunk];
      if (chunk < end) {
        this.#next[chunk] = firstFree;
        firstFree = chunk;
        free++;
      }
      chunk = next;
    }
    this.#firstFree = firstFree;
    this.#free = free + Math.max(0, end - this.#unused);
  }

  /** Gives all slabs but the first `slabs` back to the system: nothing that was taken is in them, and `forbid` was called. */
  cut(slabs: number): void {
    let bytes = 0;
    for (const slab of this.#slabs.splice(slabs)) {
      bytes += slab.length;
      this.#supply.release(slab.buffer, 0, slab.length);
    }
    this.#views.length = slabs;
    this.#unused = Math.min(this.#unused, this.#chunksOf(slabs));
    this.#room.give(bytes);
  }

  /** Chunks of the first `slabs` slabs. */
  #chunksOf(slabs: number): number {
    return Math.min(slabs * CHUNKS_PER_SLAB, this.totalChunks);
  }

  /** False when there is no room for one more. */
  #addSlab(): boolean {
    const first = this.#chunksOf(this.#slabs.length);
    const bytes = (this.#chunksOf(this.#slabs.length + 1) - first) * CHUNK_BYTES;
    if (bytes === 0 || !this.#room.take(bytes)) return false;
    const slab = new Uint8Array(bytes);
    this.#slabs.push(slab);
    this.#views.push(new DataView(slab.buffer));
    this.#free += bytes / CHUNK_BYTES;
    return true;
  }
}
