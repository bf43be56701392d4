import { ASSERTING, assert } from '../model/assert.ts';
import type { MemorySupply } from '../model/memory-supply.ts';
import { bytesOfPlaces, HashPlaces } from './hash-places.ts';

const SMALLEST = 1024;
/** Places whose slots are moved whenever one is added: few enough to be no pause, enough to be done long before it grows again. */
const MOVED_AT_ONCE = 64;

/** Bytes of an index of so many slots at most: while it grows there are two. */
export function indexBytes(slots: number): number {
  let count = SMALLEST;
  while (slots * 2 >= count) count *= 2;
  return bytesOfPlaces(count + count / 2);
}

/**
 * Slots by hash, with twice as many places as slots at least. It grows without a pause: memory for twice the places is made
 * ready by somebody else, and slots move there a few at a time, whenever one is added. All at once, half a million of them
 * would take 50 ms, in which a busy link brings more packets than its ring has room for.
 */
export class ConnectionIndex {
  /** Where slots are added, and looked for first. */
  current = new HashPlaces(new ArrayBuffer(bytesOfPlaces(SMALLEST)));
  /** What has not moved to `current` yet; null when all has. */
  former: HashPlaces | null = null;
  readonly #supply: MemorySupply;
  #size = 0;
  /** Memory was asked for that is not ready yet. */
  #isWaiting = false;
  /** Where in `former` it goes on. */
  #place = 0;
  /** Places of `former` that may still hold something. */
  #left = 0;

  constructor(supply: MemorySupply) {
    this.#supply = supply;
  }

  /** Slots that are in it. */
  get size(): number {
    return this.#size;
  }

  add(hash: number, slot: number): void {
    this.#size++;
    if (this.former !== null) this.#move(this.former);
    else if (this.#size * 2 >= this.current.count) this.#grow();
    this.current.add(hash, slot);
    if (ASSERTING) assert(this.#size < this.current.count, 'a place is free');
  }

  remove(hash: number, slot: number): void {
    this.#size--;
    const isRemoved = this.current.remove(hash, slot) || (this.former?.remove(hash, slot) ?? false);
    if (ASSERTING) assert(isRemoved && this.#size >= 0, 'a slot that is taken out was in it');
  }

  /** Takes less memory when it is nearly empty: all slots move at once. */
  shrink(): void {
    const { current } = this;
    if (this.former !== null || this.#isWaiting || this.#size * 16 >= current.count || current.count === SMALLEST)
      return;
    let count = SMALLEST;
    while (this.#size * 4 >= count) count *= 2;
    this.current = new HashPlaces(this.#supply.whole(bytesOfPlaces(count)));
    current.moveTo(this.current, current.free(), current.count);
    this.#supply.release(current.memory, 0, bytesOfPlaces(current.count));
  }

  #grow(): void {
    const bytes = bytesOfPlaces(this.current.count * 2);
    if (!this.#isWaiting) {
      this.#isWaiting = true;
      this.#supply.prepared(bytes, (memory) => {
        if (memory.byteLength === bytesOfPlaces(this.current.count * 2)) this.#moveInto(memory);
      });
    }
    // three quarters full, searching takes twice as long: no more waiting
    if (this.#isWaiting && this.#size * 4 >= this.current.count * 3) this.#moveInto(this.#supply.whole(bytes));
  }

  #moveInto(memory: ArrayBuffer): void {
    this.#isWaiting = false;
    this.former = this.current;
    this.current = new HashPlaces(memory);
    this.#place = this.former.free();
    this.#left = this.former.count;
  }

  #move(former: HashPlaces): void {
    const before = this.#place;
    this.#place = former.moveTo(this.current, before, MOVED_AT_ONCE);
    this.#left -= (this.#place - before + former.count) % former.count;
    if (this.#left > 0) return;
    this.former = null;
    this.#supply.release(former.memory, 0, bytesOfPlaces(former.count));
  }
}
