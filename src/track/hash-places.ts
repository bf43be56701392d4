import { ASSERTING, assert } from '../model/assert.ts';

/** Words of a place: a hash, and slot + 1, which is 0 in a free place. */
const WORDS_PER_PLACE = 2;

/** Bytes of so many places. */
export function bytesOfPlaces(count: number): number {
  return count * WORDS_PER_PLACE * 4;
}

/** Slots by hash in zeroed memory of fixed size: open addressing with linear probing. At least one place has to stay free. */
export class HashPlaces {
  /** A power of two. */
  readonly count: number;
  readonly #words: Int32Array;
  readonly #mask: number;

  constructor(memory: ArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.count = this.#words.length / WORDS_PER_PLACE;
    this.#mask = this.count - 1;
    if (ASSERTING) assert((this.count & this.#mask) === 0, 'there is a power of two of places');
  }

  /** All of its memory. */
  get memory(): ArrayBufferLike {
    return this.#words.buffer;
  }

  /** The slot where a search for a hash begins, mostly the one that is searched; -1 when there is none. */
  hint(hash: number): number {
    return this.#words[(hash & this.#mask) * WORDS_PER_PLACE + 1] - 1;
  }

  /** The first place with a hash; -1 when there is none. */
  first(hash: number): number {
    return this.#search(hash & this.#mask, hash);
  }

  /** The next place with the same hash as `place`; -1 when there is none. */
  next(place: number, hash: number): number {
    return this.#search((place + 1) & this.#mask, hash);
  }

  /** The slot in a place that `first` or `next` found. */
  slot(place: number): number {
    return this.#words[place * WORDS_PER_PLACE + 1] - 1;
  }

  /** Adds a slot that is not in it. */
  add(hash: number, slot: number): void {
    if (ASSERTING) assert(!this.#has(hash, slot), 'a slot that is added is not in it');
    const words = this.#words;
    let place = hash & this.#mask;
    while (words[place * WORDS_PER_PLACE + 1] !== 0) place = (place + 1) & this.#mask;
    words[place * WORDS_PER_PLACE] = hash;
    words[place * WORDS_PER_PLACE + 1] = slot + 1;
  }

  /** Takes a slot out; false when it is not in it. No place is left that a later search would stop at too early. */
  remove(hash: number, slot: number): boolean {
    const words = this.#words;
    const mask = this.#mask;
    let hole = hash & mask;
    while (words[hole * WORDS_PER_PLACE + 1] !== slot + 1) {
      if (words[hole * WORDS_PER_PLACE + 1] === 0) return false;
      hole = (hole + 1) & mask;
    }
    for (let place = (hole + 1) & mask; words[place * WORDS_PER_PLACE + 1] !== 0; place = (place + 1) & mask) {
      const home = words[place * WORDS_PER_PLACE] & mask;
      if (((place - home) & mask) < ((place - hole) & mask)) continue;
      words[hole * WORDS_PER_PLACE] = words[place * WORDS_PER_PLACE];
      words[hole * WORDS_PER_PLACE + 1] = words[place * WORDS_PER_PLACE + 1];
      hole = place;
    }
    words[hole * WORDS_PER_PLACE + 1] = 0;
    return true;
  }

  /**
   * Moves what is in the places from `place` on into `other`, at least so many places and then on to the next free one, as
   * no search may miss what stays. Answers that free place. `place` has to be free.
   */
  moveTo(other: HashPlaces, place: number, atLeast: number): number {
    const words = this.#words;
    if (ASSERTING) assert(words[place * WORDS_PER_PLACE + 1] === 0, 'no search leads over the first place');
    for (let seen = 0; seen < atLeast || words[place * WORDS_PER_PLACE + 1] !== 0; seen++) {
      const slotAndOne = words[place * WORDS_PER_PLACE + 1];
      if (slotAndOne !== 0) other.add(words[place * WORDS_PER_PLACE], slotAndOne - 1);
      words[place * WORDS_PER_PLACE + 1] = 0;
      place = (place + 1) & this.#mask;
    }
    return place;
  }

  /** A place that is free. */
  free(): number {
    let place = 0;
    while (this.#words[place * WORDS_PER_PLACE + 1] !== 0) place++;
    return place;
  }

  #has(hash: number, slot: number): boolean {
    let place = this.first(hash);
    while (place >= 0 && this.slot(place) !== slot) place = this.next(place, hash);
    return place >= 0;
  }

  #search(place: number, hash: number): number {
    const words = this.#words;
    for (; ; place = (place + 1) & this.#mask) {
      if (words[place * WORDS_PER_PLACE + 1] === 0) return -1;
      if (words[place * WORDS_PER_PLACE] === hash) return place;
    }
  }
}
