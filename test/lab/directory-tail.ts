import { closeSync, type FSWatcher, fstatSync, mkdirSync, openSync, readdirSync, readSync, watch } from 'node:fs';
import { join } from 'node:path';

interface Followed {
  readonly descriptor: number;
  offset: number;
  rest: string;
}

/** Follows all files of a directory whose names begin with a prefix, line by line, as they are written and rotated. */
export class DirectoryTail {
  readonly #directory: string;
  readonly #prefix: string;
  readonly #files = new Map<string, Followed>();
  readonly #watcher: FSWatcher;
  #wake: (() => void) | null = null;
  #changed = false;

  /** Makes the directory when it is not there yet, so that nothing in it is missed. */
  constructor(directory: string, prefix: string) {
    mkdirSync(directory, { recursive: true });
    this.#directory = directory;
    this.#prefix = prefix;
    this.#watcher = watch(directory, () => {
      this.#changed = true;
      this.#wake?.();
    });
  }

  /** Whole lines that came since the last call, in the order of the files' names. */
  poll(): string[] {
    this.#changed = false;
    const names = readdirSync(this.#directory).filter((name) => name.startsWith(this.#prefix) && name.endsWith('.log'));
    return names.sort().flatMap((name) => this.#readNew(name));
  }

  /** Resolves at the next change in the directory, or after `timeoutMs`. */
  async changed(timeoutMs: number): Promise<void> {
    if (this.#changed) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = null;
  }

  close(): void {
    this.#watcher.close();
    for (const { descriptor } of this.#files.values()) closeSync(descriptor);
    this.#files.clear();
  }

  #readNew(name: string): string[] {
    let file = this.#files.get(name);
    if (file === undefined) {
      file = { descriptor: openSync(join(this.#directory, name), 'r'), offset: 0, rest: '' };
      this.#files.set(name, file);
    }
    const available = fstatSync(file.descriptor).size - file.offset;
    if (available <= 0) return [];
    const buffer = Buffer.allocUnsafe(available);
    const read = readSync(file.descriptor, buffer, 0, available, file.offset);
    file.offset += read;
    // Every file is ASCII but for names; a character cut in two would only spoil a line that nobody compares.
    const lines = (file.rest + buffer.toString('utf8', 0, read)).split('\n');
    file.rest = lines.pop() ?? '';
    return lines;
  }
}
