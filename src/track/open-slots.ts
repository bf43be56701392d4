import { ASSERTING, assert } from '../model/assert.ts';

/**
 * Which slots hold open connections, one bit each. The records of a million connections are 190 MiB, most of them of closed ones
 * that are still remembered: looking for the few open ones there takes the processor's cache away from the packets.
 */
export class OpenSlots {
  readonly #bits: Int32Array;

  /** Slots are 0 … `slots - 1`. */
  constructor(slots: number) {
    this.#bits = new Int32Array((slots + 31) >>> 5);
  }

  add(slot: number): void {
    if (ASSERTING) assert(slot >= 0 && slot >>> 5 < this.#bits.length, 'there is such a slot');
    this.#bits[slot >>> 5] |= 1 << (slot & 31);
  }

  remove(slot: number): void {
    this.#bits[slot >>> 5] &= ~(1 << (slot & 31));
  }

  /** The first of them from `slot` on; -1 when there is none. */
  from(slot: number): number {
    if (ASSERTING) assert(slot >= 0, 'slots begin at 0');
    const bits = this.#bits;
    let place = slot >>> 5;
    let left = bits[place] & (-1 << (slot & 31));
    while (left === 0) {
      if (++place >= bits.length) return -1;
      left = bits[place];
    }
    return (place << 5) + 31 - Math.clz32(left & -left);
  }
}
