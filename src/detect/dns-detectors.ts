import type { DnsQuestion } from '../model/dns-question.ts';
import type { NetworkEvent } from '../model/event.ts';
import type { Packet } from '../model/packet.ts';
import { DnsCounters } from './dns-counters.ts';
import { dnsError } from './dns-error.ts';
import type { DnsView } from './dns-event.ts';
import { dnsNoAnswer } from './dns-no-answer.ts';
import { dnsRejected } from './dns-rejected.ts';
import { isTold } from './throttle.ts';

/** An event, and whether the throttle lets it be told. Counting comes before thinning: it occurred in any case. */
export interface DnsOccurrence {
  readonly event: NetworkEvent;
  readonly isTold: boolean;
}

/** Turns what happens to DNS questions into events. */
export class DnsDetectors {
  readonly #settings: { readonly eventThrottle: boolean };
  readonly #unanswered = new DnsCounters();
  readonly #errors = new DnsCounters();
  readonly #rejected = new DnsCounters();

  /** `settings` may be changed at any time. */
  constructor(settings: { readonly eventThrottle: boolean }) {
    this.#settings = settings;
  }

  /** A query that was sent at `sentUs` has no answer; null when that is not worth an event. */
  unanswered(question: DnsQuestion, sentUs: number, view: DnsView, timeUs: number): DnsOccurrence | null {
    const event = dnsNoAnswer(question, sentUs, view, timeUs);
    if (event === null) return null;
    const value = this.#unanswered.add(`${question.candidate} ${question.type}`, timeUs);
    return { event: { ...event, value }, isTold: this.#isTold(value) };
  }

  /** A question ends with an error; null when that is not worth an event. */
  failed(question: DnsQuestion, view: DnsView, timeUs: number): DnsOccurrence | null {
    const event = dnsError(question, view, timeUs);
    if (event === null) return null;
    const count = this.#errors.add(`${question.name} ${question.type} ${event.value}`, timeUs);
    return { event, isTold: this.#isTold(count) };
  }

  /** An ICMP error is the answer to a query; null when that is not worth an event. */
  rejected(question: DnsQuestion, error: Packet): DnsOccurrence | null {
    const event = dnsRejected(question, error);
    if (event === null) return null;
    const count = this.#rejected.add(`${question.resolverAddress} ${event.value}`, event.timeUs);
    return { event, isTold: this.#isTold(count) };
  }

  /** The clock was set by `deltaUs`: what was counted stays as long ago as it is. */
  shiftTimes(deltaUs: number): void {
    this.#unanswered.shiftTimes(deltaUs);
    this.#errors.shiftTimes(deltaUs);
    this.#rejected.shiftTimes(deltaUs);
  }

  #isTold(count: number): boolean {
    return !this.#settings.eventThrottle || isTold(count);
  }
}
