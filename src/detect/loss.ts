import type { CauseId } from '../model/cause-id.ts';
import { Side } from '../model/connection.ts';
import type { NetworkEvent } from '../model/event.ts';
import { SECOND_US } from '../model/second.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import { type Cause, connectionEvent, sideName } from './connection-event.ts';
import { serverHash } from './server-hash.ts';
import { isTold } from './throttle.ts';

const MINUTE_US = 60 * SECOND_US;
/** Of fewer segments no share can be told. */
const LEAST_SEGMENTS = 100;
/** Connections, and services, whose present minute is counted; beyond that all are counted anew. */
const MOST_COUNTED = 10_000;

/** What the detector goes by; may be changed while it runs. */
export interface LossSettings {
  readonly eventThrottle: boolean;
  readonly lossPercent: number;
}

/** What one side sent, and sent again. */
class Sent {
  segments = 0;
  bytes = 0;
  lost = 0;
  lostBytes = 0;
  lostBefore = 0;

  /** Takes what a side of a connection sent up to now. */
  take(connection: TrackedConnection, side: Side): void {
    this.segments = connection.segments(side);
    this.bytes = side === Side.initiator ? connection.initiatorBytes : connection.responderBytes;
    this.lost = connection.retransmitted(side) - connection.needlesslyRetransmitted(side);
    this.lostBytes = connection.retransmittedBytes(side);
    this.lostBefore = connection.lostBefore(side);
  }

  /** Adds what lies between two. */
  add(now: Sent, before: Sent): void {
    this.segments += now.segments - before.segments;
    this.bytes += now.bytes - before.bytes;
    this.lost += now.lost - before.lost;
    this.lostBytes += now.lostBytes - before.lostBytes;
    this.lostBefore += now.lostBefore - before.lostBefore;
  }

  copy(other: Sent): void {
    this.segments = this.bytes = this.lost = this.lostBytes = this.lostBefore = 0;
    this.add(other, NOTHING);
  }

  /** Whether more than a share was sent again, of segments as of bytes: a large frame may be sent again in many pieces. */
  exceeds(percent: number): boolean {
    if (this.segments < LEAST_SEGMENTS) return false;
    return this.lost * 100 > percent * this.segments && this.lostBytes * 100 > percent * this.bytes;
  }
}

const NOTHING = new Sent();

/** The present minute of one side of a connection. */
interface ConnectionMinute {
  readonly serial: number;
  sinceUs: number;
  readonly before: Sent;
  /** Up to where its service knows. */
  readonly known: Sent;
}

/** The present minute of what is sent to, or by, a service. */
interface ServiceMinute {
  sinceUs: number;
  told: number;
  isTold: boolean;
  sent: Sent;
}

/**
 * 00016: the same bytes are sent again by time-out and not acknowledged, or too many segments of a minute are sent again,
 * of a connection or of all connections to a server. A minute begins with the first segment that is sent again, or with a
 * connection that is younger.
 */
export class Losses {
  readonly #settings: LossSettings;
  /** By slot and side. */
  readonly #connections = new Map<number, ConnectionMinute>();
  /** By server and side. */
  readonly #services = new Map<number, ServiceMinute>();
  readonly #now = new Sent();
  readonly #span = new Sent();

  constructor(settings: LossSettings) {
    this.#settings = settings;
  }

  /** The clock was set by `deltaUs`. */
  shiftTimes(deltaUs: number): void {
    for (const minute of this.#connections.values()) minute.sinceUs += deltaUs;
    for (const minute of this.#services.values()) minute.sinceUs += deltaUs;
  }

  /** A side sent a segment again that had not got through; `isStuck`: again and again. */
  resent(connection: TrackedConnection, side: Side, isStuck: boolean, timeUs: number): NetworkEvent | null {
    const now = this.#now;
    now.take(connection, side);
    const minute = this.#minuteOf(connection, side, timeUs);
    const service = this.#serviceOf(connection, side, timeUs);
    service.sent.add(now, minute.known);
    minute.known.copy(now);
    if (connection.isLossTold(side)) return null;
    const span = this.#span;
    if (isStuck) {
      span.copy(now);
      return this.#told(connection, side, span, timeUs, 'stuck');
    }
    span.copy(NOTHING);
    span.add(now, minute.before);
    const { lossPercent, eventThrottle } = this.#settings;
    if (span.exceeds(lossPercent)) return this.#told(connection, side, span, timeUs, 'connection');
    if (service.isTold || !service.sent.exceeds(lossPercent)) return null;
    service.isTold = true;
    service.told++;
    if (eventThrottle && !isTold(service.told)) return null;
    return this.#told(connection, side, service.sent, timeUs, 'service');
  }

  /** A connection ended: what it sent since counts for its service. */
  ended(connection: TrackedConnection): void {
    if (this.#services.size === 0) return;
    for (const side of [Side.initiator, Side.responder] as const) {
      const key = connection.slot * 2 + side;
      const minute = this.#connections.get(key);
      const service = this.#services.get(serviceKey(connection, side));
      const isKnown = minute !== undefined && minute.serial === connection.serial;
      if (service !== undefined && (isKnown || connection.beginUs >= service.sinceUs)) {
        this.#now.take(connection, side);
        service.sent.add(this.#now, isKnown ? minute.known : NOTHING);
      }
      if (minute !== undefined) this.#connections.delete(key);
    }
  }

  #minuteOf(connection: TrackedConnection, side: Side, timeUs: number): ConnectionMinute {
    const key = connection.slot * 2 + side;
    const { serial, beginUs } = connection;
    let minute = this.#connections.get(key);
    if (minute === undefined || minute.serial !== serial) {
      if (this.#connections.size >= MOST_COUNTED) this.#connections.clear();
      minute = { serial, sinceUs: beginUs, before: new Sent(), known: new Sent() };
      this.#connections.set(key, minute);
      if (timeUs - beginUs <= MINUTE_US) return minute;
      this.#allButLast(minute.known);
    } else if (timeUs - minute.sinceUs <= MINUTE_US) {
      return minute;
    }
    minute.sinceUs = timeUs;
    this.#allButLast(minute.before);
    return minute;
  }

  #serviceOf(connection: TrackedConnection, side: Side, timeUs: number): ServiceMinute {
    const key = serviceKey(connection, side);
    let service = this.#services.get(key);
    if (service === undefined) {
      if (this.#services.size >= MOST_COUNTED) this.#services.clear();
      service = { sinceUs: timeUs, told: 0, isTold: false, sent: new Sent() };
      this.#services.set(key, service);
    } else if (timeUs - service.sinceUs > MINUTE_US) {
      service.sinceUs = timeUs;
      service.isTold = false;
      service.sent = new Sent();
    }
    return service;
  }

  /** Fills `sent` with what was sent before the segment that was just sent again. */
  #allButLast(sent: Sent): void {
    sent.copy(this.#now);
    sent.lost--;
  }

  #told(
    connection: TrackedConnection,
    side: Side,
    { segments, lost, lostBefore }: Sent,
    timeUs: number,
    what: 'stuck' | 'connection' | 'service',
  ): NetworkEvent {
    connection.noteLossTold(side);
    const event = connectionEvent('TCP_LOSS', connection, timeUs, {
      value: lost,
      by: side,
      ...causeOf(side, { segments, lost, lostBefore }, what),
      facts: { segments, lostBefore, lostBeyond: lost - lostBefore },
    });
    return event;
  }
}

function causeOf(side: Side, counts: Pick<Sent, 'segments' | 'lost' | 'lostBefore'>, what: string): Cause {
  const { segments, lost, lostBefore } = counts;
  const [sender, receiver] = [sideName(side), sideName(side === Side.initiator ? Side.responder : Side.initiator)];
  if (what === 'stuck') {
    return {
      causeId: 'tcp.loss.unacknowledged',
      cause: `${sender} sends the same bytes again and again and they are not acknowledged: the packets, or their acknowledgments, are lost between the capture and ${receiver}`,
    };
  }
  const isBefore = lostBefore * 2 > lost;
  const causeId: CauseId = isBefore ? 'tcp.loss.before' : 'tcp.loss.beyond';
  const where = isBefore ? `between ${sender} and the capture` : `between the capture and ${receiver}`;
  const others = isBefore ? lost - lostBefore : lostBefore;
  const besides = others === 0 ? '' : `, ${others} of them on the other side of the capture`;
  const whose =
    what === 'service'
      ? `of all that ${sender === 'the server' ? 'the server sends' : 'is sent to the server'}`
      : `of ${sender}`;
  return {
    causeId,
    cause: `${lost} of ${segments} segments ${whose} were sent again within a minute: they are lost ${where}${besides} (congestion, a full queue, a bad link)`,
  };
}

function serviceKey(connection: TrackedConnection, side: Side): number {
  return serverHash(connection) * 2 + side;
}
