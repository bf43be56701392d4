import type { MemoryRoom } from '../model/memory-room.ts';

/** What every file of a session is given: where it stands, and who wants to hear of it. */
export interface OutputTarget {
  readonly directory: string;
  /** For lines that wait; there is always some when absent. */
  readonly room?: MemoryRoom;
  /** Called with the bytes of each write that succeeded. */
  readonly onWritten?: (bytes: number) => void;
  /** Called for each attempt that failed, with one line that names the file. */
  readonly onError?: (message: string) => void;
}

/** How long a line of a flow or log file may wait for others. */
export const FLUSH_DELAY_MS = 500;
/** How long an event may wait: it has to be on disk within 200 ms. */
export const EVENT_FLUSH_DELAY_MS = 50;
/** Lines after which a CSV file turns over. */
export const MAX_CSV_LINES = 30_000;
/** Bytes after which an NDJSON or console file turns over. */
export const MAX_LOG_BYTES = 10_000_000;
