import { filterProblem } from './capture/filter.ts';
import { type EnvFile, readEnvDirectory } from './config/env-files.ts';
import { parseEnvFile } from './config/parse-env-file.ts';
import { formatProblem } from './config/problem.ts';
import type { ProcessSettings } from './config/process-settings.ts';
import type { Settings } from './config/settings.ts';
import { ProcessKnowledge } from './process/process-knowledge.ts';
import { LiveSession } from './session/live-session.ts';

const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 10_000;

/** Writes one line for people: standard output, or standard error for what went wrong. */
export interface Console {
  out(line: string): void;
  error(line: string): void;
}

/** One env file that can be used: what to monitor, and what people should know of the file. */
interface Assignment {
  readonly path: string;
  readonly interfaceIndex: number;
  readonly settings: Settings;
  readonly warnings: readonly string[];
}

/** The agent: one session per env file, each on its own; one that fails is tried again, later and later. */
export class Agent {
  readonly #process: ProcessSettings;
  readonly #console: Console;
  readonly #knowledge = new ProcessKnowledge();
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
    const assignments = await this.#readAssignments();
    const opened = await Promise.all(
      assignments.map(async (assignment) => {
        const session = await this.#open(assignment, '');
        return { assignment, session };
      }),
    );
    const someStarted = opened.some(({ session }) => session instanceof LiveSession);
    if (!someStarted) return false;
    await Promise.all(opened.map(({ assignment, session }) => this.#keepRunning(assignment, session)));
    return true;
  }

  /** Ends all sessions in order; `run` then comes to its end. May be called at any time, and again. */
  stop(): void {
    this.#stopping.abort();
  }

  /** What the env files ask for; what cannot be used is told on the console and left out. */
  async #readAssignments(): Promise<Assignment[]> {
    const directory = this.#process.configDirectory;
    const found = await readEnvDirectory(directory);
    if (found.kind === 'unreadable') {
      this.#console.error(found.reason);
      return [];
    }
    if (found.files.length === 0) {
      this.#console.error(
        `Cannot monitor anything: there is no file dlltagent_searchpod in ${directory}; write one that names the interface, INTERFACE_INDEX_SNIF=5`,
      );
    }
    const byInterface = new Map<number, Assignment>();
    for (const file of found.files) {
      const assignment = this.#assignmentOf(file);
      if (assignment === null) continue;
      const first = byInterface.get(assignment.interfaceIndex);
      if (first === undefined) byInterface.set(assignment.interfaceIndex, assignment);
      else {
        this.#console.error(
          `Cannot use ${file.path}: ${first.path} already monitors interface ${assignment.interfaceIndex}; change INTERFACE_INDEX_SNIF in one of them, or remove it`,
        );
      }
    }
    return [...byInterface.values()];
  }

  #assignmentOf(file: EnvFile): Assignment | null {
    if (file.kind === 'unreadable') {
      this.#console.error(file.reason);
      return null;
    }
    const { settings, problems } = parseEnvFile(file.text, file.path, process.env, filterProblem);
    const warnings = problems.map(formatProblem);
    for (const warning of warnings) this.#console.error(warning);
    if (settings === null) return null;
    const { interfaceIndex } = settings;
    if (typeof interfaceIndex !== 'number') {
      this.#console.error(
        `Cannot use ${file.path}: INTERFACE_INDEX_SNIF has to be the index of an interface (ip link shows it)`,
      );
      return null;
    }
    return { path: file.path, interfaceIndex, settings, warnings };
  }

  /** An open session, or why there is none; what `lastFailure` said already is not said again. */
  async #open(assignment: Assignment, lastFailure: string): Promise<LiveSession | string> {
    const { interfaceIndex, settings, warnings, path } = assignment;
    const print = (line: string) => this.#console.out(line);
    try {
      return await LiveSession.open(
        settings,
        interfaceIndex,
        this.#process.logDirectory,
        warnings,
        this.#knowledge,
        print,
      );
    } catch (error) {
      const failure = `${error instanceof Error ? error.message : String(error)} (${path})`;
      if (failure !== lastFailure) this.#console.error(failure);
      return failure;
    }
  }

  /** Runs a session, and opens it again when it ends by itself: its interface may come back. */
  async #keepRunning(assignment: Assignment, first: LiveSession | string): Promise<void> {
    const { signal } = this.#stopping;
    let session = first;
    let retryMs = FIRST_RETRY_MS;
    while (true) {
      if (session instanceof LiveSession) {
        await this.#runOne(session);
        retryMs = FIRST_RETRY_MS;
      }
      if (signal.aborted) return;
      await pause(retryMs, signal);
      if (signal.aborted) return;
      retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
      session = await this.#open(assignment, typeof session === 'string' ? session : '');
    }
  }

  async #runOne(session: LiveSession): Promise<void> {
    const stop = () => session.stop();
    this.#stopping.signal.addEventListener('abort', stop);
    if (this.#stopping.signal.aborted) stop();
    try {
      await session.run();
    } catch (error) {
      this.#console.error(`The session on ${session.interfaceName} failed: ${(error as Error).message}`);
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
