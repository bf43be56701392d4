import { ASSERTING, assert } from '../model/assert.ts';
import { type ProcessIdentity, UNKNOWN_PROCESS } from '../model/process.ts';

const NONE = 0;
const PENDING = -1;

/** Processes that may be named at the same time. */
const MAX_PROCESSES = 65_536;

interface Named {
  readonly identity: ProcessIdentity;
  /** Connections that have it. */
  connections: number;
}

/** Which process each connection has, by slot: one number a connection, one object a process. */
export class NamesBySlot {
  readonly #numbers: Int32Array;
  readonly #named: (Named | null)[] = [null];
  readonly #numberOf = new Map<ProcessIdentity, number>();
  readonly #free: number[] = [];

  /** @param capacity slots there are */
  constructor(capacity: number) {
    this.#numbers = new Int32Array(capacity);
  }

  /** Its process is being looked for. */
  isPending(slot: number): boolean {
    return this.#numbers[slot] === PENDING;
  }

  get(slot: number): ProcessIdentity {
    const number = this.#numbers[slot];
    return (number > NONE ? this.#named[number]?.identity : null) ?? UNKNOWN_PROCESS;
  }

  setPending(slot: number): void {
    this.delete(slot);
    this.#numbers[slot] = PENDING;
  }

  set(slot: number, identity: ProcessIdentity): void {
    this.delete(slot);
    let number = this.#numberOf.get(identity);
    if (number === undefined) {
      number = this.#free.pop() ?? this.#named.length;
      if (number > MAX_PROCESSES) return;
      this.#named[number] = { identity, connections: 0 };
      this.#numberOf.set(identity, number);
    }
    const named = this.#named[number];
    if (named !== null) named.connections++;
    this.#numbers[slot] = number;
  }

  delete(slot: number): void {
    const number = this.#numbers[slot];
    this.#numbers[slot] = NONE;
    const named = number > NONE ? this.#named[number] : null;
    if (named === null || --named.connections > 0) return;
    if (ASSERTING) assert(named.connections === 0, 'nobody has it any more');
    this.#named[number] = null;
    this.#numberOf.delete(named.identity);
    this.#free.push(number);
  }
}
