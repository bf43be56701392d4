import { ASSERTING, assert } from '../model/assert.ts';

/** Lines that may wait. */
const CAPACITY = 1 << 16;
const MASK = CAPACITY - 1;

const ENDED = 1;
const LOSS = 2;
const SLOT_SHIFT = 2;

/** A `LookupState`, and above it how often the line was put off. */
const LOOKUP_STATE_MASK = 3;
const PUT_OFF_SHIFT = 2;

/** What is known of the process of a line that waits. */
export const LookupState = {
  /** Nobody has asked yet. */
  new: 0,
  /** Nobody can tell yet: to be asked again. */
  retry: 1,
  /** Its socket is known, its owner is being looked for. */
  socket: 2,
  /** Nothing more will be known. */
  decided: 3,
} as const;

export type LookupState = (typeof LookupState)[keyof typeof LookupState];

/** Lines of flows and end_flows that wait for the process of their connection, in order. Bounded; numbers only. */
export class LineQueue {
  readonly #what = new Int32Array(CAPACITY);
  readonly #sinceMs = new Float64Array(CAPACITY);
  readonly #lookupState = new Uint8Array(CAPACITY);
  readonly #inode = new Uint32Array(CAPACITY);
  /** Number of the first line that waits; numbers go up forever. */
  head = 0;
  /** Number after that of the last line. */
  tail = 0;

  get isEmpty(): boolean {
    return this.head === this.tail;
  }

  get isFull(): boolean {
    return this.tail - this.head === CAPACITY;
  }

  /** Adds a line at the end; there has to be room. `loss`: whether packets were lost while the connection was open. */
  push(slot: number, ended: boolean, loss: boolean, nowMs: number): void {
    if (ASSERTING) assert(!this.isFull && slot >= 0, 'there is room for the line');
    const at = this.tail++ & MASK;
    this.#what[at] = (slot << SLOT_SHIFT) | (ended ? ENDED : 0) | (loss ? LOSS : 0);
    this.#sinceMs[at] = nowMs;
    this.#lookupState[at] = ended ? LookupState.decided : LookupState.new;
  }

  slot(line: number): number {
    if (ASSERTING) assert(this.#waits(line), 'the line waits');
    return this.#what[line & MASK] >> SLOT_SHIFT;
  }

  ended(line: number): boolean {
    return (this.#what[line & MASK] & ENDED) !== 0;
  }

  loss(line: number): boolean {
    return (this.#what[line & MASK] & LOSS) !== 0;
  }

  sinceMs(line: number): number {
    return this.#sinceMs[line & MASK];
  }

  lookupState(line: number): LookupState {
    return (this.#lookupState[line & MASK] & LOOKUP_STATE_MASK) as LookupState;
  }

  setLookupState(line: number, lookupState: LookupState): void {
    if (ASSERTING) assert(this.#waits(line), 'the line waits');
    const at = line & MASK;
    this.#lookupState[at] = (this.#lookupState[at] & ~LOOKUP_STATE_MASK) | lookupState;
  }

  /** The pod has not accepted the connection yet. */
  putOff(line: number): void {
    this.#lookupState[line & MASK] = LookupState.retry | ((this.putOffs(line) + 1) << PUT_OFF_SHIFT);
  }

  /** How often it was put off. */
  putOffs(line: number): number {
    return this.#lookupState[line & MASK] >> PUT_OFF_SHIFT;
  }

  /** Inode number of the socket, where `lookupState` is `socket`. */
  inode(line: number): number {
    if (ASSERTING) assert(this.lookupState(line) === LookupState.socket, 'its socket is known');
    return this.#inode[line & MASK];
  }

  setInode(line: number, inode: number): void {
    this.setLookupState(line, LookupState.socket);
    this.#inode[line & MASK] = inode;
  }

  #waits(line: number): boolean {
    return line >= this.head && line < this.tail;
  }
}
