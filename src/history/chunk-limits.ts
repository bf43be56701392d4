import type { MemoryRoom } from '../model/memory-room.ts';
import type { MemorySupply } from '../model/memory-supply.ts';

/** Limits of a `ChunkedHistory`. */
export interface ChunkLimits {
  /** Slots are 0 … `maxConnections - 1`. */
  readonly maxConnections: number;
  /** Memory for the packets of all connections. */
  readonly budgetBytes: number;
  /** Most that one connection holds. */
  readonly connectionBytes: number;
  /** First bytes of a connection that stay. The packet that reaches the limit is kept whole. */
  readonly headBytes: number;
  /** Asked for memory of packets, within the budget; there is always room when absent. */
  readonly room?: MemoryRoom;
  /** Who memory of packets is given back to; the engine when absent. */
  readonly memory?: MemorySupply;
}

/** What was copied and what was not, in packets, since the history was made. */
export interface ChunkCounters {
  kept: number;
  /** Gave way to newer packets of their own connection. */
  overConnection: number;
  /** Gave way because all connections together held too much. */
  overBudget: number;
  /** Of those, packets from the beginning of a connection. */
  overBudgetHead: number;
  /** Larger than what a connection, or all, may hold. */
  tooLarge: number;
}
