import type { CauseId } from '../model/cause-id.ts';
import { Side } from '../model/connection.ts';
import { addressText, type EventFacts, type NetworkEvent } from '../model/event.ts';
import { LatencyHistogram } from '../model/latency-histogram.ts';
import { safeText } from '../model/safe-text.ts';
import type { Answer } from '../track/answer.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import { type Cause, connectionEvent } from './connection-event.ts';
import { serverHash } from './server-hash.ts';

/** Services whose answers are counted by themselves; those that come later share one. */
const MOST_SERVICES = 500;
/** Services that are listed. */
const MOST_LISTED = 20;
/** Statuses that proxies give for what is behind them (RFC 9110 §15.6). */
const OF_GATEWAYS: ReadonlySet<number> = new Set([502, 503, 504]);
/** gRPC: UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, INTERNAL, UNAVAILABLE. */
const GRPC_ERRORS: ReadonlySet<number> = new Set([2, 4, 8, 13, 14]);
/** What is added to a gRPC status in the value of 00018. */
const GRPC_VALUE = 1000;

/** What the detector goes by; may be changed while it runs. */
export interface AnswerSettings {
  readonly slowMs: number;
}

/** How a service answered so far. */
export interface AnsweringService {
  readonly where: string;
  readonly answers: number;
  readonly failed: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

/** An answer that is worth an event, told or not. */
interface AnswerOccurrence {
  readonly name: 'HTTP_ERROR' | 'SLOW_ANSWER';
  readonly causeId: CauseId;
  readonly event: NetworkEvent | null;
}

interface Service {
  readonly where: string;
  answers: number;
  failed: number;
  slow: number;
  readonly latency: LatencyHistogram;
}

const NONE: AnswerOccurrence[] = [];

/** 00018 and 00020: answers in clear that are errors of the server, or come late, counted by service. */
export class Answers {
  /** Answers by class of their status. */
  readonly byClass: Record<string, number> = {
    '1xx': 0,
    '2xx': 0,
    '3xx': 0,
    '4xx': 0,
    '5xx': 0,
    grpc_ok: 0,
    grpc_error: 0,
  };
  readonly #settings: AnswerSettings;
  readonly #services: Service[] = [];
  /** Number of a service, from 1 on, by its hash. */
  readonly #numbers = new Map<number, number>();

  constructor(settings: AnswerSettings) {
    this.#settings = settings;
  }

  answered(connection: TrackedConnection, answer: Answer, timeUs: number): AnswerOccurrence[] {
    const { status, isGrpc, tookUs } = answer;
    const service = this.#serviceOf(connection);
    const isFailed = isGrpc ? GRPC_ERRORS.has(status) : status >= 500 && status < 600;
    this.byClass[isGrpc ? (status === 0 ? 'grpc_ok' : 'grpc_error') : classOf(status)]++;
    if (tookUs >= 0) {
      service.answers++;
      service.latency.add(tookUs);
    } else if (!isGrpc) {
      service.answers++;
    }
    const { slowMs } = this.#settings;
    const isSlow = slowMs > 0 && tookUs > slowMs * 1000;
    if (!isFailed && !isSlow) return NONE;
    const occurrences: AnswerOccurrence[] = [];
    if (isFailed) {
      service.failed++;
      connection.noteHttpError();
      const cause = errorCause(status, isGrpc);
      const value = isGrpc ? GRPC_VALUE + status : status;
      const told = isErrorTold(service.failed);
      const event = told ? eventOf('HTTP_ERROR', connection, answer, cause, value, service.failed, timeUs) : null;
      occurrences.push({ name: 'HTTP_ERROR', causeId: cause.causeId, event });
    }
    if (isSlow) {
      service.slow++;
      const ms = Math.round(tookUs / 1000);
      const cause: Cause = {
        causeId: 'answer.slow',
        cause: `the first byte of the answer took ${ms} ms, more than SLOW_MS (${slowMs}): the server computes, waits for another, or its queue is long`,
      };
      const told = isPowerOfTen(service.slow);
      const event = told ? eventOf('SLOW_ANSWER', connection, answer, cause, ms, service.slow, timeUs) : null;
      occurrences.push({ name: 'SLOW_ANSWER', causeId: 'answer.slow', event });
    }
    return occurrences;
  }

  /** How services answered, the most asked first. */
  list(): AnsweringService[] {
    return [...this.#services]
      .sort((a, b) => b.answers - a.answers)
      .slice(0, MOST_LISTED)
      .map(({ where, answers, failed, latency }) => ({
        where,
        answers,
        failed,
        p50Us: latency.count === 0 ? 0 : latency.quantile(0.5),
        p99Us: latency.count === 0 ? 0 : latency.quantile(0.99),
      }));
  }

  #serviceOf(connection: TrackedConnection): Service {
    let number = connection.answering;
    if (number === 0) {
      const hash = serverHash(connection);
      number = this.#numbers.get(hash) ?? this.#newService(connection, hash);
      connection.answering = number;
    }
    return this.#services[number - 1];
  }

  #newService(connection: TrackedConnection, hash: number): number {
    if (this.#services.length > MOST_SERVICES) return this.#services.length;
    const isShared = this.#services.length === MOST_SERVICES;
    const address = addressText(connection, Side.responder);
    const host = connection.ipVersion === 6 ? `[${address}]` : address;
    const where = isShared ? '' : `${host}:${connection.responderPort}`;
    const number = this.#services.push({ where, answers: 0, failed: 0, slow: 0, latency: new LatencyHistogram() });
    if (!isShared) this.#numbers.set(hash, number);
    return number;
  }
}

function classOf(status: number): string {
  return status >= 500 ? '5xx' : status >= 400 ? '4xx' : status >= 300 ? '3xx' : status >= 200 ? '2xx' : '1xx';
}

function eventOf(
  name: 'HTTP_ERROR' | 'SLOW_ANSWER',
  connection: TrackedConnection,
  answer: Answer,
  cause: Cause,
  value: number,
  times: number,
  timeUs: number,
): NetworkEvent {
  const path = safeText(answer.path());
  const facts: EventFacts = { ...(path !== '' && { path }), times };
  return connectionEvent(name, connection, timeUs, { value, by: Side.responder, ...cause, facts });
}

function errorCause(status: number, isGrpc: boolean): Cause {
  if (isGrpc) {
    const name = GRPC_NAMES[status] ?? '';
    return {
      causeId: 'http.error.grpc',
      cause: `the server ended a call with gRPC status ${status} ${name}: ${GRPC_WORDS[status] ?? ''}`,
    };
  }
  return OF_GATEWAYS.has(status)
    ? { causeId: 'http.error.gateway', cause: `HTTP ${status}: ${GATEWAY_WORDS[status]}` }
    : {
        causeId: 'http.error.application',
        cause: `HTTP ${status}: the server's own failure, an exception or a crash of what it calls`,
      };
}

const GATEWAY_WORDS: Readonly<Record<number, string>> = {
  502: 'a proxy had no valid answer from what is behind it: it refused, reset or closed the connection',
  503: 'a proxy has nobody behind it that is ready, or the server says that it is overloaded',
  504: 'a proxy had no answer in time from what is behind it',
};
const GRPC_NAMES: Readonly<Record<number, string>> = {
  2: 'UNKNOWN',
  4: 'DEADLINE_EXCEEDED',
  8: 'RESOURCE_EXHAUSTED',
  13: 'INTERNAL',
  14: 'UNAVAILABLE',
};
const GRPC_WORDS: Readonly<Record<number, string>> = {
  2: 'an error that it does not explain, mostly an exception',
  4: 'it was not done in the time that the client gave',
  8: 'a limit was passed (quota, memory, message size)',
  13: 'a failure of its own, or a broken message',
  14: 'it is not there or not ready; a client may try again',
};

/** The 1st, 3rd, 10th, 100th and so on. */
function isErrorTold(count: number): boolean {
  return count === 3 || isPowerOfTen(count);
}

function isPowerOfTen(count: number): boolean {
  while (count % 10 === 0) count /= 10;
  return count === 1;
}
