import { filterProblem } from './capture/filter.ts';
import type { EnvFile } from './config/env-files.ts';
import { readEnvDirectory } from './config/env-files.ts';
import { parseEnvFile } from './config/parse-env-file.ts';
import { formatProblem } from './config/problem.ts';
import type { ProcessSettings } from './config/process-settings.ts';
import type { Settings } from './config/settings.ts';
import { LiveSession } from './session/live-session.ts';

const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 60_000;

/** Writes one line for people: standard output, or standard error for what went wrong. */
export interface Console {
  out(line: string): void;
  error(line: string): void;
}

/** The agent: one session per env file, each on its own; one that fails is tried again, later and later. */
export class Agent {
  readonly #process: ProcessSettings;
  readonly #console: Console;
  readonly #stopping = new AbortController();

  constructor(process: ProcessSettings, console: Console) {
    this.#process = process;
    this.#console = console;
  }

  /**
   * Runs the sessions of all env files until `stop` is called. False when there is nothing to run: no usable env
   * file, or no session that could be started; the reasons are on the console.
   */
  async run(): Promise<boolean> {
    const sessions = await this.#readSettings();
    if (sessions === null) return false;
    const opened = await Promise.all(
      sessions.map(async (settings) => ({ settings, session: await this.#open(settings) })),
    );
    if (!opened.some(({ session }) => session !== null)) return false;
    await Promise.all(opened.map(({ settings, session }) => this.#keepRunning(settings, session)));
    return true;
  }

  /** Ends all sessions in order; `run` then comes to its end. */
  stop(): void {
    this.#stopping.abort();
  }

  /** The settings of all env files; null, with the reasons on the console, when there are none to be used. */
  async #readSettings(): Promise<Settings[] | null> {
    const directory = this.#process.configDirectory;
    const found = await readEnvDirectory(directory);
    if (found.kind === 'unreadable') {
      this.#console.error(found.reason);
      return null;
    }
    if (found.files.length === 0) {
      this.#console.error(
        `Cannot monitor anything: there is no file dlltagent_searchpod in ${directory}; monitorPod.sh writes it`,
      );
      return null;
    }
    const settings = found.files.flatMap((file) => this.#settingsOf(file) ?? []);
    return settings.length === 0 ? null : settings;
  }

  #settingsOf(file: EnvFile): Settings | null {
    if (file.kind === 'unreadable') {
      this.#console.error(file.reason);
      return null;
    }
    const { settings, problems } = parseEnvFile(file.text, file.path, process.env, filterProblem);
    for (const problem of problems) this.#console.error(formatProblem(problem));
    if (settings !== null && typeof settings.interfaceIndex !== 'number') {
      this.#console.error(
        `Cannot monitor anything with ${file.path}: INTERFACE_INDEX_SNIF has to be the index of an interface (ip link shows it)`,
      );
      return null;
    }
    return settings;
  }

  async #open(settings: Settings): Promise<LiveSession | null> {
    try {
      const { logDirectory } = this.#process;
      return await LiveSession.open(settings, settings.interfaceIndex as number, logDirectory, (line) =>
        this.#console.out(line),
      );
    } catch (error) {
      this.#console.error(error instanceof Error ? error.message : String(error));
      return null;
    }
  }

  /** Runs a session, and opens it again when it ends by itself: its interface may come back. */
  async #keepRunning(settings: Settings, first: LiveSession | null): Promise<void> {
    const { signal } = this.#stopping;
    let session = first;
    let retryMs = FIRST_RETRY_MS;
    while (!signal.aborted) {
      if (session !== null) {
        retryMs = FIRST_RETRY_MS;
        await this.#runOne(session);
      }
      if (signal.aborted) return;
      await pause(retryMs, signal);
      retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
      session = signal.aborted ? null : await this.#open(settings);
    }
  }

  async #runOne(session: LiveSession): Promise<void> {
    const stop = () => session.stop();
    this.#stopping.signal.addEventListener('abort', stop);
    if (this.#stopping.signal.aborted) stop();
    try {
      await session.run();
    } catch (error) {
      this.#console.error(`The session on ${session.interfaceName} failed: ${(error as Error).stack}`);
    } finally {
      this.#stopping.signal.removeEventListener('abort', stop);
    }
  }
}

/** Waits, but not beyond the signal. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
  });
}
