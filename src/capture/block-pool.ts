import { forgetMemory, mapMemory, populateMemory } from '../native/libc.ts';
import { Memory } from './memory.ts';
import { LARGEST_BLOCK_BYTES } from './ring-layout.ts';

const MEBIBYTE = 1 << 20;
const POOL_BYTES = 192 * MEBIBYTE;
/** What a busy link brings while the code that reads it is not compiled yet; 8 to 36 MiB were seen. */
const READY_BYTES = 32 * MEBIBYTE;
/** Made ready at a time: whoever asks the kernel for other memory of this process may have to wait for it. */
const PIECE_BYTES = 2 * MEBIBYTE;

/**
 * Memory for blocks that the rings of all sessions put aside, in places of one block each. A part of it is resident all
 * the time: a page that is touched for the first time may take so long that what is put aside comes faster than it can
 * be copied (ADR 0019). The rest is taken where blocks come to lie, and given back when nothing is put aside any more.
 */
export class BlockPool extends Memory {
  /** Places that were given back, the last one to be used first. */
  #free: number[] = [];
  #taken = 0;
  /** Places from here on were not used since memory was last given back. */
  #untouched = 0;

  /** Throws `SystemError` when there is no address space. */
  constructor() {
    super(mapMemory(POOL_BYTES));
  }

  /** Makes resident what is to be so all the time, in another thread. */
  makeReady(): void {
    this.#makeReadyFrom(0);
  }

  /** A place for a block of up to `LARGEST_BLOCK_BYTES`: where it begins, in bytes; -1 when all are taken. */
  take(): number {
    let place = this.#free.pop() ?? -1;
    if (place < 0) {
      if (this.#untouched === POOL_BYTES) return -1;
      place = this.#untouched;
      this.#untouched += LARGEST_BLOCK_BYTES;
    }
    this.#taken++;
    return place;
  }

  /** Gives back a place that was taken. */
  giveBack(place: number): void {
    this.#free.push(place);
    this.#taken--;
  }

  /** Gives memory back to the system when no place is taken. */
  trim(): void {
    if (this.#taken > 0 || this.#untouched <= READY_BYTES) return;
    forgetMemory(this.bytes.subarray(READY_BYTES));
    this.#free = [];
    this.#untouched = 0;
  }

  #makeReadyFrom(start: number): void {
    if (start >= READY_BYTES) return;
    populateMemory(this.bytes.subarray(start, start + PIECE_BYTES), (isDone) => {
      if (isDone) this.#makeReadyFrom(start + PIECE_BYTES);
    });
  }
}
