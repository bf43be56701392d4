import { ASSERTING, assert } from '../model/assert.ts';
import { WORDS_PER_RECORD } from './record.ts';

const PIECE_SHIFT = 10;

/** Slots of a piece: a table grows, and is cut, by pieces. */
export const SLOTS_PER_PIECE = 1 << PIECE_SHIFT;

/**
 * The slots of a table that were used and are free, by pieces: those of the first pieces are used again before others. They
 * are chained through word 0 of their records. A bit a piece says which have some, so that the first one is found by looking
 * at a few words.
 */
export class FreeSlots {
  /** By piece: its free slot that comes first; -1 when there is none. */
  readonly #first: Int32Array;
  /** By piece: slots in use. */
  readonly #used: Int32Array;
  readonly #bits: Int32Array;
  /** Word of `#bits` before which none is set. */
  #lowest = 0;

  /** Slots are 0 … `slots - 1`, none of them used before. */
  constructor(slots: number) {
    const pieces = Math.ceil(slots / SLOTS_PER_PIECE);
    this.#first = new Int32Array(pieces).fill(-1);
    this.#used = new Int32Array(pieces);
    this.#bits = new Int32Array((pieces + 31) >>> 5);
  }

  /** A slot is used for the first time. */
  use(slot: number): void {
    this.#used[slot >>> PIECE_SHIFT]++;
  }

  /** A slot is free again; word `at` of `words` is where its record begins. */
  add(slot: number, words: Int32Array, at: number): void {
    const piece = slot >>> PIECE_SHIFT;
    if (ASSERTING) assert(this.#used[piece] > 0, 'a slot that is freed was in use');
    words[at] = this.#first[piece];
    this.#first[piece] = slot;
    this.#used[piece]--;
    this.#bits[piece >>> 5] |= 1 << (piece & 31);
    if (piece >>> 5 < this.#lowest) this.#lowest = piece >>> 5;
  }

  /** Takes a free slot, which is in use from here on; -1 when there is none. */
  take(words: Int32Array): number {
    const bits = this.#bits;
    while (this.#lowest < bits.length && bits[this.#lowest] === 0) this.#lowest++;
    if (this.#lowest === bits.length) return -1;
    const left = bits[this.#lowest];
    const piece = (this.#lowest << 5) + 31 - Math.clz32(left & -left);
    const slot = this.#first[piece];
    const next = words[slot * WORDS_PER_RECORD];
    this.#first[piece] = next;
    if (next < 0) bits[piece >>> 5] &= ~(1 << (piece & 31));
    this.#used[piece]++;
    return slot;
  }

  /** First slot of the first piece behind all that have slots in use. */
  usedEnd(): number {
    let piece = this.#used.length;
    while (piece > 0 && this.#used[piece - 1] === 0) piece--;
    return piece * SLOTS_PER_PIECE;
  }

  /** Forgets free slots from `slot` on, where a piece begins: they were never used. */
  cut(slot: number): void {
    for (let piece = slot >>> PIECE_SHIFT; piece < this.#first.length; piece++) {
      if (ASSERTING) assert(this.#used[piece] === 0, 'nothing is in use behind a cut');
      if (this.#first[piece] < 0) continue;
      this.#first[piece] = -1;
      this.#bits[piece >>> 5] &= ~(1 << (piece & 31));
    }
  }
}
