/** What memory is used for. */
export const MEMORY_USES = ['rings', 'table', 'packets', 'backlog', 'streams', 'files', 'fixed'] as const;
export type MemoryUse = (typeof MEMORY_USES)[number];

/** Memory that several share: who grows asks first, by pieces, and says what was given back to the system. */
export interface MemoryRoom {
  /** Asks for so many bytes more. False, with nothing changed, when they may not be used. */
  take(bytes: number): boolean;
  /** Says that so many bytes more are used, whether there is room or not. */
  use(bytes: number): void;
  /** Says that so many bytes are no longer used, and are the system's again. */
  give(bytes: number): void;
}

/** Room without a bound. */
export const UNBOUNDED_ROOM: MemoryRoom = { take: () => true, use: () => undefined, give: () => undefined };

/** What of the agent's memory is used, and what gave way. */
export interface MemoryFigures {
  /** What may be used in all, the program itself included (MEMORY_MB). */
  readonly limitBytes: number;
  /** Of that, what is set aside for the program: its code, its heap, its threads. */
  readonly programBytes: number;
  readonly usedBytes: Readonly<Record<MemoryUse, number>>;
  /** How often memory was given back for others, or could not be had. */
  readonly gaveWay: Readonly<Record<MemoryUse, number>>;
}
