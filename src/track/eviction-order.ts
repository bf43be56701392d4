import { ASSERTING, assert } from '../model/assert.ts';
import type { MemorySupply } from '../model/memory-supply.ts';
import { SECOND_US } from '../model/second.ts';
import { SlotLists } from './slot-lists.ts';

const BUCKETS = 4096; // seconds; whoever was idle for longer shares the oldest bucket
const CLOSED = BUCKETS; // the lists behind the buckets
const LET_GO = BUCKETS + 1;

/**
 * Who makes room when the table is full: closed connections first, those longest closed before the others, as nothing
 * is lost with them; then those that were let go; then the open one that has been idle longest, to the second.
 *
 * A packet costs nothing here: a slot stays in the bucket of the second in which it was last sorted in, and is moved
 * on only when somebody looks for a victim.
 */
export class EvictionOrder {
  readonly #lists: SlotLists;
  readonly #lastSeenUs: (slot: number) => number;
  /** The seconds the buckets stand for; `#newest - #oldest < BUCKETS`. */
  #oldest = 0;
  #newest = -1;

  constructor(slots: number, lastSeenUs: (slot: number) => number) {
    this.#lists = new SlotLists(slots, BUCKETS + 2);
    this.#lastSeenUs = lastSeenUs;
  }

  /** Takes in an open connection by its present last-seen time. */
  add(slot: number): void {
    const second = Math.floor(this.#lastSeenUs(slot) / SECOND_US);
    if (this.#newest < 0) this.#oldest = second;
    if (second > this.#newest) this.#moveTo(second);
    this.#lists.append((second < this.#oldest ? this.#oldest : second) % BUCKETS, slot);
  }

  /** Gives the memory of the slots from `slot` on, which are not in it, back to the system. */
  release(slot: number, memory: MemorySupply): void {
    this.#lists.release(slot, memory);
  }

  remove(slot: number): void {
    this.#lists.remove(slot);
  }

  /** From now on the slot is a closed connection, the latest of them. */
  close(slot: number): void {
    this.#lists.remove(slot);
    this.#lists.append(CLOSED, slot);
  }

  /** From now on the slot is a connection that was let go, though it may still be there; the latest of them. */
  letGo(slot: number): void {
    this.#lists.remove(slot);
    this.#lists.append(LET_GO, slot);
  }

  /** The connection that was let go, and last heard of longest ago; -1 when there is none. */
  oldestLetGo(): number {
    return this.#lists.first(LET_GO);
  }

  /** The connection closed longest ago, -1 when none is remembered. */
  oldestClosed(): number {
    return this.#lists.first(CLOSED);
  }

  /** The open connection idle longest, -1 when there is none. */
  longestIdle(): number {
    for (;;) {
      if (ASSERTING) assert(this.#newest - this.#oldest < BUCKETS, 'each bucket is one second');
      const slot = this.#lists.first(this.#oldest % BUCKETS);
      if (slot < 0) {
        if (this.#oldest >= this.#newest) return -1;
        this.#oldest++;
      } else if (Math.floor(this.#lastSeenUs(slot) / SECOND_US) <= this.#oldest) {
        return slot;
      } else {
        this.#lists.remove(slot);
        this.add(slot); // may move on the oldest second, and merge buckets into it
      }
    }
  }

  /** Opens the bucket of a newer second; buckets that fall out of the range are merged into the oldest one. */
  #moveTo(second: number): void {
    this.#newest = second;
    const oldest = second - BUCKETS + 1;
    if (this.#oldest >= oldest) return;
    const merged = oldest % BUCKETS;
    const steps = Math.min(oldest - this.#oldest, BUCKETS);
    for (let i = 0; i < steps; i++) {
      const list = (this.#oldest + i) % BUCKETS;
      if (list !== merged) this.#lists.moveAll(list, merged);
    }
    this.#oldest = oldest;
  }
}
