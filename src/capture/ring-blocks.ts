import { ASSERTING, assert } from '../model/assert.ts';
import type { FrameStore } from '../model/frame-store.ts';
import { BlockBacklog } from './block-backlog.ts';
import { Memory, NO_MEMORY } from './memory.ts';
import {
  BLOCK_FIRST_FRAME_OFFSET,
  BLOCK_FRAME_COUNT,
  BLOCK_STATUS,
  BLOCK_USED_BYTES,
  FRAME_NEXT_OFFSET,
  FRAME_STATUS,
  TP_STATUS_BLOCK_TIMED_OUT,
  TP_STATUS_KERNEL,
  TP_STATUS_USER,
} from './ring-words.ts';
import type { SpillPool } from './spill-pool.ts';

/** Room for blocks that are spilled, in rings, as far as other sessions leave some. */
const BACKLOG_RINGS = 12;
/** When so much of the ring waits, it is spilled; until that is read, whatever comes is spilled as well. */
const SHARE_THAT_MAY_WAIT = 1 / 4;

/**
 * The blocks of a packet ring in the order in which the kernel filled them. Of the one that the kernel still fills, frames
 * are read early: it hands a block over when it is full or its time is over, which with a time short enough for events
 * would use up a ring in a second of quiet traffic, nearly empty (ADR 0033). When a quarter of the ring waits to be read,
 * all that waits is spilled, so that the kernel has the ring back: it holds a twentieth of a second of what a busy
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
  /** Blocks that were given back to the kernel up to now. */
  givenBack = 0;
  /** Blocks of the ring. */
  readonly count: number;
  // Not readonly: `close()` must let go of the mapping.
  #ring: Memory;
  readonly #pool: SpillPool;
  readonly #backlog: BlockBacklog;
  readonly #blockBytes: number;
  /** Where the block that comes next, or that is held, begins in the ring, in bytes. */
  #next = 0;
  /** What has to be given back before another block is opened; 'early': part of the block that the kernel still has. */
  #held: 'ring' | 'backlog' | 'early' | null = null;
  // Of the block that the kernel still fills: frames that were counted at the last look, those that were there already at
  // the look before, those that were read, and how far from the beginning of the block the first other one is, in words.
  #counted = 0;
  #settled = 0;
  #taken = 0;
  #takenWords = 0;

  /** `pool` has the room for blocks that are spilled. */
  constructor(mapping: ArrayBuffer, blockBytes: number, pool: SpillPool) {
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
    this.#spillIfFilled();
    const isAside = !this.#backlog.isEmpty;
    if (!isAside && !this.#isFilled(this.#next)) return this.#settled > this.#taken && this.#openEarly(store);
    if (!isAside) this.#leaveOutTaken();
    const from = isAside ? this.#pool : this.#ring;
    const start = isAside ? this.#backlog.oldest : this.#next;
    const block = start >>> 2;
    const { words } = from;
    this.#held = isAside ? 'backlog' : 'ring';
    this.wasFull = (words[block + BLOCK_STATUS] & TP_STATUS_BLOCK_TIMED_OUT) === 0;
    this.frames = words[block + BLOCK_FRAME_COUNT];
    const firstFrame = block + (words[block + BLOCK_FIRST_FRAME_OFFSET] >>> 2);
    const end = start + words[block + BLOCK_USED_BYTES];
    const first = firstFrame << 2; // what was read early lies before it
    const stored = store === null || this.frames === 0 ? -1 : store.take(end - first);
    if (store !== null && stored >= 0) {
      store.bytes.set(from.bytes.subarray(first, end), stored);
      this.#giveBack();
      this.memory = store;
      this.firstFrame = stored >>> 2;
    } else {
      this.memory = from;
      this.firstFrame = firstFrame;
    }
    return true;
  }

  /** Whether there is a block to open, or part of one; the one that was open is given back. */
  isReady(): boolean {
    this.#giveBack();
    return !this.#backlog.isEmpty || this.#isFilled(this.#next) || this.#settled > this.#taken;
  }

  /**
   * Looks how many frames are in the block that the kernel still fills. True when some came that are not read yet: what of
   * them can be opened, `isReady` says. To be called at steady intervals, of some milliseconds at least: the kernel counts a
   * frame before it copies it, so only what was there at the last look can be opened.
   */
  look(): boolean {
    if (this.#isFilled(this.#next)) return true;
    this.#settled = this.#counted;
    this.#counted = this.#ring.words.length === 0 ? 0 : this.#ring.words[(this.#next >>> 2) + BLOCK_FRAME_COUNT];
    return this.#counted > this.#taken || !this.#backlog.isEmpty;
  }

  /** Whether the kernel has handed over a block that it does not have back. */
  get isHandedOver(): boolean {
    return this.#isFilled(this.#next);
  }

  /** How much of the room for blocks that are spilled is taken, 0 to 1. */
  get level(): number {
    return this.#backlog.level;
  }

  /**
   * To be called now and then while a block is read: spills what waits, when that is much. Code that is not compiled yet
   * reads some blocks more slowly than the kernel fills a ring. What is read in the ring itself keeps its place.
   */
  spill(): void {
    if (this.#held === 'backlog' || this.#held === null) this.#spillIfFilled();
  }

  /** Lets go of the ring's memory; there are no blocks from here on. */
  close(): void {
    this.#held = null;
    this.#counted = 0;
    this.#settled = 0;
    this.#taken = 0;
    this.#ring = NO_MEMORY;
    this.memory = NO_MEMORY;
    this.#backlog.clear();
  }

  /** Opens the frames of the block that the kernel still fills which were there at the look before the last. */
  #openEarly(store: FrameStore | null): boolean {
    const { words, bytes } = this.#ring;
    const block = this.#next >>> 2;
    if (this.#taken === 0) this.#takenWords = words[block + BLOCK_FIRST_FRAME_OFFSET] >>> 2;
    const first = block + this.#takenWords;
    const wanted = this.#settled - this.#taken;
    let frames = 0;
    let end = first;
    // written last, after the frame was copied: it is cleared when a frame is begun
    while (frames < wanted && (words[end + FRAME_STATUS] & TP_STATUS_USER) !== 0) {
      const length = words[end + FRAME_NEXT_OFFSET] >>> 2;
      if (length === 0) break; // the kernel has closed the block meanwhile, and this is its last frame
      end += length;
      frames++;
    }
    if (frames === 0) return false;
    if (ASSERTING) assert(end << 2 <= this.#next + this.#blockBytes, 'frames end in their block');
    this.#taken += frames;
    this.#takenWords = end - block;
    this.wasFull = false;
    this.frames = frames;
    const lengthBytes = (end - first) << 2;
    const stored = store === null ? -1 : store.take(lengthBytes);
    if (store !== null && stored >= 0) {
      store.bytes.set(bytes.subarray(first << 2, end << 2), stored);
      this.memory = store;
      this.firstFrame = stored >>> 2;
    } else {
      this.#held = 'early';
      this.memory = this.#ring;
      this.firstFrame = first;
    }
    return true;
  }

  /** Takes the frames that were read early out of the header of the block, which the kernel has handed over. */
  #leaveOutTaken(): void {
    if (this.#taken === 0) return;
    const { words } = this.#ring;
    const block = this.#next >>> 2;
    words[block + BLOCK_FRAME_COUNT] -= this.#taken;
    words[block + BLOCK_FIRST_FRAME_OFFSET] = this.#takenWords << 2;
    this.#taken = 0;
    if (ASSERTING) assert(words[block + BLOCK_FRAME_COUNT] >= 0, 'no more was read than was there');
  }

  #spillIfFilled(): void {
    if (this.#isFilled(this.#soonestSpill())) this.#spillWaiting();
  }

  #spillWaiting(): void {
    while (this.#isFilled(this.#next)) {
      this.#leaveOutTaken();
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
    // What is counted until the kernel begins to fill it again is not to be read early.
    this.#ring.words[(this.#next >>> 2) + BLOCK_FRAME_COUNT] = 0;
    this.givenBack++;
    this.#counted = 0;
    this.#settled = 0;
    this.#taken = 0;
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
   * Where the block begins that is the last one to be filled before what waits is spilled: the next one when others were
   * and still are, as it has to go there anyway.
   */
  #soonestSpill(): number {
    const share = this.#backlog.isEmpty ? SHARE_THAT_MAY_WAIT : 0;
    const block = this.#next + Math.ceil(this.count * share) * this.#blockBytes;
    return block < this.#ring.bytes.length ? block : block - this.#ring.bytes.length;
  }
}
