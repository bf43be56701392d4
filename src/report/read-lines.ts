import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';

/** The agent writes no longer line; one that is longer is passed over. */
export const MAX_LINE_CHARACTERS = 262_144;
const TAIL_BYTES = 65_536;

/** Puts text that comes in pieces together to whole lines; what is not ended yet waits for the next piece. */
export class LineSplitter {
  #rest = '';
  /** The line that is coming is too long: it is not kept. */
  #skipping = false;

  /** The lines that a piece completes, without their ends. */
  split(piece: string): string[] {
    const lines = `${this.#rest}${piece}`.split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#skipping && lines.length > 0) {
      lines.shift();
      this.#skipping = false;
    }
    if (this.#rest.length > MAX_LINE_CHARACTERS) {
      this.#rest = '';
      this.#skipping = true;
    }
    return lines;
  }
}

/**
 * The lines of a file, some at a time, so that a file of any size takes little memory. What a writer has not ended yet
 * is left out. A file that is gone meanwhile has no lines; any other failure is thrown.
 */
export async function* readLines(path: string): AsyncGenerator<readonly string[]> {
  const splitter = new LineSplitter();
  try {
    for await (const piece of createReadStream(path, { encoding: 'utf8', highWaterMark: TAIL_BYTES })) {
      yield splitter.split(piece);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** The whole lines in the last 64 KB of a file; none when it is gone. */
export async function readLastLines(path: string): Promise<string[]> {
  try {
    const handle = await open(path);
    try {
      const { size } = await handle.stat();
      const from = Math.max(0, size - TAIL_BYTES);
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - from), 0, size - from, from);
      const lines = buffer.toString('utf8', 0, bytesRead).split('\n').slice(0, -1);
      return from === 0 ? lines : lines.slice(1);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return [];
  }
}
