import { randomBytes } from 'node:crypto';
import { endpointText } from '../diagnosis/event-line.ts';
import type { CauseId } from '../model/cause-id.ts';
import { type Connection, Side } from '../model/connection.ts';
import { addressText, type NetworkEvent } from '../model/event.ts';
import type { EventName } from '../model/event-code.ts';
import type { ApiAnswer } from './api-request.ts';
import {
  type EventSubject,
  eventChange,
  eventObject,
  identityOf,
  type PodTrouble,
  reasonOf,
  type TroubleIdentity,
} from './pod-trouble.ts';
import { PodTroubles } from './pod-troubles.ts';

/** Sends an object or a change of it; rejects when there is no answer. */
export type SendToApi = (method: 'POST' | 'PATCH', path: string, body: object) => Promise<ApiAnswer>;

/** What hears how it goes. */
export interface PodEventsLog {
  info(message: string): void;
  warn(message: string): void;
}

/** How often something is told. */
export interface Pace {
  /** A trouble that came again is told at most this often. */
  readonly againMs: number;
  /** Requests at once, … */
  readonly burst: number;
  /** … and in the long run. */
  readonly requestEveryMs: number;
  /** How long it is waited after a failure, twice as long after each further one, … */
  readonly firstRetryMs: number;
  /** … but no longer than this. */
  readonly longestRetryMs: number;
  /** How long the end of a session may wait for what is untold. */
  readonly closeMs: number;
}

/** Easy on an API server that all the nodes of a cluster talk to. */
const USUAL_PACE: Pace = {
  againMs: 30_000,
  burst: 10,
  requestEveryMs: 3_000,
  firstRetryMs: 1_000,
  longestRetryMs: 60_000,
  closeMs: 2_000,
};

/** Different troubles at a time. */
const MOST_TROUBLES = 64;
/** How long a trouble waits for an event that tells it in its own words: it may wait for the name of a process. */
const WORDS_WAIT_MS = 1_000;

/** Names of objects have 253 characters at most; the rest makes them different. */
const MOST_NAME_CHARACTERS = 230;
const NOT_FOUND = 404;
/** Refusals that may pass: rights are given, a namespace comes, there is less to do. */
const MAY_PASS: ReadonlySet<number> = new Set([401, 403, 404, 408, 409, 429]);

/**
 * Tells a pod's owner what is wrong, as Events of the cluster on the pod: one object for each trouble, with how often it
 * came and when. Nothing waits for it: what cannot be told now is counted together and told later, within bounds.
 */
export class PodEvents {
  readonly #subject: EventSubject;
  readonly #send: SendToApi;
  readonly #log: PodEventsLog;
  readonly #pace: Pace;
  readonly #troubles = new PodTroubles(MOST_TROUBLES);
  #tokens: number;
  #tokensMs = Date.now();
  /** Attempts that failed since the last that did not. */
  #failures = 0;
  #timer: NodeJS.Timeout | null = null;
  /** When the timer ends. */
  #timerMs = 0;
  #sending: Promise<void> | null = null;
  #closed = false;
  #refused = 0;

  constructor(subject: EventSubject, send: SendToApi, log: PodEventsLog, pace = USUAL_PACE) {
    this.#subject = subject;
    this.#send = send;
    this.#log = log;
    this.#pace = pace;
    this.#tokens = pace.burst;
  }

  /** Troubles that were dropped untold: too many, or refused by the cluster. */
  get dropped(): number {
    return this.#troubles.dropped + this.#refused;
  }

  /** Counts what happened to a connection, whether an event tells it or not. */
  occurred(name: EventName, causeId: CauseId, connection: Connection): void {
    const reason = reasonOf(name);
    if (reason === null || this.#closed) return;
    const server = endpointText(addressText(connection, Side.responder), connection.responderPort);
    this.#count({ name, causeId, podSide: connection.podSide, server }, reason);
  }

  /** The same of a DNS question, which the event speaks of. */
  queryOccurred(event: NetworkEvent): void {
    const reason = reasonOf(event.name);
    if (reason !== null && !this.#closed) this.#count(identityOf(event), reason);
  }

  /** Takes in an event: its words tell what occurred before. One that is not about a connection occurs with it. */
  report(event: NetworkEvent): void {
    const reason = reasonOf(event.name);
    if (reason === null || this.#closed) return;
    const identity = identityOf(event);
    if (event.connection === null) this.#count(identity, reason);
    const trouble = this.#troubles.get(identity);
    if (trouble === null) return; // it had to make room
    const isFirst = trouble.latest === null;
    trouble.latest = event;
    if (isFirst) this.#armFor(this.#dueMs(trouble));
  }

  /** Tells what is untold, for `closeMs` at most, and no more from then on. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const late = new Promise<void>((resolve) => setTimeout(resolve, this.#pace.closeMs).unref());
    await Promise.race([late, this.#tellAll()]);
    const untold = this.#troubles.inTurn().filter(({ told, count }) => told < count).length;
    if (untold > 0) this.#log.warn(`${untold} troubles could not be told to the cluster any more`);
  }

  #count(identity: TroubleIdentity, reason: string): void {
    const trouble = this.#troubles.count(identity, reason, Date.now());
    if (trouble !== null && (trouble.count === 1 || this.#timer === null)) this.#armFor(this.#dueMs(trouble));
  }

  async #tellAll(): Promise<void> {
    await this.#sending;
    for (const trouble of this.#troubles.inTurn()) {
      if (trouble.told < trouble.count && this.#failures === 0) await this.#tell(trouble);
    }
  }

  /** Waits for the earliest moment at which something may be told. */
  #arm(): void {
    this.#armFor(Math.min(...this.#troubles.inTurn().map((trouble) => this.#dueMs(trouble))));
  }

  /** Waits no longer than until something that is due at `dueMs` may be told. */
  #armFor(dueMs: number): void {
    if (this.#sending !== null || this.#closed || dueMs === Number.POSITIVE_INFINITY) return;
    const nowMs = Date.now();
    const waitMs = Math.max(dueMs - nowMs, this.#retryMs(), this.#msToToken(nowMs), 0);
    if (this.#timer !== null) {
      if (this.#timerMs <= nowMs + waitMs || this.#failures > 0) return;
      clearTimeout(this.#timer);
    }
    this.#timerMs = nowMs + waitMs;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#sending = this.#tellDue().finally(() => {
        this.#sending = null;
        this.#arm();
      });
    }, waitMs);
    this.#timer.unref();
  }

  /** Tells what is due, one after the other, until something fails or enough was told for now. */
  async #tellDue(): Promise<void> {
    for (;;) {
      const nowMs = Date.now();
      const trouble = this.#troubles.inTurn().find((candidate) => this.#dueMs(candidate) <= nowMs);
      if (trouble === undefined || this.#msToToken(nowMs) > 0 || this.#closed) return;
      this.#tokens--;
      if (!(await this.#tell(trouble))) return;
    }
  }

  /** Makes the object of a trouble, or brings it up to date. False when that failed. */
  async #tell(trouble: PodTrouble): Promise<boolean> {
    const { count, objectName } = trouble;
    try {
      const { status, message } = await this.#sendTrouble(trouble);
      if (status === NOT_FOUND && objectName !== null) {
        trouble.objectName = null; // the cluster has forgotten it
        return await this.#tell(trouble);
      }
      if (status >= 400 && status < 500 && !MAY_PASS.has(status)) this.#giveUp(message);
      else if (status >= 300) throw new Error(message);
    } catch (error) {
      this.#fail((error as Error).message);
      return false;
    }
    this.#troubles.told(trouble, count, Date.now());
    if (this.#failures > 0) this.#log.info('Kubernetes Events are told again');
    this.#failures = 0;
    return true;
  }

  async #sendTrouble(trouble: PodTrouble): Promise<ApiAnswer> {
    const { podName, podNamespace } = this.#subject;
    const path = `/api/v1/namespaces/${encodeURIComponent(podNamespace)}/events`;
    if (trouble.objectName !== null) {
      return this.#send('PATCH', `${path}/${encodeURIComponent(trouble.objectName)}`, eventChange(trouble));
    }
    const name = `${podName.slice(0, MOST_NAME_CHARACTERS)}.${randomBytes(8).toString('hex')}`;
    const answer = await this.#send('POST', path, eventObject(name, trouble, this.#subject));
    if (answer.status < 300) trouble.objectName = name;
    return answer;
  }

  /** What the cluster will never take must not keep the rest waiting. */
  #giveUp(reason: string): void {
    if (this.#refused++ === 0) this.#log.warn(`The cluster refuses a Kubernetes Event: ${reason}`);
  }

  #fail(reason: string): void {
    if (this.#failures++ > 0 || this.#closed) return;
    this.#log.warn(`Cannot tell Kubernetes Events: ${reason}; they are counted together and told later`);
  }

  /** When a trouble is to be told next. */
  #dueMs({ objectName, latest, told, count, firstMs, toldMs }: PodTrouble): number {
    if (told === count) return Number.POSITIVE_INFINITY;
    if (objectName !== null) return toldMs + this.#pace.againMs;
    return latest === null ? firstMs + WORDS_WAIT_MS : 0;
  }

  #retryMs(): number {
    const { firstRetryMs, longestRetryMs } = this.#pace;
    return this.#failures === 0 ? 0 : Math.min(firstRetryMs * 2 ** (this.#failures - 1), longestRetryMs);
  }

  /** How long until one more request may be sent; 0: now. */
  #msToToken(nowMs: number): number {
    const { burst, requestEveryMs } = this.#pace;
    this.#tokens = Math.min(burst, this.#tokens + Math.max(0, nowMs - this.#tokensMs) / requestEveryMs);
    this.#tokensMs = nowMs;
    return this.#tokens >= 1 ? 0 : Math.ceil((1 - this.#tokens) * requestEveryMs);
  }
}
