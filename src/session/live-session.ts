import { randomInt } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type OpenedSource, openSource } from '../capture/open-source.ts';
import type { PacketSource, SourceState } from '../capture/packet-source.ts';
import type { Settings } from '../config/settings.ts';
import { interfaceGone } from '../detect/interface-gone.ts';
import type { PacketHistory } from '../history/packet-history.ts';
import { parseNetworks } from '../output/internet.ts';
import { removeUnfinishedDumps } from '../output/pcap-file.ts';
import { prepareSessionDirectory } from '../output/session-directory.ts';
import { PodSearch } from '../process/pod-search.ts';
import { ProcessFinder } from '../process/process-finder.ts';
import type { ProcessKnowledge } from '../process/process-knowledge.ts';
import { NamedReports } from './named-reports.ts';
import { buildPipeline, newHistory, type Pipeline } from './pipeline.ts';
import { SessionFiles } from './session-files.ts';

/** Frames taken in before files, timers and other sessions have their turn. */
const FRAMES_AT_ONCE = 4096;
const CONNECTIONS_AT_ONCE = 1000;
/** How often time passes while nothing arrives. */
const IDLE_TICK_MS = 500;
/** Packets may be this much older than the wall clock when they are read: until then their time has not passed. */
const READ_DELAY_US = 200_000;
/** What was sent before a stop is still read: the kernel hands out a block that is not full after 32 ms. */
const LAST_FRAMES_MS = 100;
const COUNTERS_EVERY_MS = 60_000;

/** Why a session ended. */
export type SessionEnd = 'stopped' | 'gone';

/**
 * One monitored pod: captures on its interface, follows its connections, and writes its files, until it is stopped or
 * the interface is gone.
 */
export class LiveSession {
  readonly interfaceName: string;
  readonly #interfaceIndex: number;
  readonly #source: PacketSource;
  readonly #files: SessionFiles;
  readonly #reports: NamedReports;
  readonly #search: PodSearch;
  readonly #pipeline: Pipeline;
  readonly #print: (line: string) => void;
  /** Time is passing while nothing arrives, deadline by deadline. */
  #advancing = false;
  /** The source had nothing more when it was last asked: wall-clock time may pass. */
  #dry = true;
  #lossTold = 0;

  private constructor(
    opened: OpenedSource,
    interfaceIndex: number,
    settings: Settings,
    history: PacketHistory,
    files: SessionFiles,
    knowledge: ProcessKnowledge,
    print: (line: string) => void,
  ) {
    this.interfaceName = opened.interfaceName;
    this.#interfaceIndex = interfaceIndex;
    this.#source = opened.source;
    this.#files = files;
    this.#print = print;
    const warn = (message: string) => files.log.warn(message);
    const missed = () => this.#search.hurry();
    this.#reports = new NamedReports({ sink: files, capacity: settings.maxConnections, knowledge, missed });
    this.#search = new PodSearch(
      { interfaceIndex, podUid: settings.podUid },
      (namespace) => this.#reports.use(new ProcessFinder(knowledge, namespace, warn)),
      warn,
    );
    this.#pipeline = buildPipeline(settings, randomInt(2 ** 32), this.#reports, files, history);
  }

  /**
   * Opens the capture and the files. Frames are captured from then on; `run` reads them. `warnings` are what people
   * should know of the settings; they go to the log. `knowledge` is what all sessions know of processes. Rejects with one line that says what to do.
   */
  static async open(
    settings: Settings,
    interfaceIndex: number,
    logDirectory: string,
    warnings: readonly string[],
    knowledge: ProcessKnowledge,
    print: (line: string) => void,
  ): Promise<LiveSession> {
    const history = newHistory(settings);
    const opened = openSource(settings.captureBackend, {
      interfaceIndex,
      side: settings.captureSide === 'pod' ? 'pod' : 'host',
      ringMb: settings.ringMb,
      filter: settings.pcapFilter,
      store: history.store,
    });
    try {
      const directory = await prepareSessionDirectory(logDirectory, interfaceIndex);
      await removeUnfinishedDumps(directory.path);
      const { interfaceName } = opened;
      const ownNetworks = parseNetworks([...settings.podAddresses, ...networksOf(interfaceName)]);
      const clock = () => Date.now();
      const files = new SessionFiles({ directory: directory.path, settings, interfaceName, ownNetworks, print, clock });
      files.start(clock() * 1000);
      files.log.info(`session started: ${opened.source.description}`, {
        directory: directory.path,
        ifindex: interfaceIndex,
      });
      if (opened.note !== null) files.log.warn(opened.note);
      for (const warning of directory.warnings) files.log.warn(warning);
      for (const warning of warnings) files.log.note(warning);
      return new LiveSession(opened, interfaceIndex, settings, history, files, knowledge, print);
    } catch (error) {
      opened.source.close();
      throw error;
    }
  }

  /**
   * Reads frames until `stop` is called or the interface is gone; then ends what is open and closes the files. Rejects
   * with what went wrong on the way, after closing everything.
   */
  async run(): Promise<SessionEnd> {
    const ticker = setInterval(() => this.#tick(), IDLE_TICK_MS);
    const reporting = setInterval(() => this.#reportCounters(), COUNTERS_EVERY_MS);
    let state: SourceState = 'readable';
    try {
      while (state === 'readable') {
        this.#dry = this.#pipeline.path.drain(this.#source, FRAMES_AT_ONCE);
        this.#noteLoss();
        this.#reports.turn();
        if (this.#dry) state = await this.#source.ready();
        await nextTurn();
      }
    } catch (error) {
      this.#files.log.error('session failed', { cause: (error as Error).stack });
      this.#source.close();
      this.#search.stop();
      this.#reports.finish();
      await this.#files.close();
      throw error;
    } finally {
      clearInterval(ticker);
      clearInterval(reporting);
    }
    return this.#finish(state);
  }

  /** Ends the capture, once what was sent up to now has been read; `run` then ends the session in order. */
  stop(): void {
    setTimeout(() => this.#source.close(), LAST_FRAMES_MS);
  }

  /** Ends what is open and writes everything out. */
  async #finish(state: SourceState): Promise<SessionEnd> {
    const { path } = this.#pipeline;
    const now = Date.now() * 1000;
    const end = state === 'gone' ? 'gone' : 'stopped';
    await this.#advance(now - READ_DELAY_US);
    if (end === 'gone') {
      this.#files.event(interfaceGone(this.#interfaceIndex, this.interfaceName, now));
      this.#files.log.warn(`the interface ${this.interfaceName} is gone`, { ifindex: this.#interfaceIndex });
    }
    const stopUs = Math.max(now, path.nowUs);
    this.#search.stop();
    while (path.tracker.stop(stopUs, CONNECTIONS_AT_ONCE)) await this.#files.drain();
    this.#reports.finish();
    this.#source.close();
    this.#reportCounters();
    this.#files.log.info('session ended', { reason: end });
    await this.#files.close();
    const lost = this.#files.lossesInWords();
    if (lost !== null) this.#print(`[${this.interfaceName}] ${lost}`);
    return end;
  }

  #tick(): void {
    this.#noteLoss();
    if (!this.#dry || this.#advancing) return;
    this.#advancing = true;
    void this.#advance(Date.now() * 1000 - READ_DELAY_US).finally(() => {
      this.#advancing = false;
    });
  }

  /** Lets time pass, with turns for packets and files in between when much is due. */
  async #advance(nowUs: number): Promise<void> {
    while (this.#pipeline.path.advance(nowUs)) {
      await this.#files.drain();
      await nextTurn();
    }
  }

  #noteLoss(): void {
    const { kernelDrops, agentDrops } = this.#source.counters();
    const loss = Math.max(0, kernelDrops) + agentDrops;
    if (loss > this.#lossTold) this.#pipeline.reporter.noteLoss(Date.now() * 1000);
    this.#lossTold = loss;
  }

  #reportCounters(): void {
    const { frames, bytes, kernelDrops, agentDrops } = this.#source.counters();
    this.#files.log.info('capture counters', {
      received: frames,
      bytes,
      kernelDrops,
      agentDrops,
      ...this.#pipeline.counters(),
      processes: this.#reports.counters(),
      lostLines: this.#files.lostLines,
      lostDumps: this.#files.lostDumps,
    });
  }
}

/** The networks of an interface of this machine, in CIDR notation. */
function networksOf(interfaceName: string): string[] {
  const addresses = networkInterfaces()[interfaceName] ?? [];
  return addresses.flatMap(({ cidr }) => (cidr === null ? [] : [cidr.replace(/%[^/]*/, '')]));
}
