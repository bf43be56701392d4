import { constants } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { formatFileTime } from '../model/utc-time.ts';
import { makeDirectory } from './make-directory.ts';

/** A file that was opened for writing at its end. */
export interface OpenedFile {
  readonly handle: FileHandle;
  /** Name without the directory. */
  readonly name: string;
  /** Bytes it already has. */
  readonly sizeBytes: number;
}

/**
 * Decides under which names the parts of a file come. `open` is called for each part that begins, and again for the
 * same part when its file was lost; `timeUs` is when the part begins. Rejects with the system's error.
 */
export interface FileNaming {
  open(directory: string, timeUs: number, part: number): Promise<OpenedFile>;
}

/** Mode of the files: the owner writes, the group reads. */
const FILE_MODE = 0o640;

const { O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;

/** `base` + `extension` the first time, then `base_001`, `base_002`, …: the candidates for a name that may be taken. */
export function numberedName(base: string, extension: string, attempt: number): string {
  return attempt === 0 ? `${base}${extension}` : `${base}_${String(attempt).padStart(3, '0')}${extension}`;
}

/** `<prefix>_<time>.log` for each part; never a name that exists or that this run already used. */
export class TimedNames implements FileNaming {
  readonly #prefix: string;
  #lastBase = '';
  #nextAttempt = 0;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  async open(directory: string, timeUs: number): Promise<OpenedFile> {
    const base = `${this.#prefix}_${formatFileTime(timeUs)}`;
    if (base !== this.#lastBase) {
      this.#lastBase = base;
      this.#nextAttempt = 0;
    }
    for (;;) {
      const name = numberedName(base, '.log', this.#nextAttempt);
      try {
        const handle = await openMakingDirectory(directory, name, O_WRONLY | O_CREAT | O_EXCL);
        this.#nextAttempt++;
        return { handle, name, sizeBytes: 0 };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        this.#nextAttempt++;
      }
    }
  }
}

/**
 * Always the same name; when a part is full it is renamed (`outputfile.txt` to `outputfile.1.txt`, replacing an older
 * one) and the name begins anew. What an earlier run left is continued as long as it has less than `keepBytes`.
 */
export class TwoGenerations implements FileNaming {
  readonly #name: string;
  readonly #olderName: string;
  readonly #keepBytes: number;
  #part = -1;

  constructor(name: string, olderName: string, keepBytes: number) {
    this.#name = name;
    this.#olderName = olderName;
    this.#keepBytes = keepBytes;
  }

  async open(directory: string, _timeUs: number, part: number): Promise<OpenedFile> {
    const path = join(directory, this.#name);
    if (this.#part >= 0 && part !== this.#part) await renameIfThere(path, join(directory, this.#olderName));
    this.#part = part;
    let opened = await this.#openExisting(directory);
    if (opened.sizeBytes >= this.#keepBytes) {
      await opened.handle.close();
      await renameIfThere(path, join(directory, this.#olderName));
      opened = await this.#openExisting(directory);
    }
    return opened;
  }

  async #openExisting(directory: string): Promise<OpenedFile> {
    const handle = await openMakingDirectory(directory, this.#name, O_RDWR | O_CREAT);
    return { handle, name: this.#name, sizeBytes: await endLastLine(handle) };
  }
}

/** Ends the line that a killed run left half-written; says how long the file is then. */
async function endLastLine(handle: FileHandle): Promise<number> {
  const { size } = await handle.stat();
  if (size === 0) return 0;
  const last = Buffer.alloc(1);
  await handle.read(last, 0, 1, size - 1);
  if (last[0] === 0x0a) return size;
  return size + (await handle.write('\n', size)).bytesWritten;
}

async function renameIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** Opens a file; makes its directory first when that is gone. A link in the file's place is not followed. */
export async function openMakingDirectory(directory: string, name: string, flags: number): Promise<FileHandle> {
  const path = join(directory, name);
  try {
    return await open(path, flags | O_NOFOLLOW, FILE_MODE);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await makeDirectory(directory);
    return open(path, flags | O_NOFOLLOW, FILE_MODE);
  }
}
