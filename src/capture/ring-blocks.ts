import { ASSERTING, assert } from '../model/assert.ts';
import type { FrameStore } from '../model/frame-store.ts';
import { BlockBacklog } from './block-backlog.ts';
import type { BlockPool } from './block-pool.ts';
import { Memory, NO_MEMORY } from './memory.ts';
import {
  BLOCK_FIRST_FRAME_OFFSET,
  BLOCK_FRAME_COUNT,
  BLOCK_STATUS,
  BLOCK_USED_BYTES,
  TP_STATUS_BLOCK_TIMED_OUT,
  TP_STATUS_KERNEL,
  TP_STATUS_USER,
} from './ring-words.ts';

/** Room for blocks that are put aside, in rings, as far as other sessions leave some. */
const BACKLOG_RINGS = 12;
/** When so much of the ring waits, it is put aside; until that is read, whatever comes is put aside as well. */
const SHARE_THAT_MAY_WAIT = 1 / 4;

/**
 * The blocks of a packet ring in the order in which the kernel filled them. When a quarter of the ring waits to be read,
 * all that waits is put aside, so that the kernel has the ring back: it holds a twentieth of a second of what a busy
 * link brings, less than code that is not compiled yet, or a turn of many sessions, may take.
 */
export class RingBlocks {
  /** What the open block is read from: memory of the ring, of the backlog, or of the store. */
  memory: Memory = NO_MEMORY;
  /** Word where the header of the open block's first frame begins. */
  firstFrame = 0;
  /** Frames in the open block. */
  frames = 0;
  /** The open block was handed over because it was full, not because its time was over. */
  wasFull = false;
  /** Blocks of the ring. */
  readonly count: number;
  // Not readonly: `close()` must let go of the mapping.
  #ring: Memory;
  readonly #pool: BlockPool;
  readonly #backlog: BlockBacklog;
  readonly #blockBytes: number;
  /** Where the block that comes next, or that is held, begins in the ring, in bytes. */
  #next = 0;
  /** What has to be given back before another block is opened. */
  #held: 'ring' | 'backlog' | null = null;

  /** `pool` has the room for blocks that are put aside. */
  constructor(mapping: ArrayBuffer, blockBytes: number, pool: BlockPool) {
    this.#ring = new Memory(mapping);
    this.#blockBytes = blockBytes;
    this.count = mapping.byteLength / blockBytes;
    if (ASSERTING) assert(Number.isInteger(this.count), 'the ring is made of whole blocks');
    this.#pool = pool;
    this.#backlog = new BlockBacklog(pool, BACKLOG_RINGS * this.count);
  }

  /**
   * Opens the next block; the one that was open before is given back. With a store that has room for it the block is
   * moved there. False when there is none.
   */
  open(store: FrameStore | null): boolean {
    this.#giveBack();
    this.#relieve();
    const isAside = !this.#backlog.isEmpty;
    if (!isAside && !this.#isFilled(this.#next)) return false;
    const from = isAside ? this.#pool : this.#ring;
    const start = isAside ? this.#backlog.oldest : this.#next;
    const block = start >>> 2;
    const { words } = from;
    this.#held = isAside ? 'backlog' : 'ring';
    this.wasFull = (words[block + BLOCK_STATUS] & TP_STATUS_BLOCK_TIMED_OUT) === 0;
    this.frames = words[block + BLOCK_FRAME_COUNT];
    const firstFrame = words[block + BLOCK_FIRST_FRAME_OFFSET] >>> 2;
    const usedBytes = words[block + BLOCK_USED_BYTES];
    const stored = store === null ? -1 : store.take(usedBytes);
    if (store !== null && stored >= 0) {
      store.bytes.set(from.bytes.subarray(start, start + usedBytes), stored);
      this.#giveBack();
      this.memory = store;
      this.firstFrame = (stored >>> 2) + firstFrame;
    } else {
      this.memory = from;
      this.firstFrame = block + firstFrame;
    }
    return true;
  }

  /** Whether there is a block to open; the one that was open is given back. */
  isReady(): boolean {
    this.#giveBack();
    return !this.#backlog.isEmpty || this.#isFilled(this.#next);
  }

  /** How much of the room for blocks that are put aside is taken, 0 to 1. */
  get level(): number {
    return this.#backlog.level;
  }

  /**
   * To be called now and then while a block is read: puts aside what waits, when that is much. Code that is not compiled yet
   * reads some blocks more slowly than the kernel fills a ring. What is read in the ring itself keeps its place.
   */
  relieve(): void {
    if (this.#held !== 'ring') this.#relieve();
  }

  /** Lets go of the ring's memory; there are no blocks from here on. */
  close(): void {
    this.#held = null;
    this.#ring = NO_MEMORY;
    this.memory = NO_MEMORY;
    this.#backlog.clear();
  }

  #relieve(): void {
    if (this.#isFilled(this.#soonestPutAside())) this.#putAside();
  }

  #putAside(): void {
    while (this.#isFilled(this.#next)) {
      const usedBytes = this.#ring.words[(this.#next >>> 2) + BLOCK_USED_BYTES];
      if (!this.#backlog.add(this.#ring.bytes.subarray(this.#next, this.#next + usedBytes))) return;
      this.#giveToKernel();
    }
  }

  #giveBack(): void {
    if (this.#held === 'ring') this.#giveToKernel();
    else if (this.#held === 'backlog') this.#backlog.shift();
    this.#held = null;
  }

  #giveToKernel(): void {
    // Atomic, so that the kernel cannot see the block free before our last reads of it (it matters on arm64).
    Atomics.store(this.#ring.words, (this.#next >>> 2) + BLOCK_STATUS, TP_STATUS_KERNEL);
    this.#next += this.#blockBytes;
    if (ASSERTING) assert(this.#next <= this.#ring.bytes.length, 'the next block is in the ring');
    if (this.#next === this.#ring.bytes.length) this.#next = 0;
  }

  #isFilled(start: number): boolean {
    const { words } = this.#ring;
    return words.length > 0 && (Atomics.load(words, (start >>> 2) + BLOCK_STATUS) & TP_STATUS_USER) !== 0;
  }

  /**
   * Where the block begins that is the last one to be filled before what waits is put aside: the next one when others were
   * and still are, as it has to go there anyway.
   */
  #soonestPutAside(): number {
    const share = this.#backlog.isEmpty ? SHARE_THAT_MAY_WAIT : 0;
    const block = this.#next + Math.ceil(this.count * share) * this.#blockBytes;
    return block < this.#ring.bytes.length ? block : block - this.#ring.bytes.length;
  }
}
