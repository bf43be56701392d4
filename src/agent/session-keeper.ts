import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Settings } from '../config/settings.ts';
import type { PageConnection } from '../model/page-messages.ts';
import type { SessionFigures } from '../model/session-figures.ts';
import type { SessionState, SessionStatus } from '../model/session-status.ts';
import type { CapturePlace } from '../session/capture-place.ts';
import { DirectoryInUseError } from '../session/claim-directory.ts';
import { LiveSession } from '../session/live-session.ts';
import type { SharedParts } from '../session/shared-parts.ts';
import type { Assignment, Complaint } from './assignment.ts';
import {
  type CapturePlaceResolver,
  insidePod,
  isKnown,
  type LearnedIndexes,
  PodAbsentError,
} from './capture-place-resolver.ts';
import type { Console } from './console.ts';
import type { InterfaceClaims } from './interface-claims.ts';
import { RetryDelay } from './retry-delay.ts';
import { untilDeserted } from './until-deserted.ts';

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 10_000;
/** When it is asked whether the captured pod is the right one. */
const FIRST_CHECK_MS = 1_000;
const LONGEST_CHECK_MS = 60_000;
const ONE_SIDED = 'packets of one direction only are seen here, the others pass by this end of the link';

/** What all keepers of an agent share. */
export interface KeeperContext {
  readonly console: Console;
  readonly claims: InterfaceClaims;
  readonly locator: CapturePlaceResolver;
  /** What their sessions share. */
  readonly shared: SharedParts;
}

/** An open session, and where it captures. */
interface Opened {
  readonly session: LiveSession;
  readonly place: CapturePlace;
}

/**
 * Keeps the session of one env file: begins it where its pod is, hands it other settings, begins the next one when it
 * has ended, later and later while that fails, until `end`.
 */
export class SessionKeeper {
  /** Resolves when it is known what became of the first attempt: see `status`. */
  readonly tried: Promise<void>;
  readonly #path: string;
  readonly #context: KeeperContext;
  readonly #ending = new AbortController();
  readonly #pause = new RetryDelay();
  #noteTried: () => void = () => undefined;
  /** The last good ones; null while the file never had any. */
  #settings: Settings | null = null;
  #complaints: readonly Complaint[] = [];
  #learned: LearnedIndexes = { wrongIndex: null, blindIndex: null };
  /** Index of a node's end from which the pod could not be entered. */
  #enteredInVain: number | null = null;
  #session: LiveSession | null = null;
  /** There was a session: what is missing now was there. */
  #hasCaptured = false;
  #state: SessionState = 'starting';
  #reason = '';

  constructor(path: string, context: KeeperContext) {
    this.#path = path;
    this.#context = context;
    this.tried = new Promise((resolve) => {
      this.#noteTried = resolve;
    });
  }

  /** How the session is doing. */
  get status(): SessionStatus {
    return {
      envFile: basename(this.#path),
      podName: this.#settings?.podName ?? '',
      podNamespace: this.#settings?.podNamespace ?? '',
      interfaceIndex: this.#session?.interfaceIndex ?? null,
      interfaceName: this.#session?.interfaceName ?? null,
      state: this.#state,
      reason: this.#reason,
    };
  }

  /** What the session counted; null when there is none now. */
  figures(): SessionFigures | null {
    return this.#session?.figures() ?? null;
  }

  /** Its open connections for live pages. */
  async *pageConnections(): AsyncGenerator<PageConnection> {
    if (this.#session !== null) yield* this.#session.pageConnections();
  }

  /** Goes by what the env file says now; what cannot be used is told, and the last good settings stand. */
  assign({ settings, complaints }: Assignment): void {
    this.#complaints = complaints;
    for (const { level, line } of complaints) {
      this.#context.console.error(line);
      this.#session?.note(line, level);
    }
    if (settings !== null) {
      this.#settings = settings;
      if (this.#session === null) this.#pause.cut();
      else this.#bringUpToDate(this.#session, settings);
    } else if (this.#settings === null) {
      this.#state = 'unusable';
      this.#reason = complaints.find(({ level }) => level === 'error')?.line ?? '';
    }
  }

  /** An interface appeared on the node: perhaps that of the pod that is waited for. */
  onInterfaceAppeared(): void {
    if (this.#state === 'waiting') this.#pause.cut();
  }

  /** Writes into the session's log what people were told on the console. */
  note({ line, level }: Complaint): void {
    this.#session?.note(line, level);
  }

  /** An interface was given back: perhaps the one that this file was refused. */
  onInterfaceFreed(): void {
    if (this.#state === 'refused') this.#pause.cut();
  }

  /** Ends the session in order; `run` then comes to its end. May be called at any time, and again. */
  end(reason: string): void {
    this.#ending.abort();
    this.#session?.stop(reason);
    this.#pause.cut();
  }

  /** Runs one session after the other until `end` is called. Never rejects. */
  async run(): Promise<void> {
    let retryMs = FIRST_RETRY_MS;
    while (!this.#ending.signal.aborted) {
      const opened = this.#settings === null ? null : await this.#open(this.#settings);
      this.#noteTried();
      if (opened !== null && (await this.#runOne(opened))) continue;
      if (opened !== null && this.#state === 'waiting') retryMs = FIRST_RETRY_MS;
      const isCut = await this.#pause.wait(this.#settings === null ? Number.POSITIVE_INFINITY : retryMs);
      retryMs = isCut ? FIRST_RETRY_MS : Math.min(retryMs * 2, LONGEST_RETRY_MS);
    }
    this.#noteTried();
  }

  /** Opens a session; null when there is none to be had now, which was told. */
  async #open(settings: Settings): Promise<Opened | null> {
    const { claims, locator, shared, console } = this.#context;
    let place: CapturePlace;
    try {
      place = await locator.locate(settings, this.#learned, this.#ending.signal);
    } catch (error) {
      const mayCome = error instanceof PodAbsentError && (isKnown(settings) || this.#hasCaptured);
      this.#fail(mayCome ? 'waiting' : 'failing', `${messageOf(error)} (${this.#path})`);
      return null;
    }
    const { hostIndex } = place;
    const owner = claims.take(hostIndex, this.#path);
    if (owner !== null) {
      const advice = 'change one of them, or remove it';
      this.#fail('refused', `Cannot use ${this.#path}: ${owner} already monitors interface ${hostIndex}; ${advice}`);
      return null;
    }
    try {
      const elsewhere = elsewhereLine(settings, place);
      if (elsewhere !== null) console.error(elsewhere);
      const warnings = [...this.#complaints.map(({ line }) => line), ...(elsewhere === null ? [] : [elsewhere])];
      const print = (line: string) => console.out(line);
      const session = new LiveSession({ settings, place, warnings, shared, print });
      await session.start();
      return { place, session };
    } catch (error) {
      claims.release(hostIndex);
      if (hostIndex === this.#learned.blindIndex) {
        // the pod cannot be entered: half of it is better than nothing
        this.#enteredInVain = hostIndex;
        this.#learned = { ...this.#learned, blindIndex: null };
      }
      const state = error instanceof DirectoryInUseError ? 'refused' : 'failing';
      this.#fail(state, `${messageOf(error)} (${this.#path})`);
      return null;
    }
  }

  /** Runs a session to its end. True when the next one should begin at once: this one did not end by itself. */
  async #runOne({ session, place }: Opened): Promise<boolean> {
    const over = new AbortController();
    this.#session = session;
    this.#hasCaptured = true;
    this.#state = 'capturing';
    this.#reason = '';
    if (this.#ending.signal.aborted) session.stop('the agent stops');
    else if (this.#settings !== null) this.#bringUpToDate(session, this.#settings);
    void this.#lookAfter(session, place, over.signal);
    try {
      if ((await session.run(() => void this.#onOneSided(session))) === 'stopped') return true;
      this.#state = 'waiting';
      this.#reason = `the interface ${session.interfaceName} is gone`;
    } catch (error) {
      this.#fail('failing', `The session on ${session.interfaceName} failed: ${messageOf(error)}`);
    } finally {
      over.abort();
      this.#session = null;
      this.#context.claims.release(session.interfaceIndex);
    }
    return false;
  }

  #bringUpToDate(session: LiveSession, settings: Settings): void {
    if (session.isStopping || session.apply(settings)) return;
    session.stop('the next one captures as the env file says now');
  }

  /** Sees to it that a session captures its pod and no other, for as long as that lives. Never rejects. */
  async #lookAfter(session: LiveSession, place: CapturePlace, signal: AbortSignal): Promise<void> {
    const settings = this.#settings;
    if (settings === null) return;
    const { interfaceIndex } = settings;
    if (place.hostIndex === interfaceIndex && place.side === 'host') {
      const other = await this.#context.locator.otherIndex(settings, signal).catch(() => null);
      if (signal.aborted) return;
      if (other !== null) {
        this.#learned = { ...this.#learned, wrongIndex: interfaceIndex };
        session.stop(
          `the pod is behind interface ${other}, and INTERFACE_INDEX_SNIF=${interfaceIndex} is another's now`,
        );
      }
    }
    void this.#checkIdentity(session, settings, signal);
    if (place.namespacePath === undefined) return;
    await untilDeserted(place.namespacePath, () => insidePod(place.hostIndex, settings), signal);
    if (!signal.aborted) session.leave();
  }

  /** Asks now and then whether it is still the pod of the env file that is captured. Never rejects. */
  async #checkIdentity(session: LiveSession, settings: Settings, signal: AbortSignal): Promise<void> {
    const { interfaceIndex, interfaceName } = session;
    for (let waitMs = FIRST_CHECK_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_CHECK_MS)) {
      await sleep(waitMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      const isAnothers = await this.#context.locator.isAnothers(interfaceIndex, settings);
      if (signal.aborted) return;
      if (!isAnothers) continue;
      this.#learned = { ...this.#learned, wrongIndex: interfaceIndex };
      session.stop(`behind ${interfaceName} is another pod than ${settings.podNamespace}/${settings.podName}`);
      return;
    }
  }

  /** The node's end shows one direction only: goes to the other end, if it can be found. Never rejects. */
  async #onOneSided(session: LiveSession): Promise<void> {
    const settings = this.#settings;
    if (settings === null) return;
    const { interfaceIndex } = session;
    let obstacle = 'the pod cannot be entered';
    try {
      const { namespacePath } = await insidePod(interfaceIndex, settings);
      if (namespacePath !== undefined && this.#enteredInVain !== interfaceIndex) {
        this.#learned = { ...this.#learned, blindIndex: interfaceIndex };
        session.stop(`${ONE_SIDED}: the next one captures inside the pod`);
        return;
      }
    } catch (error) {
      obstacle = messageOf(error);
    }
    const line = `On ${session.interfaceName} ${ONE_SIDED}, and ${obstacle}; what is said of connections is in doubt`;
    this.#context.console.error(line);
    session.note(line, 'warn');
  }

  /** Notes why there is no session; what was told last is not told again. */
  #fail(state: SessionState, line: string): void {
    if (this.#ending.signal.aborted) return;
    if (line !== this.#reason) this.#context.console.error(line);
    this.#state = state;
    this.#reason = line;
  }
}

/** That the pod is behind another interface than the env file says; null when it is not. */
function elsewhereLine(
  { interfaceIndex, podUid, podName, podNamespace }: Settings,
  place: CapturePlace,
): string | null {
  if (typeof interfaceIndex !== 'number' || interfaceIndex === place.hostIndex) return null;
  const pod = podName === '' ? podUid : `${podNamespace}/${podName}`;
  return `INTERFACE_INDEX_SNIF=${interfaceIndex} is gone or another's now: the pod ${pod} is behind interface ${place.hostIndex}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
