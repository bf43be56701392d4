import { SpillPool } from '../capture/spill-pool.ts';
import { MemoryBudget, type MemoryShare } from '../limits/memory-budget.ts';
import { MEBIBYTE } from '../model/mebibyte.ts';
import type { MemoryFigures } from '../model/memory-room.ts';
import { SessionMemory } from './session-memory.ts';

/** The part of the engine's heap that may be filled by what is read of connections. */
const HEAP_SHARE = 1 / 2;
/** The part of the budget that backlogs have resident before they need it. */
const AHEAD_SHARE = 1 / 16;
/** What the program may grow by until it is looked at again. */
const HEADROOM_SHARE = 1 / 32;
/** How much a session has whatever others use, besides its ring: a part of the budget, within bounds. */
const MINIMUM_SHARE = 1 / 64;
const [LEAST_MINIMUM_BYTES, MOST_MINIMUM_BYTES] = [3 * MEBIBYTE, 8 * MEBIBYTE];

/** How much memory there is for an agent. */
export interface AgentMemoryOptions {
  /** All that may be resident. */
  readonly limitBytes: number;
  /** Of that, what is set aside for the program: code and heap. */
  readonly programBytes: number;
  /** Limit of the engine's heap. */
  readonly heapMb: number;
}

/** The memory that the sessions of an agent share. */
export class AgentMemory {
  readonly limitBytes: number;
  readonly budget: MemoryBudget;
  /** Where blocks of packets lie that come faster than they are read. */
  readonly pool: SpillPool;
  readonly #heap: MemoryBudget;
  readonly #backlog: MemoryShare;
  #programBytes: number;
  readonly #plannedBytes: number;

  constructor({ limitBytes, programBytes, heapMb }: AgentMemoryOptions) {
    const forSessions = limitBytes - programBytes;
    this.limitBytes = limitBytes;
    this.#plannedBytes = programBytes;
    this.#programBytes = programBytes;
    this.budget = new MemoryBudget(forSessions);
    this.#heap = new MemoryBudget(heapMb * MEBIBYTE * HEAP_SHARE);
    this.#backlog = this.budget.share(0);
    this.#backlog.isShared = true;
    this.pool = new SpillPool(undefined, this.#backlog.room('backlog'), forSessions * AHEAD_SHARE);
    this.#backlog.gives('backlog', (bytes) => this.pool.shrink(bytes));
  }

  /** Opens the share of a session that asks for a ring of so many MiB; whoever opens it closes it. */
  open(ringMb: number): SessionMemory {
    const minimumBytes = this.budget.limitBytes * MINIMUM_SHARE;
    return new SessionMemory({
      budget: this.budget,
      heap: this.#heap,
      ringMb,
      minimumBytes: Math.min(MOST_MINIMUM_BYTES, Math.max(LEAST_MINIMUM_BYTES, minimumBytes)),
    });
  }

  /** Takes in what is resident: what the budget does not know of is the program's, and the less is left for sessions. */
  calibrate(residentBytes: number): void {
    const unknownBytes = residentBytes - this.budget.usedBytes + this.limitBytes * HEADROOM_SHARE;
    const programBytes = Math.max(this.#plannedBytes, unknownBytes);
    if (programBytes === this.#programBytes) return;
    this.#programBytes = programBytes;
    this.budget.limitBytes = this.limitBytes - programBytes;
  }

  figures(): MemoryFigures {
    return { limitBytes: this.limitBytes, programBytes: this.#programBytes, ...this.budget.figures() };
  }

  /** Lets nothing be prefaulted any more. Idempotent. */
  close(): void {
    this.pool.close();
  }
}
