import { readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';

/** Which directory may grow how far, and who wants to hear of it. */
export interface DiskBudgetOptions {
  readonly directory: string;
  readonly maxBytes: number;
  /** Pcaps that may be there: a small one takes an inode like a large one. */
  readonly maxPcaps: number;
  /** True for the name of a file that is being written: it is never deleted. */
  readonly isOpen: (name: string) => boolean;
  /** Called for each file that was deleted, with the key of the setting that was passed. */
  readonly onDeleted: (name: string, bytes: number, key: 'MAX_LOG_MB' | 'MAX_PCAPS') => void;
  /** Called with one line when the budget cannot be kept; again only after it could be kept. */
  readonly onError: (message: string) => void;
}

interface FoundFile {
  readonly name: string;
  /** Bytes it takes on the disk, or has, whichever is more. */
  readonly bytes: number;
  readonly changedMs: number;
}

/** What the agent itself wrote and finished; nothing else in the directory is ever deleted. */
const FINISHED_FILE =
  /^((log_notif|flows|end_flows|netwevents|processEBPF|process_flows)_\d.*\.log|dump_.*\.pcap(ng)?|outputfile\.1\.txt)$/;
const PCAP = /^dump_.*\.pcap(ng)?$/;
/** The directory is looked at when it may have passed this part of the budget … */
const HIGH_MARK = 0.95;
/** … and brought down to this one, so that the looks stay rare. */
const LOW_MARK = 0.9;
const STAT_AT_ONCE = 64;
const BLOCK_BYTES = 512;

/**
 * Keeps a session's directory within its budget by deleting the oldest finished files. It looks at the directory once
 * at the start and then only when what was written since may have passed the budget.
 */
export class DiskBudget {
  readonly #options: DiskBudgetOptions;
  #maxBytes: number;
  #maxPcaps: number;
  /** Pcaps in the directory, as far as is known. */
  #pcaps = 0;
  #pcapsMeanwhile = 0;
  /** What the directory has, as far as is known; infinite until the first look. */
  #usedBytes = Number.POSITIVE_INFINITY;
  #writtenMeanwhile = 0;
  #running: Promise<void> | null = null;
  #failing = false;

  constructor(options: DiskBudgetOptions) {
    this.#options = options;
    this.#maxBytes = options.maxBytes;
    this.#maxPcaps = options.maxPcaps;
  }

  /** Bytes in the directory, as far as is known; 0 before the first look. */
  get usedBytes(): number {
    return Number.isFinite(this.#usedBytes) ? this.#usedBytes : 0;
  }

  /** Changes the budget; what is too much then goes at once. */
  setLimits(maxBytes: number, maxPcaps: number): void {
    this.#maxBytes = maxBytes;
    this.#maxPcaps = maxPcaps;
    this.wrote(0);
  }

  /** Counts bytes, and pcaps, that were written; starts to tidy up, behind the caller's back, when they may be too many. */
  wrote(bytes: number, pcaps = 0): void {
    this.#usedBytes += bytes;
    this.#writtenMeanwhile += bytes;
    this.#pcaps += pcaps;
    this.#pcapsMeanwhile += pcaps;
    if (this.#usedBytes > this.#maxBytes * HIGH_MARK || this.#pcaps > this.#maxPcaps) void this.enforce();
  }

  /** Looks at the directory and deletes what is too much. Resolves when that is done; never rejects. */
  enforce(): Promise<void> {
    this.#running ??= this.#tidy().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #tidy(): Promise<void> {
    this.#writtenMeanwhile = 0;
    this.#pcapsMeanwhile = 0;
    try {
      const files = await this.#withoutOldPcaps(await this.#look());
      this.#pcaps = files.filter(({ name }) => PCAP.test(name)).length + this.#pcapsMeanwhile;
      let used = files.reduce((sum, { bytes }) => sum + bytes, 0);
      if (used > this.#maxBytes * HIGH_MARK) used -= await this.#deleteExcess(files, used - this.#maxBytes * LOW_MARK);
      this.#usedBytes = used + this.#writtenMeanwhile;
      if (used <= this.#maxBytes) this.#failing = false;
      else this.#fail(`${used} bytes are left in files that are open or not the agent's; raise MAX_LOG_MB`);
    } catch (error) {
      this.#usedBytes = this.#writtenMeanwhile; // or every write would look again
      this.#pcaps = this.#pcapsMeanwhile;
      this.#fail(`${(error as Error).message}; is the directory still there?`);
    }
    // what cannot be helped now is looked at again after a twentieth of the budget
    this.#usedBytes = Math.min(this.#usedBytes, this.#maxBytes * LOW_MARK);
  }

  async #look(): Promise<FoundFile[]> {
    const { directory } = this.#options;
    const names = await readdir(directory);
    const files: FoundFile[] = [];
    for (let i = 0; i < names.length; i += STAT_AT_ONCE) {
      const found = await Promise.all(names.slice(i, i + STAT_AT_ONCE).map((name) => lookAt(directory, name)));
      for (const file of found) if (file !== null) files.push(file);
    }
    return files;
  }

  /** Deletes the oldest pcaps when there are too many; gives the files that are left. */
  async #withoutOldPcaps(files: FoundFile[]): Promise<FoundFile[]> {
    const pcaps = oldestFirst(files.filter(({ name }) => PCAP.test(name)));
    if (pcaps.length <= this.#maxPcaps) return files;
    const gone = pcaps.slice(0, pcaps.length - Math.max(1, Math.floor(this.#maxPcaps * LOW_MARK)));
    for (const file of gone) await this.#delete(file, 'MAX_PCAPS');
    const goneNames = new Set(gone.map(({ name }) => name));
    return files.filter(({ name }) => !goneNames.has(name));
  }

  /** Deletes at least `excessBytes` of finished files, oldest first; says how many bytes are gone. */
  async #deleteExcess(files: FoundFile[], excessBytes: number): Promise<number> {
    const finished = oldestFirst(files.filter(({ name }) => FINISHED_FILE.test(name)));
    let deletedBytes = 0;
    for (const file of finished) {
      if (deletedBytes >= excessBytes) break;
      if (this.#options.isOpen(file.name)) continue; // asked now and not before: it may have been opened meanwhile
      await this.#delete(file, 'MAX_LOG_MB');
      deletedBytes += file.bytes;
    }
    return deletedBytes;
  }

  async #delete({ name, bytes }: FoundFile, key: 'MAX_LOG_MB' | 'MAX_PCAPS'): Promise<void> {
    const { directory, onDeleted } = this.#options;
    try {
      await unlink(join(directory, name));
      onDeleted(name, bytes, key);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }

  #fail(reason: string): void {
    if (this.#failing) return;
    this.#failing = true;
    this.#options.onError(`Cannot keep ${this.#options.directory} under ${this.#maxBytes} bytes: ${reason}`);
  }
}

function oldestFirst(files: FoundFile[]): FoundFile[] {
  return files.sort((a, b) => a.changedMs - b.changedMs || (a.name < b.name ? -1 : 1));
}

async function lookAt(directory: string, name: string): Promise<FoundFile | null> {
  try {
    const info = await stat(join(directory, name));
    return info.isFile()
      ? { name, bytes: Math.max(info.size, info.blocks * BLOCK_BYTES), changedMs: info.mtimeMs }
      : null;
  } catch {
    return null; // it is gone
  }
}
