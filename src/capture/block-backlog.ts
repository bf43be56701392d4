import { ASSERTING, assert } from '../model/assert.ts';
import { LARGEST_BLOCK_BYTES } from './ring-layout.ts';
import type { SpillPool } from './spill-pool.ts';

/** Blocks that were copied out of a ring because they came faster than they were read, oldest first. */
export class BlockBacklog {
  readonly #pool: SpillPool;
  /** Places in the pool, in a circle. */
  readonly #places: Int32Array;
  #first = 0;
  #count = 0;

  /** With room for `capacity` blocks, as far as there is room in the pool. */
  constructor(pool: SpillPool, capacity: number) {
    this.#pool = pool;
    this.#places = new Int32Array(capacity);
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** How much of the room it has, which others of the pool may leave it less of, is taken: 0 to 1. */
  get level(): number {
    if (this.#count === 0) return 0;
    return this.#count / Math.min(this.#places.length, this.#count + this.#pool.freePlaces);
  }

  /** Where the oldest block begins, in bytes, when there is one. */
  get oldest(): number {
    if (ASSERTING) assert(this.#count > 0, 'there is a block');
    return this.#places[this.#first];
  }

  /** Copies a block, or as much of it as is used, behind the others. False when there is no room. */
  add(block: Uint8Array): boolean {
    if (this.#count === this.#places.length) return false;
    const place = this.#pool.take();
    if (place < 0) return false;
    if (ASSERTING) assert(block.length <= LARGEST_BLOCK_BYTES, 'a block fits in its place');
    this.#pool.bytes.set(block, place);
    this.#places[(this.#first + this.#count) % this.#places.length] = place;
    this.#count++;
    return true;
  }

  /** Lets the oldest block go. */
  shift(): void {
    this.#pool.giveBack(this.oldest);
    this.#first = (this.#first + 1) % this.#places.length;
    this.#count--;
  }

  /** Lets all blocks go. */
  clear(): void {
    while (!this.isEmpty) this.shift();
  }
}
