import { ASSERTING, assert } from '../model/assert.ts';
import { MEBIBYTE } from '../model/mebibyte.ts';
import { type MemoryRoom, UNBOUNDED_ROOM } from '../model/memory-room.ts';
import { mapMemory, populateMemory, releasePages } from '../native/mapping.ts';
import { Memory } from './memory.ts';
import { LARGEST_BLOCK_BYTES } from './ring-layout.ts';

const POOL_BYTES = 192 * MEBIBYTE;
const PLACES = POOL_BYTES / LARGEST_BLOCK_BYTES;
/** So much more is resident than is used: what a busy link brings while more is prefaulted. */
const AHEAD_BYTES = 32 * MEBIBYTE;
/** Made ready at a time: whoever asks the kernel for other memory of this process may have to wait for it. */
const PIECE_BYTES = 2 * MEBIBYTE;
/** Memory that is not used is kept so long: who fell behind once often does so again at once. */
const KEEP_MS = 5000;

/**
 * Memory for blocks that the rings of all sessions spilled, in places of one block each. As much as is used and a part
 * beyond it is made resident by another thread: a page that is touched for the first time may take so long that what is put
 * aside comes faster than it can be copied (ADR 0019). Some time after nothing is spilled any more, all but that part is
 * given back. Room is asked for memory, by pieces.
 */
export class SpillPool extends Memory {
  /** Places that were given back, the last one to be used first. */
  #free: number[] = [];
  #taken = 0;
  /** Places from here on were not used since memory was last given back. */
  #untouched = 0;
  /** Up to here memory was made resident; infinite when that cannot be done. */
  #readyBytes = 0;
  #isPopulating = false;
  #trimTimer: NodeJS.Timeout | null = null;
  #isClosed = false;
  readonly #keepMs: number;
  readonly #room: MemoryRoom;
  readonly #aheadBytes: number;
  /** Up to here there is room: whole pieces. */
  #grantedBytes = 0;
  /** There was no room for more when it was last asked for. */
  #isRefused = false;

  /**
   * `keepMs`: how long memory is kept that is not used; `aheadBytes`: how much is resident beyond what is used. Throws
   * `SystemError` when there is no address space.
   */
  constructor(keepMs = KEEP_MS, room = UNBOUNDED_ROOM, aheadBytes = AHEAD_BYTES) {
    super(mapMemory(POOL_BYTES));
    this.#keepMs = keepMs;
    this.#room = room;
    this.#aheadBytes = Math.min(AHEAD_BYTES, Math.floor(aheadBytes / PIECE_BYTES) * PIECE_BYTES);
  }

  /** Places that can be taken. */
  get freePlaces(): number {
    return (this.#isRefused ? this.#grantedBytes / LARGEST_BLOCK_BYTES : PLACES) - this.#taken;
  }

  /** Makes resident what is used and a part beyond it, in another thread. */
  prefault(): void {
    const start = this.#readyBytes;
    if (this.#isClosed || this.#isPopulating || start >= Math.min(POOL_BYTES, this.#untouched + this.#aheadBytes))
      return;
    if (!this.#grow(start + PIECE_BYTES)) return;
    this.#isPopulating = true;
    populateMemory(this.bytes.subarray(start, start + PIECE_BYTES), (isDone) => {
      this.#isPopulating = false;
      this.#readyBytes = isDone ? start + PIECE_BYTES : Number.POSITIVE_INFINITY;
      this.prefault();
    });
  }

  /** A place for a block of up to `LARGEST_BLOCK_BYTES`: where it begins, in bytes; -1 when all are taken. */
  take(): number {
    let place = this.#free.pop() ?? -1;
    if (place < 0) {
      if (this.#untouched === POOL_BYTES || !this.#grow(this.#untouched + LARGEST_BLOCK_BYTES)) return -1;
      place = this.#untouched;
      this.#untouched += LARGEST_BLOCK_BYTES;
      this.prefault();
    }
    this.#taken++;
    return place;
  }

  /** Gives back a place that was taken. */
  giveBack(place: number): void {
    if (ASSERTING) assert(this.#taken > 0 && place % LARGEST_BLOCK_BYTES === 0, 'it was taken');
    this.#free.push(place);
    this.#taken--;
    if (this.#taken === 0 && this.#untouched > 0) this.#trimLater();
  }

  /** No memory is made resident, or given back, from here on: the system has it back with the process. Idempotent. */
  close(): void {
    this.#isClosed = true;
    if (this.#trimTimer !== null) clearTimeout(this.#trimTimer);
    this.#trimTimer = null;
  }

  /** Gives memory back to the system some time from now, when no place is taken then. */
  #trimLater(): void {
    if (this.#isClosed) return;
    this.#trimTimer ??= setTimeout(() => {
      this.#trimTimer = null;
      if (this.#isPopulating) this.#trimLater();
      else if (this.#taken === 0) this.#trim();
    }, this.#keepMs).unref();
  }

  /** Gives about so many bytes that are not used back to the system; answers how many that were. */
  shrink(bytes: number): number {
    if (this.#isPopulating) return 0;
    if (this.#taken === 0) this.#reset();
    const usedBytes = Math.ceil(this.#untouched / PIECE_BYTES) * PIECE_BYTES;
    return this.#cut(Math.max(usedBytes, this.#grantedBytes - Math.ceil(bytes / PIECE_BYTES) * PIECE_BYTES));
  }

  #trim(): void {
    this.#reset();
    this.#cut(this.#aheadBytes);
  }

  /** Nothing is taken: the first place is the next one again. */
  #reset(): void {
    this.#free = [];
    this.#untouched = 0;
  }

  /** Sees to it that there is room up to `endBytes`, as far as there is any. */
  #grow(endBytes: number): boolean {
    const bytes = Math.ceil(endBytes / PIECE_BYTES) * PIECE_BYTES - this.#grantedBytes;
    this.#isRefused = bytes > 0 && !this.#room.take(bytes);
    if (bytes > 0 && !this.#isRefused) this.#grantedBytes += bytes;
    return !this.#isRefused;
  }

  /** Gives all from `endBytes` on back to the system. */
  #cut(endBytes: number): number {
    const bytes = this.#grantedBytes - endBytes;
    if (bytes <= 0) return 0;
    releasePages(this.bytes.buffer, endBytes, POOL_BYTES);
    this.#readyBytes = Math.min(this.#readyBytes, endBytes);
    this.#grantedBytes = endBytes;
    this.#isRefused = false;
    this.#room.give(bytes);
    return bytes;
  }
}
