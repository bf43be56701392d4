import { ASSERTING, assert } from '../model/assert.ts';
import type { MemorySupply } from '../model/memory-supply.ts';

/** Bytes that a slot takes in the order. */
export const BYTES_PER_PLACE = 12;

/**
 * Who holds most: slots ordered by an integer size, the largest found at once. One circular list a size, so a change
 * costs a few words; sizes above the last list share it.
 */
export class SizeOrder {
  readonly #slots: number;
  readonly #maxSize: number;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #size: Int32Array;
  #largestSize = 0; // no list above this one has slots

  /** Slots are 0 … `slots - 1`, all of size 0 at first. */
  constructor(slots: number, maxSize: number) {
    this.#slots = slots;
    this.#maxSize = maxSize;
    this.#next = new Int32Array(slots + maxSize + 1);
    this.#previous = new Int32Array(slots + maxSize + 1);
    this.#size = new Int32Array(slots);
    for (let head = slots; head <= slots + maxSize; head++) {
      this.#next[head] = head;
      this.#previous[head] = head;
    }
  }

  size(slot: number): number {
    return this.#size[slot];
  }

  /** Moves a slot; among equals it is now the last to be called the largest. */
  setSize(slot: number, size: number): void {
    if (ASSERTING) assert(slot >= 0 && slot < this.#slots && size >= 0, 'there is such a slot, and such a size');
    const before = this.#size[slot];
    if (before === size) return;
    if (before > 0) {
      const next = this.#next[slot];
      const previous = this.#previous[slot];
      if (ASSERTING) assert(this.#next[previous] === slot && this.#previous[next] === slot, 'it is in its list');
      this.#next[previous] = next;
      this.#previous[next] = previous;
    }
    this.#size[slot] = size;
    if (size === 0) return;
    const list = Math.min(size, this.#maxSize);
    const head = this.#slots + list;
    const last = this.#previous[head];
    this.#next[last] = slot;
    this.#previous[slot] = last;
    this.#next[slot] = head;
    this.#previous[head] = slot;
    if (list > this.#largestSize) this.#largestSize = list;
  }

  /** The largest size there is; 0 when all are 0. */
  largestSize(): number {
    const slot = this.largest();
    return slot < 0 ? 0 : this.#size[slot];
  }

  /** A slot of the largest size, of equals the one that changed longest ago; -1 when all are 0. */
  largest(): number {
    while (this.#largestSize > 0) {
      const first = this.#next[this.#slots + this.#largestSize];
      if (first < this.#slots) return first;
      this.#largestSize--;
    }
    return -1;
  }

  /** Calls `visit` with each slot whose size is not 0; `visit` must not change a size. */
  each(visit: (slot: number) => void): void {
    for (let head = this.#slots + 1; head <= this.#slots + this.#maxSize; head++) {
      for (let slot = this.#next[head]; slot < this.#slots; slot = this.#next[slot]) visit(slot);
    }
  }

  /** Gives the memory of the slots from `slot` on back to the system: all of them are of size 0. */
  release(slot: number, memory: MemorySupply): void {
    for (const { buffer } of [this.#next, this.#previous, this.#size])
      memory.release(buffer, slot * 4, this.#slots * 4);
  }
}
