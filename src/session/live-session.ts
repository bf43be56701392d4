import { setImmediate as nextTurn } from 'node:timers/promises';
import type { SourceState } from '../capture/packet-source.ts';
import { describeChanges, type Settings } from '../config/settings.ts';
import { interfaceGone } from '../detect/interface-gone.ts';
import { CleanupStack } from '../model/cleanup-stack.ts';
import { everyStepInTurn } from '../model/every-step.ts';
import { LiveSettings } from '../model/live-settings.ts';
import type { LogLevel } from '../model/log-level.ts';
import type { PageConnection } from '../model/page-messages.ts';
import type { SessionFigures } from '../model/session-figures.ts';
import { interfaceName } from '../native/libc.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import { countersOf, figuresOf } from './figures.ts';
import { GuardedTimers } from './guarded-timers.ts';
import { OneSided } from './one-sided.ts';
import {
  openSessionParts,
  PART_OPENERS,
  type PartOpeners,
  type SessionOptions,
  type SessionParts,
} from './session-parts.ts';

const CONNECTIONS_AT_ONCE = 1000;
/** Open connections that are shown other settings at once. */
const OPEN_AT_ONCE = 20_000;
/** How often time passes while nothing arrives. */
const IDLE_TICK_MS = 500;
const COUNTERS_EVERY_MS = 60_000;
/** How often it is looked whether memory of connections that are gone can be given back. */
const TRIM_EVERY_MS = 10_000;

/** Why a session ended. */
export type SessionEnd = 'stopped' | 'gone';

/**
 * One monitored pod: captures on its interface, follows its connections, and writes its files, until it is stopped or
 * the interface is gone. `start`, then `run`; `close` ends it at any moment.
 */
export class LiveSession {
  /** Index of the interface on the node, which names the session's directory. */
  readonly interfaceIndex: number;
  readonly #options: SessionOptions;
  readonly #openers: PartOpeners;
  readonly #settings: LiveSettings<Settings>;
  readonly #timers = new GuardedTimers((error) => this.#fail(error));
  readonly #cleanup = new CleanupStack();
  /** Null when nobody wants to know, or it cannot be told. */
  #oneSided: OneSided | null;
  #opening: Promise<SessionParts> | null = null;
  #parts: SessionParts | null = null;
  #closed: Promise<void> | null = null;
  #isStopping = false;
  /** The pod is gone, whatever the source says. */
  #isLeft = false;
  /** What went wrong outside of `run`, which it then rejects with. */
  #failure: unknown = null;

  constructor(options: SessionOptions, openers: PartOpeners = PART_OPENERS) {
    const { place, settings } = options;
    this.interfaceIndex = place.hostIndex;
    this.#options = options;
    this.#openers = openers;
    this.#settings = new LiveSettings(settings);
    this.#oneSided = place.side === 'host' && settings.captureSide === 'auto' ? new OneSided() : null;
  }

  /**
   * Opens the capture and the files. Frames are captured from then on; `run` reads them. Rejects with one line that says
   * what to do, after closing everything.
   */
  async start(): Promise<void> {
    const owner = {
      settings: this.#settings,
      timers: this.#timers,
      cleanup: this.#cleanup,
      fail: (error: unknown) => this.#fail(error),
    };
    try {
      this.#opening = openSessionParts(this.#options, owner, this.#openers);
      this.#parts = await this.#opening;
      if (this.#closed !== null) throw new Error('Cannot begin the session: it was closed meanwhile');
    } catch (error) {
      await this.close().catch(() => undefined); // why it could not begin is what people need to know
      throw error;
    }
  }

  /**
   * Reads frames until `stop` is called or the interface is gone; then ends what is open and closes the files. Rejects
   * with what went wrong on the way, after closing everything. `onOneSided` is called, once, when the node's end shows
   * one direction only and the settings leave it to the agent where to capture. After `close` there is no ordered end.
   */
  async run(onOneSided: () => void = () => undefined): Promise<SessionEnd> {
    const { loop, files } = this.#started;
    let end: SessionEnd;
    try {
      this.#timers.every(IDLE_TICK_MS, () => this.#tick(onOneSided));
      this.#timers.every(TRIM_EVERY_MS, () => this.#started.pipeline.processor.trim());
      this.#timers.every(COUNTERS_EVERY_MS, () => this.#reportCounters());
      const state = await loop.run();
      if (this.#failure !== null) throw this.#failure;
      if (this.#closed !== null) return await this.#closed.then(() => 'stopped');
      this.#timers.close();
      end = await this.#finish(state);
    } catch (error) {
      files.log.error('session failed', { cause: (error as Error).stack });
      await this.close().catch(() => undefined); // it follows from the first failure, or is less than that
      throw error;
    }
    await this.close();
    const lost = files.lossesInWords();
    if (lost !== null) this.#options.print(`[${this.interfaceName}] ${lost}`);
    return end;
  }

  /**
   * Ends the capture, once what was sent up to now has been read; `run` then ends the session in order. `reason` is for
   * the log.
   */
  stop(reason: string): void {
    if (this.#isStopping || this.#closed !== null) return;
    this.#isStopping = true;
    const { files, loop } = this.#started;
    files.log.always(`this session ends: ${reason}`);
    loop.closeSoon();
  }

  /** The pod is gone, though the interface may still seem to be there: ends like a session whose interface is gone. */
  leave(): void {
    this.#isLeft = true;
    this.#started.source.close();
  }

  /** Closes whatever is open, also while it begins, and whatever fails. Rejects with the first failure. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#closeAll();
    return this.#closed;
  }

  /**
   * Goes by other settings from now on: no packet is lost and no file reopened. False, with a line in the log and
   * nothing changed, when they ask for a new capture.
   */
  apply(settings: Settings): boolean {
    const changes = describeChanges(this.#settings.current, settings);
    if (changes.length === 0) return true;
    const { files, pipeline } = this.#started;
    const inPlace = changes.every(({ needsRestart }) => !needsRestart) && this.#settings.prepare(settings);
    files.log.always(
      inPlace ? 'settings changed' : 'settings changed, for which a new capture has to begin',
      Object.fromEntries(changes.map(({ key, from, to }) => [key, { from, to }])),
    );
    if (!inPlace) return false;
    const changed = this.#settings.change(settings);
    this.#lookThrough(pipeline.visitorAfter(changed)).catch((error) => this.#fail(error));
    return true;
  }

  /** Whether `stop` was called. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** Name of the interface on the node; of the pod's own where there is no other. */
  get interfaceName(): string {
    return this.#started.interfaceName;
  }

  /** Its open connections for live pages, with turns for packets and files in between. */
  pageConnections(): AsyncGenerator<PageConnection> {
    const { page, pipeline, attribution } = this.#started;
    return page.openConnections(pipeline.processor.tracker, attribution.reports);
  }

  /** What was counted since the session began, for those who look from outside. */
  figures(): SessionFigures {
    return figuresOf(this.#settings.current, this.#started);
  }

  /** Writes into the log what people were told on the console. */
  note(line: string, level: LogLevel): void {
    this.#started.files.log.note(line, level);
  }

  get #started(): SessionParts {
    if (this.#parts === null) throw new Error('Cannot happen: the session has not begun');
    return this.#parts;
  }

  /** Shows all open connections to `visit`, with turns for packets and files in between. */
  async #lookThrough(visit: (connection: TrackedConnection) => void): Promise<void> {
    const { tracker } = this.#started.pipeline.processor;
    for (let slot = 0; slot >= 0; ) {
      slot = tracker.visitOpen(visit, slot, OPEN_AT_ONCE);
      await nextTurn();
    }
  }

  /** Ends what is open and writes everything out. */
  async #finish(state: SourceState): Promise<SessionEnd> {
    const { pipeline, passing, counted, files, attribution, source, podEvents } = this.#started;
    const { processor, emitter } = pipeline;
    const now = Date.now() * 1000;
    // the interface may have gone while the session was about to stop
    const isGone = state === 'gone' || this.#isLeft || interfaceName(this.interfaceIndex) === null;
    const end = isGone ? 'gone' : 'stopped';
    await passing.catchUp();
    if (end === 'gone') {
      counted.event(interfaceGone(this.interfaceIndex, this.interfaceName, now), null);
      files.log.warn(`the interface ${this.interfaceName} is gone`, { ifindex: this.interfaceIndex });
    }
    const stopUs = Math.max(now, processor.nowUs);
    while (processor.tracker.stop(stopUs, CONNECTIONS_AT_ONCE)) await files.drain();
    processor.questions.stop(stopUs);
    emitter.finish();
    attribution.close();
    source.close();
    await podEvents.close();
    this.#reportCounters();
    files.log.info('session ended', { reason: end });
    return end;
  }

  async #closeAll(): Promise<void> {
    await this.#opening?.catch(() => undefined);
    await everyStepInTurn(
      () => this.#timers.close(),
      () => this.#parts?.source.close(),
      () => this.#cleanup.close(),
    );
  }

  /** Lets `run` end with what went wrong elsewhere. Never throws: timers call it. */
  #fail(error: unknown): void {
    this.#failure ??= error;
    try {
      this.#parts?.source.close();
    } catch {
      // the first failure is the one to tell
    }
  }

  #tick(onOneSided: () => void): void {
    const { shedding, attribution, pipeline, passing } = this.#started;
    shedding.turn();
    attribution.rest();
    pipeline.emitter.advance(pipeline.processor.nowUs);
    if (this.#isOneSided()) onOneSided();
    this.#passTime();
    const { msToDue } = passing;
    if (msToDue > 0 && msToDue < IDLE_TICK_MS) this.#timers.in(msToDue, () => this.#passTime());
  }

  #passTime(): void {
    const { loop, passing } = this.#started;
    if (loop.isDry) passing.pass();
  }

  /** True once: when it is certain that one direction only is seen. */
  #isOneSided(): boolean {
    const { shedding, pipeline } = this.#started;
    if (!OneSided.isTellable(this.#settings.current.pcapFilter)) this.#oneSided = null;
    if (this.#oneSided === null || shedding.hasLost) return false;
    if (!this.#oneSided.look(pipeline.processor.tracker)) return false;
    this.#oneSided = null;
    return true;
  }

  #reportCounters(): void {
    const { files, memory } = this.#started;
    files.log.info('capture counters', countersOf(this.#started));
    const gaveWay = memory.gaveWayInWords();
    if (gaveWay !== null) files.log.warn(gaveWay, { usedBytes: memory.usedBytes, gaveWay: memory.gaveWay });
    files.tellLosses();
  }
}
