import { FairShare } from '../limits/fair-share.ts';
import type { Allowance } from '../limits/token-bucket.ts';
import type { NetworkEvent } from '../model/event.ts';
import type { EventName } from '../model/event-code.ts';

/** What one peer, or one service, may cause of one kind of event: no honest situation comes near it for long. */
const FOR_ONE: Allowance = { burst: 1000, perSecond: 100 };
/** What all together may cause of one kind. */
const FOR_ALL: Allowance = { burst: 10_000, perSecond: 1000 };
/** How often what was held back is summed up. */
const SUM_UP_EVERY_US = 10_000_000;
/** No trouble, but information: an honest server completes thousands of handshakes a second. */
const UNLIMITED: ReadonlySet<EventName> = new Set<EventName>(['TCP_IS_TLS']);

/** The events of one kind that were held back since they were last summed up. */
interface HeldBack {
  count: number;
  firstUs: number;
  latest: NetworkEvent;
}

interface Kind {
  readonly share: FairShare;
  held: HeldBack | null;
}

/**
 * Keeps a flood from burying everything else. Of each kind of event, each far peer and each service (address and port
 * of the responder) has an allowance of its own, so that who has no part in the flood is still told of in full. What is
 * beyond is held back, and summed up every ten seconds in one event that stands for all.
 */
export class FloodGate {
  readonly #settings: { readonly eventThrottle: boolean };
  readonly #kinds = new Map<EventName, Kind>();
  #heldBack = 0;

  /** `settings` may be changed at any time. */
  constructor(settings: { readonly eventThrottle: boolean }) {
    this.#settings = settings;
  }

  /** Events that were held back since the start. */
  get heldBack(): number {
    return this.#heldBack;
  }

  /** The event when it is told; one that sums up those held back when that is due; else null, and it is held back. */
  pass(event: NetworkEvent): NetworkEvent | null {
    const { name, timeUs, connection } = event;
    if (!this.#settings.eventThrottle || connection === null || UNLIMITED.has(name)) return event;
    const kind = this.#kindOf(name);
    return kind.share.take(connection, timeUs) ? event : this.#hold(kind, event);
  }

  /** Sums up what is due by `nowUs` though the flood is over: an event for each kind. */
  advance(nowUs: number): NetworkEvent[] {
    return this.#sumUp(nowUs - SUM_UP_EVERY_US);
  }

  /** Sums up what is still held back, as no more is to come. */
  finish(): NetworkEvent[] {
    return this.#sumUp(Number.POSITIVE_INFINITY);
  }

  /** The clock was set by `deltaUs`. */
  shiftTimes(deltaUs: number): void {
    for (const { share, held } of this.#kinds.values()) {
      share.shiftTimes(deltaUs);
      if (held !== null) held.firstUs += deltaUs;
    }
  }

  #kindOf(name: EventName): Kind {
    let kind = this.#kinds.get(name);
    if (kind === undefined) {
      kind = { share: new FairShare(FOR_ONE, FOR_ALL), held: null };
      this.#kinds.set(name, kind);
    }
    return kind;
  }

  #hold(kind: Kind, event: NetworkEvent): NetworkEvent | null {
    this.#heldBack++;
    const held = kind.held ?? { count: 0, firstUs: event.timeUs, latest: event };
    held.count++;
    held.latest = event;
    const isDue = event.timeUs - held.firstUs >= SUM_UP_EVERY_US;
    kind.held = isDue ? null : held;
    return isDue ? summary(held) : null;
  }

  /** Sums up what is held since `sinceUs` or longer. */
  #sumUp(sinceUs: number): NetworkEvent[] {
    const events: NetworkEvent[] = [];
    for (const kind of this.#kinds.values()) {
      if (kind.held === null || kind.held.firstUs > sinceUs) continue;
      events.push(summary(kind.held));
      kind.held = null;
    }
    return events;
  }
}

/** The latest of the events, which says that it stands for the others too. */
function summary({ count, firstUs, latest }: HeldBack): NetworkEvent {
  const suppressed = count - 1;
  if (suppressed === 0) return latest;
  const seconds = Math.max(1, Math.ceil((latest.timeUs - firstUs) / 1_000_000));
  const cause = `${latest.cause}; a flood: ${suppressed} more of these within ${seconds} s are not told one by one`;
  return { ...latest, cause, suppressed };
}
