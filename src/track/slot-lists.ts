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
    const head = this.#slots + list;
    const last = this.#previous[head];
    this.#next[last] = slot;
    this.#previous[slot] = last;
    this.#next[slot] = head;
    this.#previous[head] = slot;
  }

  /** Takes a slot out of the list it is in. */
  remove(slot: number): void {
    const next = this.#next[slot];
    const previous = this.#previous[slot];
    this.#next[previous] = next;
    this.#previous[next] = previous;
  }

  /** Puts all of list `from` at the end of list `into`, in order. */
  moveAll(from: number, into: number): void {
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
}
