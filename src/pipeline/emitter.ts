import type { Detectors } from '../detect/detectors.ts';
import { noteFailure } from '../detect/failure.ts';
import type { FloodGate } from '../detect/flood-gate.ts';
import { maskedLine } from '../mask/header-values.ts';
import { maskedRequestLine, maskedUrls } from '../mask/url-values.ts';
import type { CauseId } from '../model/cause-id.ts';
import { PodSide, type Side } from '../model/connection.ts';
import type { DnsQuestion } from '../model/dns-question.ts';
import type { NetworkEvent } from '../model/event.ts';
import type { EventName } from '../model/event-code.ts';
import type { HttpMatch } from '../protocols/http/http-search.ts';
import type { TlsSignal } from '../protocols/tls/tls-signal.ts';
import type { Answer } from '../track/answer.ts';
import type { ConversationListener } from '../track/conversations.ts';
import type { Stranger } from '../track/foreign-packets.ts';
import type { IcmpError } from '../track/icmp-errors.ts';
import type { PathMtuTrouble } from '../track/path-mtu.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import type { TrackerListener } from '../track/tracker-listener.ts';
import type { ConnectionOwners } from './connection-owners.ts';
import type { Dumps } from './dumps.ts';
import type { PodAddresses } from './pod-addresses.ts';

/** Events whose connection is written to a pcap. */
const PROVEN_EVENTS: ReadonlySet<EventName> = new Set<EventName>([
  'TCP_RESET',
  'TLS_ALERT',
  'TLS_EXCEP',
  'TCP_ESTABLISHED_STALE2',
  'TCP_SYN_RESET',
  'NO_ANSWER',
  'HALF_CLOSED',
  'FOREIGN_PACKET',
  'ICMP_ERROR',
  'PATH_MTU',
  'TCP_LOSS',
  'TCP_ZERO_WINDOW',
  'HTTP_ERROR',
  'SLOW_ANSWER',
]);

/** Connections whose PROXY protocol header is remembered. */
const MOST_PROXIED = 10_000;

/** Where connections and events go: the files of a session, or standard output. */
export interface OutputSink {
  connectionBegan(connection: TrackedConnection): void;
  connectionEnded(connection: TrackedConnection): void;
  /** Something happened to a connection, whether an event tells it or not: what is counted is counted here. */
  occurred(name: EventName, causeId: CauseId, connection: TrackedConnection, timeUs: number): void;
  /** The same of a DNS question, which the event speaks of. */
  queryOccurred(event: NetworkEvent): void;
  /** A DNS query was answered after `latencyUs`. */
  queryAnswered(latencyUs: number): void;
  /** A DNS question is over. */
  questionEnded(question: DnsQuestion): void;
  /** `connection` is what the event speaks of; null where that is none in the table. */
  event(event: NetworkEvent, connection: TrackedConnection | null): void;
  /** Something people should read in the log. */
  note(message: string, fields: Readonly<Record<string, unknown>>): void;
}

/** What is followed; may be changed while the emitter runs. */
export interface FollowSettings {
  /** 0: none. */
  followPort: number;
  followSeconds: number;
  /** Header fields whose values are not shown. */
  maskHttpHeaders: readonly string[];
}

/** What a emitter works with. */
export interface EmitterParts {
  readonly detectors: Detectors;
  readonly floodGate: FloodGate;
  readonly sink: OutputSink;
  readonly owners: ConnectionOwners;
  readonly pod: PodAddresses;
  readonly follow: FollowSettings;
  /** Null: no pcaps are written. */
  readonly dumps: Dumps | null;
}

/** Hears what happens to connections, asks the detectors what it means, and hands both on. */
export class Emitter implements TrackerListener, ConversationListener {
  readonly #parts: EmitterParts;
  #seesBothDirections = false;
  #lastLossUs = Number.NEGATIVE_INFINITY;
  /** By slot: the source that a PROXY protocol header named. */
  readonly #proxied = new Map<number, string>();

  constructor(parts: EmitterParts) {
    this.#parts = parts;
  }

  /**
   * The capture lost packets up to `timeUs`, which is infinite when it still does: whatever is said of a time that includes
   * some of that is in doubt.
   */
  noteLoss(timeUs: number): void {
    this.#lastLossUs = timeUs;
  }

  /** Whether the capture lost packets since `timeUs`. */
  hasLostSince(timeUs: number): boolean {
    return this.#lastLossUs >= timeUs;
  }

  /** A handshake was seen in both directions. */
  get seesBothDirections(): boolean {
    return this.#seesBothDirections;
  }

  /** The clock was set by `deltaUs`: losses and counts stay as long ago as they are. */
  shiftTimes(deltaUs: number): void {
    this.#lastLossUs += deltaUs;
    this.#parts.detectors.shiftTimes(deltaUs);
    this.#parts.floodGate.shiftTimes(deltaUs);
  }

  began(connection: TrackedConnection): void {
    const { pod, sink } = this.#parts;
    this.#doubt(connection, connection.beginUs);
    if (connection.podSide === PodSide.unknown) connection.podSide = pod.sideIn(connection);
    sink.connectionBegan(connection);
    this.#followPort(connection, connection.beginUs);
  }

  /** Other ports are followed from `timeUs` on, and the connection is open. */
  followOpen(connection: TrackedConnection, timeUs: number): void {
    if (connection.silenced) return;
    this.#identify(connection);
    this.#followPort(connection, timeUs);
  }

  synRepeated(connection: TrackedConnection, timeUs: number): void {
    this.#doubt(connection, connection.beginUs);
    this.#report(connection, this.#parts.detectors.synRepeated(connection, timeUs));
  }

  established(connection: TrackedConnection, timeUs: number): void {
    this.#seesBothDirections ||= !connection.oneWay;
    this.#parts.detectors.established(connection, timeUs);
  }

  halfClosed(connection: TrackedConnection, timeUs: number): void {
    this.#doubt(connection, connection.lastProgressUs);
    this.#report(connection, this.#parts.detectors.halfClosed(connection, timeUs));
  }

  unanswered(connection: TrackedConnection, timeUs: number): void {
    this.#doubt(connection, connection.beginUs);
    this.#report(connection, this.#parts.detectors.noAnswer(connection, timeUs));
  }

  icmpError(connection: TrackedConnection, error: IcmpError, timeUs: number): void {
    this.#doubt(connection, connection.beginUs);
    this.#report(connection, this.#parts.detectors.icmpError(connection, error, timeUs));
  }

  pathMtu(connection: TrackedConnection, trouble: PathMtuTrouble, timeUs: number): void {
    this.#doubt(connection, connection.beginUs);
    this.#report(connection, this.#parts.detectors.pathMtu(connection, trouble, timeUs));
  }

  resent(connection: TrackedConnection, side: Side, isStuck: boolean, timeUs: number): void {
    if (connection.silenced) return;
    this.#doubt(connection, connection.beginUs);
    this.#report(connection, this.#parts.detectors.resent(connection, side, isStuck, timeUs));
  }

  zeroWindow(connection: TrackedConnection, side: Side, timeUs: number): void {
    this.#doubt(connection, connection.beginUs);
    this.#report(connection, this.#parts.detectors.zeroWindow(connection, side, timeUs));
  }

  answered(connection: TrackedConnection, answer: Answer, timeUs: number): void {
    if (connection.silenced) return;
    const occurrences = this.#parts.detectors.answered(connection, answer, timeUs);
    if (occurrences.length === 0) return;
    this.#doubt(connection, connection.beginUs);
    for (const { name, causeId, event } of occurrences) {
      this.#count(connection, name, causeId, timeUs);
      if (event !== null) this.#tell(connection, event);
    }
  }

  foreignPacket(connection: TrackedConnection, stranger: Stranger, timeUs: number): void {
    this.#doubt(connection, connection.beginUs);
    this.#report(connection, this.#parts.detectors.foreignPacket(connection, stranger, timeUs));
    connection.noteForeignPackets();
  }

  halfOpen(connection: TrackedConnection, timeUs: number): void {
    this.#doubt(connection, connection.beginUs);
    this.#report(connection, this.#parts.detectors.halfOpen(connection, timeUs));
  }

  stale(connection: TrackedConnection, timeUs: number): void {
    this.#doubt(connection, connection.lastProgressUs);
    this.#report(connection, this.#parts.detectors.stale(connection, timeUs));
  }

  stale2(connection: TrackedConnection, timeUs: number): void {
    this.#doubt(connection, connection.lastProgressUs);
    this.#report(connection, this.#parts.detectors.stale2(connection, timeUs));
  }

  reset(connection: TrackedConnection, by: Side, timeUs: number): void {
    if (connection.silenced) return; // counted, it would use up what the throttle lets through
    this.#doubt(connection, connection.beginUs);
    for (const { name, causeId, event } of this.#parts.detectors.reset(connection, by, timeUs)) {
      this.#count(connection, name, causeId, timeUs);
      if (event !== null) this.#tell(connection, event);
    }
  }

  proxied(connection: TrackedConnection, source: string): void {
    if (this.#proxied.size >= MOST_PROXIED) this.#proxied.clear(); // less is said then, nothing wrong
    this.#proxied.set(connection.slot, source);
  }

  tlsSignal(connection: TrackedConnection, signal: TlsSignal): void {
    this.#doubt(connection, connection.beginUs);
    if (signal.kind === 'completed') this.#parts.dumps?.serverNames.note(connection, signal.session.serverName);
    this.#report(connection, this.#parts.detectors.tlsSignal(connection, signal));
  }

  httpMatch(connection: TrackedConnection, match: HttpMatch): void {
    const { dumps, follow, sink } = this.#parts;
    const { requestLine, headerLine, timeUs } = match;
    if (match.which === 'avoid') {
      connection.silenced = true;
      dumps?.discard(connection);
      return;
    }
    if (connection.silenced) return;
    this.#identify(connection);
    const pcap = dumps?.follow(connection, timeUs, follow.followSeconds, 'SEARCH_HTTP_HEADER was found');
    const header = maskedUrls(maskedLine(headerLine, follow.maskHttpHeaders));
    const request = maskedRequestLine(requestLine);
    sink.note('SEARCH_HTTP_HEADER was found', { request, header, ...(pcap && { pcap }) });
  }

  ended(connection: TrackedConnection): void {
    this.#doubt(connection, connection.beginUs);
    this.#report(connection, this.#parts.detectors.noAnswer(connection, connection.endUs));
    this.#report(connection, this.#parts.detectors.leftClosed(connection));
    this.#parts.sink.connectionEnded(connection);
    this.#parts.dumps?.ended(connection);
  }

  forgotten(slot: number): void {
    this.#parts.dumps?.forgotten(slot);
    this.#parts.owners.forgotten(slot);
    if (this.#proxied.size > 0) this.#proxied.delete(slot);
  }

  #followPort(connection: TrackedConnection, timeUs: number): void {
    const { follow, dumps } = this.#parts;
    const { followPort, followSeconds } = follow;
    if (followPort === 0 || dumps === null) return;
    if (connection.initiatorPort !== followPort && connection.responderPort !== followPort) return;
    dumps.follow(connection, timeUs, followSeconds, `FOLLOW_PORT ${followPort}`);
  }

  /** Sums up what was held back of a flood of events that is over, where that is due. */
  advance(nowUs: number): void {
    for (const event of this.#parts.floodGate.advance(nowUs)) this.#parts.sink.event(event, null);
  }

  /** No more is to come: sums up what is still held back. */
  finish(): void {
    for (const event of this.#parts.floodGate.finish()) this.#parts.sink.event(event, null);
  }

  /** Tells the connection whether packets were lost since `sinceUs`, and whose it is. */
  #doubt(connection: TrackedConnection, sinceUs: number): void {
    this.#identify(connection);
    connection.lossMeanwhile = this.#lastLossUs >= sinceUs;
  }

  #identify(connection: TrackedConnection): void {
    connection.process = this.#parts.owners.processOf(connection.slot);
  }

  #report(connection: TrackedConnection, event: NetworkEvent | null): void {
    if (event === null) return;
    this.#count(connection, event.name, event.causeId, event.timeUs);
    this.#tell(connection, event);
  }

  #count(connection: TrackedConnection, name: EventName, causeId: CauseId, timeUs: number): void {
    if (connection.silenced) return;
    noteFailure(connection, name, causeId);
    this.#parts.sink.occurred(name, causeId, connection, timeUs);
  }

  /** Tells an event, unless it is one too many. */
  #tell(connection: TrackedConnection, event: NetworkEvent): void {
    if (connection.silenced) return;
    const { dumps, floodGate, sink } = this.#parts;
    const proxiedFrom = this.#proxied.size === 0 ? undefined : this.#proxied.get(connection.slot);
    const told = floodGate.pass(
      proxiedFrom === undefined ? event : { ...event, facts: { ...event.facts, proxiedFrom } },
    );
    if (told === null) return;
    const proven = dumps !== null && PROVEN_EVENTS.has(told.name) && !isCloseNotify(told) && !isProvenBefore(told);
    const pcap = proven ? dumps.prove(connection, told) : null;
    if (!proven) dumps?.note(connection, told);
    sink.event(pcap === null ? told : { ...told, pcap }, connection);
  }
}

/** Of answers of a service the first one that is told is proven. */
function isProvenBefore({ name, facts }: NetworkEvent): boolean {
  return (name === 'HTTP_ERROR' || name === 'SLOW_ANSWER') && facts?.times !== 1;
}

/** A plain goodbye proves nothing: 00004 with description 0 (RFC 8446 §6.1). */
function isCloseNotify(event: NetworkEvent): boolean {
  return event.name === 'TLS_ALERT' && (event.value & 0xff) === 0;
}
