import { randomBytes } from 'node:crypto';
import type { NetworkEvent } from '../model/event.ts';
import type { ApiAnswer } from './api-request.ts';
import { type EventSubject, eventChange, eventObject, type PodTrouble, reasonOf, troubleKey } from './pod-trouble.ts';

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

/** Different troubles at a time; those that came longest ago go first. */
const MOST_TROUBLES = 64;
/** A trouble begins anew when it was away for this long, as the cluster forgets its object after an hour. */
const FORGET_MS = 20 * 60_000;

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
  /** By `troubleKey`, those that came longest ago first. */
  readonly #troubles = new Map<string, PodTrouble>();
  #tokens: number;
  #tokensMs = Date.now();
  /** Attempts that failed since the last that did not. */
  #failures = 0;
  #timer: NodeJS.Timeout | null = null;
  #sending: Promise<void> | null = null;
  #closed = false;
  #dropped = 0;

  constructor(subject: EventSubject, send: SendToApi, log: PodEventsLog, pace = USUAL_PACE) {
    this.#subject = subject;
    this.#send = send;
    this.#log = log;
    this.#pace = pace;
    this.#tokens = pace.burst;
  }

  /** Troubles that were dropped untold: too many, or refused by the cluster. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Takes in an event; those of other codes are left alone. */
  report(event: NetworkEvent): void {
    const reason = reasonOf(event);
    if (reason === null || this.#closed) return;
    const nowMs = Date.now();
    const key = troubleKey(event);
    const known = this.#troubles.get(key);
    this.#troubles.delete(key);
    const trouble = known !== undefined && nowMs - known.lastMs < FORGET_MS ? known : newTrouble(reason, event, nowMs);
    trouble.count += 1 + (event.suppressed ?? 0);
    trouble.lastMs = nowMs;
    trouble.latest = event;
    this.#troubles.set(key, trouble);
    if (this.#troubles.size > MOST_TROUBLES) this.#makeRoom();
    this.#arm();
  }

  /** Tells what is untold, for `closeMs` at most, and no more from then on. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const late = new Promise<void>((resolve) => setTimeout(resolve, this.#pace.closeMs).unref());
    await Promise.race([late, this.#tellAll()]);
    const untold = [...this.#troubles.values()].filter(({ told, count }) => told < count).length;
    if (untold > 0) this.#log.warn(`${untold} troubles could not be told to the cluster any more`);
  }

  #makeRoom(): void {
    for (const [key, { told, count }] of this.#troubles) {
      if (this.#troubles.size <= MOST_TROUBLES) return;
      this.#troubles.delete(key);
      if (told < count) this.#dropped++;
    }
  }

  async #tellAll(): Promise<void> {
    await this.#sending;
    for (const trouble of this.#troubles.values()) {
      if (trouble.told < trouble.count && this.#failures === 0) await this.#tell(trouble);
    }
  }

  /** Waits for the earliest moment at which something may be told. */
  #arm(): void {
    if (this.#timer !== null || this.#sending !== null || this.#closed) return;
    const dueMs = Math.min(...[...this.#troubles.values()].map((trouble) => this.#dueMs(trouble)));
    if (dueMs === Number.POSITIVE_INFINITY) return;
    const nowMs = Date.now();
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        this.#sending = this.#tellDue().finally(() => {
          this.#sending = null;
          this.#arm();
        });
      },
      Math.max(dueMs - nowMs, this.#retryMs(), this.#msToToken(nowMs), 0),
    );
    this.#timer.unref();
  }

  /** Tells what is due, one after the other, until something fails or enough was told for now. */
  async #tellDue(): Promise<void> {
    for (const trouble of [...this.#troubles.values()]) {
      const nowMs = Date.now();
      if (this.#dueMs(trouble) > nowMs) continue;
      if (this.#msToToken(nowMs) > 0 || this.#closed) return;
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
    trouble.told = count;
    trouble.toldMs = Date.now();
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
    if (this.#dropped++ === 0) this.#log.warn(`The cluster refuses a Kubernetes Event: ${reason}`);
  }

  #fail(reason: string): void {
    if (this.#failures++ > 0 || this.#closed) return;
    this.#log.warn(`Cannot tell Kubernetes Events: ${reason}; they are counted together and told later`);
  }

  /** When a trouble is to be told next. */
  #dueMs({ objectName, told, count, toldMs }: PodTrouble): number {
    if (told === count) return Number.POSITIVE_INFINITY;
    return objectName === null ? 0 : toldMs + this.#pace.againMs;
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

function newTrouble(reason: string, latest: NetworkEvent, nowMs: number): PodTrouble {
  return { objectName: null, reason, latest, count: 0, firstMs: nowMs, lastMs: nowMs, told: 0, toldMs: 0 };
}
