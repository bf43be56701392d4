import { basename } from 'node:path';
import type { Settings } from '../config/settings.ts';
import type { SessionState, SessionStatus } from '../model/session-status.ts';
import type { ProcessKnowledge } from '../process/process-knowledge.ts';
import type { CapturePlace } from '../session/capture-place.ts';
import { LiveSession } from '../session/live-session.ts';
import type { Assignment, Complaint } from './assignment.ts';
import type { Console } from './console.ts';
import type { InterfaceClaims } from './interface-claims.ts';
import { Pause } from './pause.ts';

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 10_000;

/** What all keepers of an agent share. */
export interface KeeperContext {
  readonly logDirectory: string;
  readonly console: Console;
  readonly claims: InterfaceClaims;
  /** What is known of the processes of this machine. */
  readonly knowledge: ProcessKnowledge;
}

/**
 * Keeps the session of one env file: begins it, hands it other settings, begins the next one when it has ended, later
 * and later while that fails, until `end`.
 */
export class SessionKeeper {
  /** Resolves when it is known what became of the first attempt: see `status`. */
  readonly tried: Promise<void>;
  readonly #path: string;
  readonly #context: KeeperContext;
  readonly #pause = new Pause();
  #noteTried: () => void = () => undefined;
  /** The last good ones; null while the file never had any. */
  #settings: Settings | null = null;
  #complaints: readonly Complaint[] = [];
  #session: LiveSession | null = null;
  #state: SessionState = 'starting';
  #reason = '';
  #ended = false;

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
    if (this.#ended) return;
    this.#ended = true;
    this.#session?.stop(reason);
    this.#pause.cut();
  }

  /** Runs one session after the other until `end` is called. Never rejects. */
  async run(): Promise<void> {
    let retryMs = FIRST_RETRY_MS;
    while (!this.#ended) {
      const session = this.#settings === null ? null : await this.#open(this.#settings);
      this.#noteTried();
      if (session !== null) {
        retryMs = FIRST_RETRY_MS;
        if (await this.#runOne(session)) continue;
      }
      const isCut = await this.#pause.wait(this.#settings === null ? Number.POSITIVE_INFINITY : retryMs);
      retryMs = isCut ? FIRST_RETRY_MS : Math.min(retryMs * 2, LONGEST_RETRY_MS);
    }
    this.#noteTried();
  }

  /** Opens a session; null when there is none to be had now, which was told. */
  async #open(settings: Settings): Promise<LiveSession | null> {
    const { claims, knowledge, logDirectory, console } = this.#context;
    const place = this.#locate(settings);
    const owner = claims.take(place.hostIndex, this.#path);
    if (owner !== null) {
      const advice = 'change INTERFACE_INDEX_SNIF in one of them, or remove it';
      this.#fail(
        'refused',
        `Cannot use ${this.#path}: ${owner} already monitors interface ${place.hostIndex}; ${advice}`,
      );
      return null;
    }
    try {
      const lines = this.#complaints.map(({ line }) => line);
      return await LiveSession.open(settings, place, logDirectory, lines, knowledge, (line) => console.out(line));
    } catch (error) {
      claims.release(place.hostIndex);
      this.#fail('failing', `${error instanceof Error ? error.message : String(error)} (${this.#path})`);
      return null;
    }
  }

  #locate({ interfaceIndex, captureSide }: Settings): CapturePlace {
    const index = Number(interfaceIndex);
    return { hostIndex: index, interfaceIndex: index, side: captureSide === 'pod' ? 'pod' : 'host' };
  }

  /** Runs a session to its end. True when the next one should begin at once, as other settings ask for it. */
  async #runOne(session: LiveSession): Promise<boolean> {
    this.#session = session;
    this.#state = 'capturing';
    this.#reason = '';
    if (this.#ended) session.stop('the agent stops');
    else if (this.#settings !== null) this.#bringUpToDate(session, this.#settings);
    try {
      if ((await session.run()) === 'stopped') return true;
      this.#state = 'waiting';
      this.#reason = `the interface ${session.interfaceName} is gone`;
    } catch (error) {
      this.#fail('failing', `The session on ${session.interfaceName} failed: ${(error as Error).message}`);
    } finally {
      this.#session = null;
      this.#context.claims.release(session.interfaceIndex);
    }
    return false;
  }

  #bringUpToDate(session: LiveSession, settings: Settings): void {
    if (session.isStopping || session.apply(settings)) return;
    session.stop('the next one captures as the env file says now');
  }

  /** Notes why there is no session; what was told last is not told again. */
  #fail(state: SessionState, line: string): void {
    if (line !== this.#reason) this.#context.console.error(line);
    this.#state = state;
    this.#reason = line;
  }
}
