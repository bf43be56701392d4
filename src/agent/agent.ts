import { Pulse } from '../capture/pulse.ts';
import { type EnvFile, isSameEnvFile } from '../config/env-files.ts';
import { planMemory } from '../config/memory-plan.ts';
import type { ProcessSettings } from '../config/process-settings.ts';
import { envDirectoryChanges } from '../config/watch-env-files.ts';
import { everyStepInTurn } from '../model/every-step.ts';
import type { MemoryFigures } from '../model/memory-room.ts';
import type { SessionFigures } from '../model/session-figures.ts';
import type { SessionStatus } from '../model/session-status.ts';
import { LinkWatch } from '../native/link-watch.ts';
import { keepLargeMemoryLazy } from '../native/malloc.ts';
import { ProcessKnowledge } from '../process/process-knowledge.ts';
import type { PageSource } from '../serve/observed.ts';
import { AgentMemory } from '../session/agent-memory.ts';
import { PageFeed } from '../session/page-feed.ts';
import type { SharedParts } from '../session/shared-parts.ts';
import { assignmentOf } from './assignment.ts';
import { CapturePlaceResolver } from './capture-place-resolver.ts';
import type { Console } from './console.ts';
import { Debounce } from './debounce.ts';
import { GarbageCollector } from './garbage-collector.ts';
import { InterfaceClaims } from './interface-claims.ts';
import { pageSource } from './page.ts';
import { PodInterfaceLookup } from './pod-interface-lookup.ts';
import { SessionKeeper } from './session-keeper.ts';

/** Interfaces come in pairs, often by the dozen, and a moment before it can be told whose they are. */
const LINK_DELAY_MS = 200;
/** How often it is looked at what is resident. */
const MEMORY_EVERY_MS = 1_000;

/** An env file as it was last read, and who keeps its session. */
interface Kept {
  readonly file: EnvFile;
  readonly keeper: SessionKeeper;
}

/** The agent: one session per env file, each on its own; sessions come, change and go as the files do. */
export class Agent {
  /** Changes of env files since the start, by whether they could be used. */
  readonly reloads = { good: 0, bad: 0 };
  /** What live pages are told; null when there are none. */
  readonly page: PageSource | null;
  readonly #process: ProcessSettings;
  readonly #console: Console;
  readonly #shared: SharedParts;
  readonly #stopping = new AbortController();
  readonly #locator: CapturePlaceResolver;
  readonly #garbage = new GarbageCollector();
  readonly #look = new Debounce(() => {
    for (const { keeper } of this.#kept.values()) keeper.onInterfaceAppeared();
  }, LINK_DELAY_MS);
  readonly #links = new LinkWatch(() => this.#look.ask());
  readonly #claims = new InterfaceClaims(() => this.#onInterfaceFreed());
  /** By path. */
  readonly #kept = new Map<string, Kept>();
  /** By path: until when the sessions of a file, also of one that was removed, are on their way. */
  readonly #runs = new Map<string, Promise<void>>();
  #memoryTimer: NodeJS.Timeout | undefined;
  #closed: Promise<void> | null = null;

  /** `finderScript` is the path of monitorPod.sh. */
  constructor(settings: ProcessSettings, finderScript: string, console: Console) {
    this.#process = settings;
    this.#console = console;
    this.#locator = new CapturePlaceResolver(new PodInterfaceLookup(finderScript));
    const feed = settings.isPageServed ? new PageFeed() : null;
    const { logDirectory, memoryMb } = settings;
    const memory = new AgentMemory(planMemory(memoryMb));
    this.#shared = { logDirectory, knowledge: new ProcessKnowledge(), feed, memory, pulse: new Pulse() };
    const keepers = () => [...this.#kept.values()].map(({ keeper }) => keeper);
    this.page = feed && pageSource(feed, logDirectory, keepers);
  }

  /** How the sessions are doing, one for each env file. */
  sessions(): SessionStatus[] {
    return [...this.#kept.values()].map(({ keeper }) => keeper.status);
  }

  /** How the memory of the agent is used. */
  memory(): MemoryFigures {
    return this.#shared.memory.figures();
  }

  /** What those sessions counted that are under way. */
  figures(): SessionFigures[] {
    return [...this.#kept.values()].flatMap(({ keeper }) => keeper.figures() ?? []);
  }

  /**
   * Runs the sessions of the env files until `stop` is called. False when there was nothing to begin with: the
   * directory cannot be read, or no file has a session that could be opened; the reasons are on the console. An empty
   * directory and files that have to be mended are waited for.
   */
  async run(): Promise<boolean> {
    keepLargeMemoryLazy();
    try {
      this.#garbage.start();
      this.#shared.memory.pool.prefault();
      this.#watchMemory();
      this.#watchLinks();
      return await this.#followFiles();
    } finally {
      await this.close();
    }
  }

  /** Ends all sessions in order, then what they share. Idempotent; `run` does it in the end. */
  close(): Promise<void> {
    this.#closed ??= everyStepInTurn(
      () => this.stop(),
      () => this.#allEnded(),
      () => this.#links.close(),
      () => this.#look.close(),
      () => this.#garbage.close(),
      () => clearInterval(this.#memoryTimer),
      () => this.#shared.memory.close(),
    );
    return this.#closed;
  }

  async #followFiles(): Promise<boolean> {
    let isFirst = true;
    for await (const found of envDirectoryChanges(this.#process.configDirectory, this.#stopping.signal)) {
      if (found.kind === 'files') this.#assign(found.files);
      else if (isFirst) return this.#giveUp(found.reason);
      else this.#onUnreadable(found.reason);
      if (isFirst && (await this.#isHopeless())) return false;
      isFirst = false;
    }
    return true;
  }

  /** Ends all sessions in order; `run` then comes to its end. May be called at any time, and again. */
  stop(): void {
    this.#stopping.abort();
    for (const { keeper } of this.#kept.values()) keeper.end('the agent stops');
  }

  /** Has those who wait for a pod look for it when an interface appears, and not only now and then. */
  #watchLinks(): void {
    try {
      this.#links.start();
    } catch (error) {
      this.#console.error(`${(error as Error).message}; a pod that comes back is found some seconds later`);
    }
  }

  /** Looks now and then at what is resident, so that what nobody asked for is reckoned with. */
  #watchMemory(): void {
    this.#memoryTimer = setInterval(
      () => this.#shared.memory.calibrate(process.memoryUsage.rss()),
      MEMORY_EVERY_MS,
    ).unref();
  }

  #giveUp(reason: string): boolean {
    this.#console.error(reason);
    return false;
  }

  #onUnreadable(reason: string): void {
    const line = `${reason}; the sessions go on as they are`;
    this.#console.error(line);
    for (const { keeper } of this.#kept.values()) keeper.note({ level: 'error', line });
  }

  #assign(files: readonly EnvFile[]): void {
    if (this.#stopping.signal.aborted) return;
    const present = new Set(files.map(({ path }) => path));
    for (const [path, { keeper }] of this.#kept) {
      if (present.has(path)) continue;
      this.#kept.delete(path);
      keeper.end(`its env file ${path} was removed`);
    }
    for (const file of files) {
      const before = this.#kept.get(file.path);
      if (before !== undefined && isSameEnvFile(file, before.file)) continue;
      const keeper = before?.keeper ?? this.#newKeeper(file.path);
      this.#kept.set(file.path, { file, keeper });
      const assignment = assignmentOf(file);
      keeper.assign(assignment);
      if (before === undefined) this.#start(file.path, keeper);
      else this.reloads[assignment.settings === null ? 'bad' : 'good']++;
    }
    if (files.length > 0) return;
    this.#console.error(
      `Nothing to monitor yet: there is no file dlltagent_searchpod in ${this.#process.configDirectory}; write one that names the interface, INTERFACE_INDEX_SNIF=5`,
    );
  }

  #newKeeper(path: string): SessionKeeper {
    const [console, claims, locator, shared] = [this.#console, this.#claims, this.#locator, this.#shared];
    return new SessionKeeper(path, { console, claims, locator, shared });
  }

  /** Begins a file's sessions, once those of an earlier file of that name have ended. */
  #start(path: string, keeper: SessionKeeper): void {
    const earlier = this.#runs.get(path);
    const run = (earlier === undefined ? keeper.run() : earlier.then(() => keeper.run())).finally(() => {
      if (this.#runs.get(path) === run) this.#runs.delete(path);
    });
    this.#runs.set(path, run);
  }

  /** Whether there are env files, and nothing to be expected of any of them. */
  async #isHopeless(): Promise<boolean> {
    const keepers = [...this.#kept.values()].map(({ keeper }) => keeper);
    await Promise.all(keepers.map(({ tried }) => tried));
    const { aborted } = this.#stopping.signal;
    return !aborted && keepers.length > 0 && keepers.every(({ status }) => status.state === 'failing');
  }

  async #allEnded(): Promise<void> {
    await Promise.all(this.#runs.values());
  }

  /** A session has ended, or could not be opened. */
  #onInterfaceFreed(): void {
    this.#garbage.soon();
    for (const { keeper } of this.#kept.values()) keeper.onInterfaceFreed();
  }
}
