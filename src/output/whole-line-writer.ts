import type { FileNaming, OpenedFile } from './file-names.ts';
import { NEW_LINE } from './line-buffer.ts';

/** The number of a part before the first one. */
export const NO_PART = -1;

/**
 * Puts lines at the end of the parts of a file, whole lines only: what part of a line a failed write left behind is
 * cut off again. It has one file open, and at most one call at a time is made of it.
 */
export class WholeLineWriter {
  readonly #directory: string;
  readonly #naming: FileNaming;
  readonly #header: Buffer;
  readonly #onWritten: (bytes: number) => void;
  #file: OpenedFile | null = null;
  #part = NO_PART;
  #position = 0;

  /** `header` is the first line of each part, with its end; `onWritten` hears of all bytes that are written. */
  constructor(directory: string, naming: FileNaming, header: string, onWritten: (bytes: number) => void) {
    this.#directory = directory;
    this.#naming = naming;
    this.#header = Buffer.from(header);
    this.#onWritten = onWritten;
  }

  /** Name of the file that is open now, null when none is. */
  get openName(): string | null {
    return this.#file?.name ?? null;
  }

  /**
   * Lets go of a file that somebody removed, where nobody would see what is written, and goes back to the end of one
   * that was cut. Never rejects.
   */
  async check(): Promise<void> {
    if (this.#file === null) return;
    try {
      const { nlink, size } = await this.#file.handle.stat();
      this.#position = Math.min(this.#position, size);
      if (nlink > 0) return;
    } catch {
      // a file that cannot even be looked at is no loss
    }
    await this.close().catch(() => undefined);
  }

  /**
   * Writes whole lines to a part, which is opened under a new name where it is not open, and says how many bytes they
   * had: all, or those before the first line that failed. Rejects with the system's error when not one was written.
   * With no lines at all it makes the part appear.
   */
  async write(part: number, partTimeUs: number, lines: Buffer): Promise<number> {
    if (this.#file !== null && this.#part !== part) await this.close();
    if (this.#file === null) {
      this.#file = await this.#naming.open(this.#directory, partTimeUs, part);
      this.#part = part;
      this.#position = this.#file.sizeBytes;
    }
    if (this.#position === 0 && this.#header.length > 0) await this.#append(this.#file, this.#header);
    return this.#append(this.#file, lines);
  }

  /** Closes the file that is open. Rejects when the system says that something may be lost; it is closed anyway. */
  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.handle.close();
  }

  async #append({ handle }: OpenedFile, lines: Buffer): Promise<number> {
    let written = 0;
    let failure: unknown = null;
    while (written < lines.length && failure === null) {
      try {
        const position = this.#position + written;
        written += (await handle.write(lines, written, lines.length - written, position)).bytesWritten;
      } catch (error) {
        failure = error;
      }
    }
    const whole = written === 0 ? 0 : lines.lastIndexOf(NEW_LINE, written - 1) + 1;
    this.#position += whole;
    if (whole > 0) this.#onWritten(whole);
    if (failure === null) return whole;
    try {
      if (whole < written) await handle.truncate(this.#position);
      // a full disk will have room again and the file can go on; any other failure may be the file's own
      if (!isDiskFull(failure)) await this.close();
    } catch {
      this.#file = null; // what it may still have cannot be told; the lines that failed go into another one
      await handle.close().catch(() => undefined);
    }
    if (whole > 0) return whole;
    throw failure;
  }
}

function isDiskFull(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT';
}
