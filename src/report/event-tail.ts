import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { type EventLine, parseEventLine } from '../diagnosis/event-line.ts';
import { LineSplitter } from './read-lines.ts';
import { findSessions } from './session-files.ts';

const READ_BYTES = 65_536;

/** A file that is being read on and on. */
interface Tail {
  readonly path: string;
  readonly handle: FileHandle;
  readonly splitter: LineSplitter;
  readonly decoder: StringDecoder;
  position: number;
}

/**
 * Reads the events of sessions as they are written, from now on. Of each session the newest file is read; one that was
 * followed by another is read to its end first.
 */
export class EventTail {
  readonly #directories: readonly string[];
  /** By the directory of the session. */
  readonly #tails = new Map<string, Tail>();
  readonly #buffer = Buffer.alloc(READ_BYTES);

  private constructor(directories: readonly string[]) {
    this.#directories = directories;
  }

  /** Begins behind what is already there. Rejects when a directory cannot be read. */
  static async open(directories: readonly string[]): Promise<EventTail> {
    const tail = new EventTail(directories);
    for (const { directory, events } of await findSessions(directories)) {
      const name = events.at(-1);
      if (name === undefined) continue;
      const file = await openTail(join(directory, name));
      if (file === null) continue;
      file.position = (await file.handle.stat()).size;
      tail.#tails.set(directory, file);
    }
    return tail;
  }

  /** Hands on what was written meanwhile, a piece at a time. */
  async *read(): AsyncGenerator<readonly EventLine[]> {
    for (const { directory, events } of await findSessions(this.#directories)) {
      const known = this.#tails.get(directory);
      if (known !== undefined) yield* this.#readOn(known);
      const paths = events.map((name) => join(directory, name));
      for (const path of paths.filter((path) => known === undefined || path > known.path)) {
        const next = await openTail(path);
        if (next === null) continue;
        await this.#tails.get(directory)?.handle.close();
        this.#tails.set(directory, next);
        yield* this.#readOn(next);
      }
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#tails.values()].map(({ handle }) => handle.close()));
    this.#tails.clear();
  }

  async *#readOn(tail: Tail): AsyncGenerator<readonly EventLine[]> {
    for (;;) {
      const { bytesRead } = await tail.handle.read(this.#buffer, 0, READ_BYTES, tail.position);
      if (bytesRead === 0) return;
      tail.position += bytesRead;
      const piece = tail.decoder.write(this.#buffer.subarray(0, bytesRead));
      yield tail.splitter
        .split(piece)
        .map(parseEventLine)
        .filter((event) => event !== null);
    }
  }
}

/** Begins to read a file; null when it is gone meanwhile, as the agent removes the oldest where disk runs short. */
async function openTail(path: string): Promise<Tail | null> {
  try {
    const handle = await open(path);
    return { path, handle, splitter: new LineSplitter(), decoder: new StringDecoder('utf8'), position: 0 };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
