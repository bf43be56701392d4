import { ASSERTING, assert } from '../model/assert.ts';
import type { FrameStore } from '../model/frame-store.ts';
import { type MemoryRoom, UNBOUNDED_ROOM } from '../model/memory-room.ts';
import { engineMemory, type GrowingMemory } from '../model/memory-supply.ts';

/** Blocks of a large log: as large as the blocks of a packet ring, which are copied whole. */
const LARGE_BLOCK_BYTES = 512 * 1024;
/** Blocks of a small log: the longest frame of segmentation offload that is usual (64 KiB) fits twice. */
const SMALL_BLOCK_BYTES = 128 * 1024;
/** A log with fewer large blocks than this has small ones: one block at a time is given up whole. */
const FEWEST_LARGE_BLOCKS = 8;
/** Offsets have to be small integers, and one piece of memory must not be too large to be had. */
const LARGEST_LOG_BYTES = 2 ** 30;

/** A block that holds no more than this share of living references is not worth its memory. */
const WORTHLESS_SHARE = 1 / 16;
/** Blocks given up at most when a new one is begun, so that no packet pays for many. */
const GIVEN_UP_AT_ONCE = 2;
/** Blocks that stay: the one that is filled, and the one before it, which a source may still be reading. */
const FEWEST_BLOCKS = 2;

/**
 * Room for a frame in the log, at least: as much as the kernel takes in a ring block for the shortest TCP packet (82
 * bytes of headers, 54 of the frame, aligned to 16). It bounds the references of a block.
 */
export const MIN_FRAME_BYTES = 144;

/** Words of a reference; what they mean is its owner's business. */
export const WORDS_PER_REFERENCE = 8;
const BYTES_PER_REFERENCE = WORDS_PER_REFERENCE * 4;

/** Who knows what references are still good for. */
export interface ReferenceOwner {
  /** How many references from `first` to before `end` somebody still wants; may stop counting past `limit`. */
  countLiving(first: number, end: number, limit: number): number;
  /** The memory of these references is about to be used again: last chance to copy what is still wanted. */
  giveUp(first: number, end: number): void;
}

/**
 * Memory for frames that is filled one after the other and used again in the order it was filled, with references to
 * the frames that somebody wants. It is cut in blocks. When one is needed, the oldest ones that have become worthless
 * are given up first: so the log is only as long as the connections in it live, and stays in the processor's cache when
 * they are short. Only then does it grow, up to its budget.
 */
export class BlockLog implements FrameStore {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly words: Int32Array;
  /** Words of all references; reference `n` begins at `n * WORDS_PER_REFERENCE`. */
  readonly references: Int32Array;
  /** The same memory as doubles, two words each. */
  readonly referenceDoubles: Float64Array;
  readonly blockBytes: number;
  readonly #memory: GrowingMemory;
  readonly #referenceMemory: GrowingMemory;
  readonly #capacity: number;
  readonly #referencesPerBlock: number;
  readonly #owner: ReferenceOwner;
  /** Blocks in use, oldest first, in a circle; the last is the one that is being filled. */
  readonly #used: Int32Array;
  #oldest = 0;
  #usedCount = 0;
  /** Blocks that were given up, the last one, which is in the cache, to be used first. */
  readonly #free: Int32Array;
  #freeCount = 0;
  /** Blocks from here on were never used. */
  #untouched = 0;
  /** Blocks before that whose memory is the system's again. */
  readonly #holes: number[] = [];
  readonly #room: MemoryRoom;
  readonly #release: (memory: ArrayBufferLike, startBytes: number, endBytes: number) => void;
  /** By block: one past its last reference. The current block's is in `#nextReference`. */
  readonly #referenceEnds: Int32Array;
  #blockStart = 0;
  #blockEnd = 0;
  #position = 0;
  #nextReference = 0;
  #referenceEnd = 0;

  /**
   * References count as part of the budget. There are at least two blocks, of `blockBytes` when that is given; for more,
   * `room` is asked.
   */
  constructor(
    budgetBytes: number,
    owner: ReferenceOwner,
    blockBytes = blockBytesFor(budgetBytes),
    supply = engineMemory,
    room = UNBOUNDED_ROOM,
  ) {
    this.blockBytes = blockBytes;
    this.#room = room;
    this.#release = supply.release;
    this.#owner = owner;
    this.#capacity = Math.max(2, Math.floor(Math.min(budgetBytes, LARGEST_LOG_BYTES) / footprint(blockBytes)));
    this.#referencesPerBlock = referencesPerBlock(blockBytes);
    this.#memory = supply.growing(this.#capacity * blockBytes);
    const { buffer } = this.#memory;
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.words = new Int32Array(buffer);
    this.#referenceMemory = supply.growing(this.#capacity * this.#referencesPerBlock * BYTES_PER_REFERENCE);
    this.references = new Int32Array(this.#referenceMemory.buffer);
    this.referenceDoubles = new Float64Array(this.references.buffer);
    this.#used = new Int32Array(this.#capacity);
    this.#free = new Int32Array(this.#capacity);
    this.#referenceEnds = new Int32Array(this.#capacity);
  }

  /** Memory the log has used up to now, its references included. */
  get memoryBytes(): number {
    return (this.#untouched - this.#holes.length) * footprint(this.blockBytes);
  }

  /** Memory the log uses at most. */
  get maxMemoryBytes(): number {
    return this.#capacity * footprint(this.blockBytes);
  }

  take(lengthBytes: number): number {
    const need = (lengthBytes + 15) & ~15;
    if (need > this.blockBytes) return -1;
    if (this.#position + need > this.#blockEnd || this.#nextReference === this.#referenceEnd) this.#openBlock();
    const at = this.#position;
    this.#position = at + need;
    if (ASSERTING) assert((at & 15) === 0 && this.#position <= this.#blockEnd, 'it lies in one block, aligned');
    return at;
  }

  /** True when memory at this offset is in the block whose references are being written, and another one fits. */
  canRefer(start: number): boolean {
    return start >= this.#blockStart && start < this.#blockEnd && this.#nextReference < this.#referenceEnd;
  }

  /** A new reference, to memory for which `canRefer` is true. The caller writes all of its words. */
  addReference(): number {
    if (ASSERTING) assert(this.#nextReference < this.#referenceEnd, 'the caller has asked canRefer');
    return this.#nextReference++;
  }

  #openBlock(): void {
    if (this.#usedCount > 0) this.#referenceEnds[this.#newest()] = this.#nextReference;
    for (let n = 0; n < GIVEN_UP_AT_ONCE && this.#usedCount > 1 && this.#isOldestWorthless(); n++) this.#giveUpOldest();
    if (this.#freeCount === 0 && !this.#grow()) this.#giveUpOldest();
    const block = this.#free[--this.#freeCount];
    this.#used[(this.#oldest + this.#usedCount) % this.#capacity] = block;
    this.#usedCount++;
    if (ASSERTING) assert(block < this.#capacity && this.#usedCount <= this.#capacity, 'there is such a block');
    this.#blockStart = block * this.blockBytes;
    this.#blockEnd = this.#blockStart + this.blockBytes;
    this.#position = this.#blockStart;
    this.#memory.reach(this.#blockEnd);
    this.#nextReference = block * this.#referencesPerBlock;
    this.#referenceEnd = this.#nextReference + this.#referencesPerBlock;
    this.#referenceMemory.reach(this.#referenceEnd * BYTES_PER_REFERENCE);
  }

  /**
   * Gives the memory of about so many bytes of blocks back to the system: of those that are free, then of the oldest ones.
   * Answers how many bytes that were; two blocks stay.
   */
  shrink(bytes: number): number {
    let givenBytes = 0;
    for (; givenBytes < bytes; givenBytes += footprint(this.blockBytes)) {
      if (this.#freeCount === 0) {
        if (this.#usedCount <= FEWEST_BLOCKS) break;
        this.#giveUpOldest();
      }
      const block = this.#free[--this.#freeCount];
      const start = block * this.blockBytes;
      this.#release(this.bytes.buffer, start, start + this.blockBytes);
      const first = block * this.#referencesPerBlock;
      const referenceBytes = this.#referencesPerBlock * BYTES_PER_REFERENCE;
      this.#release(this.references.buffer, first * BYTES_PER_REFERENCE, first * BYTES_PER_REFERENCE + referenceBytes);
      this.#holes.push(block);
    }
    this.#room.give(givenBytes);
    return givenBytes;
  }

  /** Calls `visit` with the references, from one to before another, of each block in use. */
  eachBlock(visit: (first: number, end: number) => void): void {
    for (let n = 0; n < this.#usedCount; n++) {
      const block = this.#used[(this.#oldest + n) % this.#capacity];
      const end = n === this.#usedCount - 1 ? this.#nextReference : this.#referenceEnds[block];
      visit(block * this.#referencesPerBlock, end);
    }
  }

  /** Makes one more block a free one. False when there is no room for it. */
  #grow(): boolean {
    const isHole = this.#holes.length > 0;
    if (!isHole && this.#untouched === this.#capacity) return false;
    const bytes = isHole
      ? footprint(this.blockBytes)
      : this.#costBytes(this.#untouched + 1) - this.#costBytes(this.#untouched);
    if (this.#usedCount < FEWEST_BLOCKS) this.#room.use(bytes);
    else if (!this.#room.take(bytes)) return false;
    this.#free[this.#freeCount++] = isHole ? (this.#holes.pop() as number) : this.#untouched++;
    return true;
  }

  /** Memory of so many blocks, with what is prefaulted ahead of them. */
  #costBytes(blocks: number): number {
    const referenceBytes = blocks * this.#referencesPerBlock * BYTES_PER_REFERENCE;
    return this.#memory.residentBytes(blocks * this.blockBytes) + this.#referenceMemory.residentBytes(referenceBytes);
  }

  #newest(): number {
    return this.#used[(this.#oldest + this.#usedCount - 1) % this.#capacity];
  }

  #isOldestWorthless(): boolean {
    const block = this.#used[this.#oldest];
    const first = block * this.#referencesPerBlock;
    const end = this.#referenceEnds[block];
    const limit = (end - first) * WORTHLESS_SHARE;
    return this.#owner.countLiving(first, end, limit) <= limit;
  }

  #giveUpOldest(): void {
    if (ASSERTING) assert(this.#usedCount > 0, 'there is an oldest block');
    const block = this.#used[this.#oldest];
    this.#owner.giveUp(block * this.#referencesPerBlock, this.#referenceEnds[block]);
    this.#oldest = (this.#oldest + 1) % this.#capacity;
    this.#usedCount--;
    this.#free[this.#freeCount++] = block;
  }
}

function blockBytesFor(budgetBytes: number): number {
  return budgetBytes >= FEWEST_LARGE_BLOCKS * footprint(LARGE_BLOCK_BYTES) ? LARGE_BLOCK_BYTES : SMALL_BLOCK_BYTES;
}

function referencesPerBlock(blockBytes: number): number {
  return Math.ceil(blockBytes / MIN_FRAME_BYTES);
}

/** Memory of a block and of its references. */
function footprint(blockBytes: number): number {
  return blockBytes + referencesPerBlock(blockBytes) * BYTES_PER_REFERENCE;
}
