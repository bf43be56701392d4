import type { Frame } from '../model/frame.ts';

/** Longest record a reader takes for real; no link has frames like that, so a longer one means the file is corrupt. */
export const MAX_RECORD_BYTES = 16 << 20;

/** Reads the records of one capture file format out of a `ReadBuffer`. */
export interface RecordReader {
  /**
   * Fills `frame` with the next one; false when the input does not hold a whole one (`ReadBuffer.wanted` then says
   * how many bytes it takes), or when `problem` says that there is no going on.
   */
  next(frame: Frame): boolean;
  /** Why the rest of the file cannot be read, in words; null when it can. */
  readonly problem: string | null;
}
