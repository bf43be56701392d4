import { randomInt } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { EbpfWitness } from '../attribution/ebpf-witness.ts';
import { NamedReports } from '../attribution/named-reports.ts';
import { type OpenedSource, openSource } from '../capture/open-source.ts';
import type { LiveSource, SourceState } from '../capture/packet-source.ts';
import { openPodEvents } from '../cluster/open-pod-events.ts';
import type { PodEvents } from '../cluster/pod-events.ts';
import { describeChanges, type Settings } from '../config/settings.ts';
import { interfaceGone } from '../detect/interface-gone.ts';
import type { PacketHistory } from '../history/packet-history.ts';
import type { LogLevel } from '../model/log-level.ts';
import type { PageConnection } from '../model/page-messages.ts';
import type { ProcessIdentity } from '../model/process.ts';
import { sessionDirectoryName } from '../model/session-directory-name.ts';
import type { SessionFigures } from '../model/session-figures.ts';
import { interfaceName } from '../native/libc.ts';
import { CountingSink } from '../pipeline/counting-sink.ts';
import { buildPipeline, newHistory, type Pipeline } from '../pipeline/pipeline.ts';
import type { PodNamespace } from '../process/pod-namespace.ts';
import { PodSearch } from '../process/pod-search.ts';
import { ProcessFinder } from '../process/process-finder.ts';
import type { ProcessKnowledge } from '../process/process-knowledge.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import type { CapturePlace } from './capture-place.ts';
import { figuresOf } from './figures.ts';
import { GuardedTimers } from './guarded-timers.ts';
import { LoadShedding } from './load-shedding.ts';
import { OneSided } from './one-sided.ts';
import { nameOf, openSessionFiles } from './open-session-files.ts';
import { pageConnection } from './page-feed.ts';
import { PassingTime } from './passing-time.ts';
import type { SessionFiles } from './session-files.ts';
import type { SharedParts } from './shared-parts.ts';
import { systemMemory } from './system-memory.ts';

/** Frames taken in before files, timers and other sessions have their turn. */
const FRAMES_AT_ONCE = 4096;
const CONNECTIONS_AT_ONCE = 1000;
/** Open connections that are shown other settings at once. */
const OPEN_AT_ONCE = 20_000;
/** The same where each is copied. */
const PAGE_OPEN_AT_ONCE = 500;
/** How often time passes while nothing arrives. */
const IDLE_TICK_MS = 500;
/** What was sent before a stop is still read: the kernel hands out a block that is not full after 32 ms, … */
const LAST_FRAMES_MS = 100;
/** … and there may be more than can be read at once; what has not been read after this is not waited for. */
const LAST_READING_MS = 2000;
const COUNTERS_EVERY_MS = 60_000;

/** Why a session ended. */
export type SessionEnd = 'stopped' | 'gone';

/**
 * One monitored pod: captures on its interface, follows its connections, and writes its files, until it is stopped or
 * the interface is gone.
 */
export class LiveSession {
  /** Name of the interface on the node; of the pod's own where there is no other. */
  readonly interfaceName: string;
  /** Index of the interface on the node, which names the session's directory. */
  readonly interfaceIndex: number;
  readonly #source: LiveSource;
  /** Tells its connections from those of other sessions. */
  readonly #number: number;
  readonly #files: SessionFiles;
  /** What is reported goes through it into the files. */
  readonly #counted: CountingSink;
  /** Null when KUBERNETES_EVENTS is off, or cannot be had. */
  #podEvents: PodEvents | null;
  readonly #reports: NamedReports;
  readonly #search: PodSearch;
  readonly #witness: EbpfWitness;
  readonly #knowledge: ProcessKnowledge;
  readonly #pipeline: Pipeline;
  readonly #shedding: LoadShedding;
  readonly #print: (line: string) => void;
  #settings: Settings;
  #isStopping = false;
  /** The pod is gone, whatever the source says. */
  #isLeft = false;
  /** Null when nobody wants to know, or it cannot be told. */
  #oneSided: OneSided | null;
  readonly #timers = new GuardedTimers((error) => this.#fail(error));
  readonly #passing: PassingTime;
  /** The source had nothing more when it was last asked: wall-clock time may pass. */
  #dry = true;
  /** What went wrong outside of `run`, which it then rejects with. */
  #failure: unknown = null;

  private constructor(
    { source }: OpenedSource,
    place: CapturePlace,
    settings: Settings,
    history: PacketHistory,
    files: SessionFiles,
    { knowledge, feed }: SharedParts,
    print: (line: string) => void,
  ) {
    this.interfaceName = nameOf(place, source);
    this.interfaceIndex = place.hostIndex;
    this.#oneSided = place.side === 'host' && settings.captureSide === 'auto' ? new OneSided() : null;
    this.#source = source;
    this.#settings = settings;
    this.#files = files;
    this.#number = feed?.nextSession() ?? 0;
    this.#counted = new CountingSink(files, {
      event: (event) => {
        this.#podEvents?.report(event);
        if (!feed?.admitsEvent(event)) return;
        feed.events.add({ directory: this.directory, line: files.formatEvent(event) });
      },
      ended: (connection) => {
        if (feed?.admitsEnd(connection)) feed.ends.add(this.#pageConnection(connection, connection.process));
      },
    });
    this.#podEvents = this.#openPodEvents(settings);
    this.#print = print;
    const warn = (message: string) => files.log.warn(message);
    this.#knowledge = knowledge;
    this.#reports = new NamedReports({
      sink: this.#counted,
      capacity: settings.maxConnections,
      knowledge,
      missed: () => this.#search.hurry(),
    });
    this.#witness = new EbpfWitness(knowledge.tracer, files, this.#reports);
    this.#witness.want(settings.useEbpf);
    const onFound = (namespace: PodNamespace) => {
      this.#reports.use(new ProcessFinder(knowledge, namespace, warn));
      this.#witness.found(namespace.inode);
    };
    const pod = { ...place, isPodsEnd: place.side === 'pod', podUid: settings.podUid };
    this.#search = new PodSearch(pod, onFound, warn);
    this.#pipeline = buildPipeline({
      settings,
      seed: randomInt(2 ** 32),
      memory: systemMemory,
      sink: this.#reports,
      owners: this.#reports,
      dumpSink: files,
      history,
    });
    const { path, reporter } = this.#pipeline;
    this.#passing = new PassingTime({
      path,
      dumps: this.#pipeline.dumps,
      drain: () => files.drain(),
      fail: (error) => this.#fail(error),
    });
    this.#shedding = new LoadShedding({ source, path, reporter, log: files.log, filter: settings.pcapFilter });
  }

  /**
   * Opens the capture and the files. Frames are captured from then on; `run` reads them. `warnings` are what people
   * should know of the settings; they go to the log. Rejects with one line that says what to do.
   */
  static async open(
    settings: Settings,
    place: CapturePlace,
    warnings: readonly string[],
    shared: SharedParts,
    print: (line: string) => void,
  ): Promise<LiveSession> {
    const history = newHistory(settings, systemMemory);
    const opened = openSource(settings.captureBackend, {
      ...place,
      ringMb: settings.ringMb,
      filter: settings.pcapFilter,
      store: history.store,
      pool: shared.pool,
    });
    let files: SessionFiles | null = null;
    try {
      files = await openSessionFiles(opened, place, settings, shared.logDirectory, warnings, print);
      return new LiveSession(opened, place, settings, history, files, shared, print);
    } catch (error) {
      opened.source.close();
      await files?.close();
      throw error;
    }
  }

  /**
   * Reads frames until `stop` is called or the interface is gone; then ends what is open and closes the files. Rejects
   * with what went wrong on the way, after closing everything. `onOneSided` is called, once, when the node's end shows
   * one direction only and the settings leave it to the agent where to capture.
   */
  async run(onOneSided: () => void = () => undefined): Promise<SessionEnd> {
    this.#timers.every(IDLE_TICK_MS, () => this.#tick(onOneSided));
    this.#timers.every(COUNTERS_EVERY_MS, () => this.#reportCounters());
    let state: SourceState = 'readable';
    try {
      while (state === 'readable') {
        this.#shedding.turn(); // before what came after a loss is read
        this.#knowledge.tracer.poll();
        this.#read();
        if (this.#dry) state = await this.#source.ready();
        await nextTurn();
      }
      if (this.#failure !== null) throw this.#failure;
    } catch (error) {
      this.#files.log.error('session failed', { cause: (error as Error).stack });
      this.#source.close();
      this.#endNaming();
      await this.#podEvents?.close();
      await this.#files.close();
      throw error;
    } finally {
      this.#timers.clear();
    }
    return this.#finish(state);
  }

  /**
   * Ends the capture, once what was sent up to now has been read; `run` then ends the session in order. `reason` is for
   * the log.
   */
  stop(reason: string): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#files.log.always(`this session ends: ${reason}`);
    const untilMs = performance.now() + LAST_FRAMES_MS + LAST_READING_MS;
    this.#timers.in(LAST_FRAMES_MS, () => this.#closeWhenRead(untilMs));
  }

  /** The pod is gone, though the interface may still seem to be there: ends like a session whose interface is gone. */
  leave(): void {
    this.#isLeft = true;
    this.#source.close();
  }

  /**
   * Goes by other settings from now on: no packet is lost and no file reopened. False, with a line in the log and
   * nothing changed, when they ask for a new capture.
   */
  apply(settings: Settings): boolean {
    const changes = describeChanges(this.#settings, settings);
    if (changes.length === 0) return true;
    const inPlace = changes.every(({ needsRestart }) => !needsRestart) && this.#applyFilter(settings.pcapFilter);
    this.#files.log.always(
      inPlace ? 'settings changed' : 'settings changed, for which a new capture has to begin',
      Object.fromEntries(changes.map(({ key, from, to }) => [key, { from, to }])),
    );
    if (!inPlace) return false;
    this.#settings = settings;
    this.#files.apply(settings);
    this.#witness.want(settings.useEbpf);
    if (changes.some(({ key }) => key === 'KUBERNETES_EVENTS')) {
      void this.#podEvents?.close();
      this.#podEvents = this.#openPodEvents(settings);
    }
    this.#lookThrough(this.#pipeline.apply(settings)).catch((error) => this.#fail(error));
    return true;
  }

  /** Whether `stop` was called. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** Name of the session's directory. */
  get directory(): string {
    return sessionDirectoryName(this.interfaceIndex);
  }

  /** Its open connections for live pages, with turns for packets and files in between. */
  async *pageConnections(): AsyncGenerator<PageConnection> {
    const { tracker } = this.#pipeline.path;
    for (let slot = 0; slot >= 0; ) {
      const found: PageConnection[] = [];
      const visit = (connection: TrackedConnection) => {
        found.push(this.#pageConnection(connection, this.#reports.processOf(connection.slot)));
      };
      slot = tracker.visitOpen(visit, slot, PAGE_OPEN_AT_ONCE);
      yield* found;
      await nextTurn();
    }
  }

  #pageConnection(connection: TrackedConnection, process: ProcessIdentity): PageConnection {
    const serverName = this.#pipeline.dumps?.serverNames.of(connection) ?? '';
    return pageConnection(connection, this.#number, this.directory, process, serverName);
  }

  /** What was counted since the session began, for those who look from outside. */
  figures(): SessionFigures {
    return figuresOf({
      interfaceName: this.interfaceName,
      settings: this.#settings,
      source: this.#source,
      pipeline: this.#pipeline,
      counted: this.#counted,
      shedding: this.#shedding,
      files: this.#files,
    });
  }

  /** Writes into the log what people were told on the console. */
  note(line: string, level: LogLevel): void {
    this.#files.log.note(line, level);
  }

  #openPodEvents(settings: Settings): PodEvents | null {
    return settings.kubernetesEvents ? openPodEvents(settings, process.env, this.#files.log) : null;
  }

  #applyFilter(filter: string): boolean {
    if (filter === this.#settings.pcapFilter) return true;
    try {
      return this.#shedding.setFilter(filter);
    } catch (error) {
      this.#files.log.error(`Cannot change the capture filter while the capture goes on: ${(error as Error).message}`);
      return false;
    }
  }

  /** Shows all open connections to `visit`, with turns for packets and files in between. */
  async #lookThrough(visit: (connection: TrackedConnection) => void): Promise<void> {
    const { tracker } = this.#pipeline.path;
    for (let slot = 0; slot >= 0; ) {
      slot = tracker.visitOpen(visit, slot, OPEN_AT_ONCE);
      await nextTurn();
    }
  }

  /** Ends what is open and writes everything out. */
  async #finish(state: SourceState): Promise<SessionEnd> {
    const { path } = this.#pipeline;
    const now = Date.now() * 1000;
    // the interface may have gone while the session was about to stop
    const isGone = state === 'gone' || this.#isLeft || interfaceName(this.interfaceIndex) === null;
    const end = isGone ? 'gone' : 'stopped';
    await this.#passing.catchUp();
    if (end === 'gone') {
      this.#counted.event(interfaceGone(this.interfaceIndex, this.interfaceName, now), null);
      this.#files.log.warn(`the interface ${this.interfaceName} is gone`, { ifindex: this.interfaceIndex });
    }
    const stopUs = Math.max(now, path.nowUs);
    while (path.tracker.stop(stopUs, CONNECTIONS_AT_ONCE)) await this.#files.drain();
    this.#pipeline.reporter.finish();
    this.#endNaming();
    this.#source.close();
    await this.#podEvents?.close();
    this.#reportCounters();
    this.#files.log.info('session ended', { reason: end });
    await this.#files.close();
    const lost = this.#files.lossesInWords();
    if (lost !== null) this.#print(`[${this.interfaceName}] ${lost}`);
    return end;
  }

  /** Names what can still be named, and lets everything go on to the files. */
  #endNaming(): void {
    this.#search.stop();
    this.#knowledge.tracer.poll();
    this.#reports.finish();
    this.#witness.stop();
  }

  /** Reads some of what waits. */
  #read(): void {
    this.#dry = this.#pipeline.path.drain(this.#source, FRAMES_AT_ONCE);
    this.#reports.turn();
  }

  #closeWhenRead(untilMs: number): void {
    this.#read();
    if (this.#dry || performance.now() >= untilMs) this.#source.close();
    else this.#timers.in(0, () => this.#closeWhenRead(untilMs));
  }

  /** Lets `run` end with what went wrong elsewhere. */
  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#source.close();
  }

  #tick(onOneSided: () => void): void {
    this.#shedding.turn();
    this.#reports.rest();
    this.#pipeline.reporter.advance(this.#pipeline.path.nowUs);
    if (this.#isOneSided()) onOneSided();
    this.#passTime();
    const { msToDump } = this.#passing;
    if (msToDump > 0 && msToDump < IDLE_TICK_MS) this.#timers.in(msToDump, () => this.#passTime());
  }

  #passTime(): void {
    if (this.#dry) this.#passing.pass();
  }

  /** True once: when it is certain that one direction only is seen. */
  #isOneSided(): boolean {
    if (!OneSided.isTellable(this.#settings.pcapFilter)) this.#oneSided = null;
    if (this.#oneSided === null || this.#shedding.hasLost) return false;
    if (!this.#oneSided.look(this.#pipeline.path.tracker)) return false;
    this.#oneSided = null;
    return true;
  }

  #reportCounters(): void {
    const { frames, bytes, kernelDrops, agentDrops } = this.#source.counters();
    this.#files.log.info('capture counters', {
      received: frames,
      bytes,
      kernelDrops,
      agentDrops,
      ...this.#pipeline.counters(),
      overload: this.#shedding.counters(),
      processes: { ...this.#reports.counters(), lostRecords: this.#witness.lost() },
      ...this.#files.losses,
      droppedPodEvents: this.#podEvents?.dropped ?? 0,
    });
    this.#files.tellLosses();
  }
}
