import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import { type EnvDirectory, isEnvFileName, isSameEnvFile, readEnvDirectory } from './env-files.ts';

/** Changes come in bursts (an editor writes, renames, deletes): the directory is read when they have rested so long … */
const REST_MS = 100;
/** … or, when they do not rest, so long after the first one. */
const LONGEST_BURST_MS = 400;
/** Some editors, and `kubectl cp`, take a file away and write it anew: it is gone when it still is after this. */
const GONE_MS = 200;
/** What no news came of is found by a look of our own. */
const LOOK_MS = 5_000;
/** The same while there is nothing to watch: no directory, or the kernel has no watches left. */
const LOOK_UNWATCHED_MS = 500;

/**
 * The env files of a directory: as they are, and again whenever something in them has changed, until `signal` is
 * aborted. In-place writes, renames and swapped symbolic links (ConfigMap mounts) all show; the directory itself may
 * go and come back.
 */
export async function* envDirectoryChanges(directory: string, signal: AbortSignal): AsyncGenerator<EnvDirectory> {
  const bell = new Bell(signal);
  const watcher = new DirectoryWatcher(directory, () => bell.ring());
  let last: EnvDirectory | null = null;
  try {
    while (!signal.aborted) {
      await watcher.follow();
      let found = await readEnvDirectory(directory);
      if (last !== null && isLessThan(found, last)) {
        await bell.pause(GONE_MS);
        found = await readEnvDirectory(directory);
      }
      if (last === null || !isSame(found, last)) yield found;
      last = found;
      await bell.rest(watcher.isWatching ? LOOK_MS : LOOK_UNWATCHED_MS);
    }
  } finally {
    await watcher.close();
  }
}

/** Watches whatever directory has the name at the time: one that was replaced is watched anew. */
class DirectoryWatcher {
  readonly #directory: string;
  readonly #onNews: () => void;
  #watcher: FSWatcher | null = null;
  /** Device and inode of the directory that is watched. */
  #identity = '';

  constructor(directory: string, onNews: () => void) {
    this.#directory = directory;
    this.#onNews = onNews;
  }

  /** False while there is no directory to watch, or no means to. */
  get isWatching(): boolean {
    return this.#watcher !== null;
  }

  /** Watches the directory that has the name now. Never rejects. */
  async follow(): Promise<void> {
    const info = await stat(this.#directory).catch(() => null);
    const identity = info?.isDirectory() ? `${info.dev}:${info.ino}` : '';
    if (identity === this.#identity && (this.isWatching || identity === '')) return;
    await this.close();
    if (identity !== '') await this.#watch();
    this.#identity = identity;
  }

  async close(): Promise<void> {
    const watcher = this.#watcher;
    this.#watcher = null;
    await watcher?.close();
  }

  async #watch(): Promise<void> {
    const directory = this.#directory;
    const watcher = watch(directory, {
      depth: 0,
      ignoreInitial: true,
      ignorePermissionErrors: true, // readEnvFile says it better
      ignored: (path) => path !== directory && !isEnvFileName(basename(path)),
    });
    this.#watcher = watcher;
    watcher.on('raw', this.#onNews); // also what happens beside the env files: the link `..data` of a ConfigMap
    await new Promise<void>((resolve) => {
      watcher.on('ready', resolve).on('error', () => {
        if (this.#watcher === watcher) void this.close(); // most likely no inotify watches are left
        resolve();
      });
    });
  }
}

/** Tells when something has happened, and when it has come to rest. */
class Bell {
  readonly #signal: AbortSignal;
  #rung = false;
  #wake: () => void = () => undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  ring(): void {
    this.#rung = true;
    this.#wake();
  }

  /** Waits for a ring and until it has been quiet since, or for `longestMs` when nobody rings. */
  async rest(longestMs: number): Promise<void> {
    await this.#ringWithin(longestMs);
    const deadline = performance.now() + LONGEST_BURST_MS;
    while (this.#rung && performance.now() < deadline) {
      this.#rung = false;
      await this.#ringWithin(REST_MS);
    }
    this.#rung = false;
  }

  /** Waits, whoever rings. */
  async pause(ms: number): Promise<void> {
    const deadline = performance.now() + ms;
    while (performance.now() < deadline && !this.#signal.aborted) {
      this.#rung = false;
      await this.#ringWithin(deadline - performance.now());
    }
  }

  #ringWithin(ms: number): Promise<void> {
    if (this.#rung || this.#signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#signal.removeEventListener('abort', done);
        this.#wake = () => undefined;
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#wake = done;
      this.#signal.addEventListener('abort', done);
    });
  }
}

/** Whether something that was there is missing now. */
function isLessThan(found: EnvDirectory, last: EnvDirectory): boolean {
  if (last.kind === 'unreadable') return false;
  if (found.kind === 'unreadable') return true;
  const paths = new Set(found.files.map(({ path }) => path));
  return last.files.some(({ path }) => !paths.has(path));
}

function isSame(found: EnvDirectory, last: EnvDirectory): boolean {
  if (found.kind === 'unreadable') return last.kind === 'unreadable' && found.reason === last.reason;
  if (last.kind === 'unreadable' || found.files.length !== last.files.length) return false;
  return found.files.every((file, i) => isSameEnvFile(file, last.files[i]));
}
