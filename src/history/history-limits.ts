import type { MemoryRoom } from '../model/memory-room.ts';
import type { MemorySupply } from '../model/memory-supply.ts';

/** Limits of a `PacketHistory`. */
export interface HistoryLimits {
  /** Slots are 0 … `maxConnections - 1`. */
  readonly maxConnections: number;
  /** Memory for the packets of all connections. */
  readonly budgetBytes: number;
  /** Most that one connection holds; 2 MB less the header of a capture file when absent. */
  readonly connectionBytes?: number;
  /** First bytes of a connection that stay; 64 KB when absent. The packet that reaches the limit is kept whole. */
  readonly headBytes?: number;
  /** Size of the log's blocks; when absent it follows from the budget. */
  readonly blockBytes?: number;
  /** Gives the memory of the log and of the slots. */
  readonly memory?: MemorySupply;
  /** Asked for memory of packets, within the budget; there is always room when absent. */
  readonly room?: MemoryRoom;
}

/** What was kept and what was not, in packets, since the history was made. */
export interface HistoryCounters {
  /** Noted in the log. */
  readonly kept: number;
  /** Of those, copied out of the log because their connection outlived it. */
  readonly moved: number;
  /** Gave way to newer packets of their own connection. */
  readonly overConnection: number;
  /** Gave way because all connections together held too much. */
  readonly overBudget: number;
  /** Of those, packets from the beginning of a connection. */
  readonly overBudgetHead: number;
  /** Larger than what a block of the log, a connection, or all may hold. */
  readonly tooLarge: number;
  /** Of another link type than the connection's first packet: a capture file has but one. */
  readonly otherLinkType: number;
}
