import { ASSERTING, assert } from '../model/assert.ts';
import type { MemorySupply } from '../model/memory-supply.ts';

/**
 * Doubly linked lists over small integers ("slots"), each slot in at most one list at a time. Nothing is allocated
 * after construction, and memory is touched only where slots are used.
 */
export class SlotLists {
  readonly #slots: number;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;

  /** Slots are 0 … `slots - 1`, lists 0 … `lists - 1`. */
  constructor(slots: number, lists: number) {
    this.#slots = slots;
    this.#next = new Int32Array(slots + lists);
    this.#previous = new Int32Array(slots + lists);
    for (let head = slots; head < slots + lists; head++) {
      this.#next[head] = head;
      this.#previous[head] = head;
    }
  }

  /** Adds a slot that is in no list at the end of `list`. */
  append(list: number, slot: number): void {
    if (ASSERTING) assert(slot < this.#slots && !this.#isLinked(slot), 'a slot that is added is in no list');
    const head = this.#slots + list;
    const last = this.#previous[head];
    this.#next[last] = slot;
    this.#previous[slot] = last;
    this.#next[slot] = head;
    this.#previous[head] = slot;
  }

  /** Takes a slot out of the list it is in. */
  remove(slot: number): void {
    if (ASSERTING) assert(this.#isLinked(slot), 'a slot that is taken out is in a list');
    const next = this.#next[slot];
    const previous = this.#previous[slot];
    this.#next[previous] = next;
    this.#previous[next] = previous;
  }

  /** Puts all of list `from` at the end of list `into`, in order. */
  moveAll(from: number, into: number): void {
    if (ASSERTING) assert(from !== into, 'a list is not moved into itself');
    const source = this.#slots + from;
    const first = this.#next[source];
    if (first === source) return;
    const last = this.#previous[source];
    const target = this.#slots + into;
    const before = this.#previous[target];
    this.#next[before] = first;
    this.#previous[first] = before;
    this.#next[last] = target;
    this.#previous[target] = last;
    this.#next[source] = source;
    this.#previous[source] = source;
  }

  /** The first slot of `list`, -1 when it is empty. */
  first(list: number): number {
    const slot = this.#next[this.#slots + list];
    return slot < this.#slots ? slot : -1;
  }

  /** Gives the memory of the slots from `slot` on, which are in no list, back to the system. */
  release(slot: number, memory: MemorySupply): void {
    for (const { buffer } of [this.#next, this.#previous]) memory.release(buffer, slot * 4, this.#slots * 4);
  }

  /** Whether a slot is in a list: what is left of the links of one that was taken out leads nowhere back. */
  #isLinked(slot: number): boolean {
    const next = this.#next[slot];
    return next !== slot && this.#previous[next] === slot && this.#next[this.#previous[slot]] === slot;
  }
}
