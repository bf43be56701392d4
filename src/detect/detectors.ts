import type { CauseId } from '../model/cause-id.ts';
import type { Side } from '../model/connection.ts';
import type { NetworkEvent } from '../model/event.ts';
import { EventCode, type EventName } from '../model/event-code.ts';
import type { TlsSignal } from '../protocols/tls/tls-signal.ts';
import type { Answer } from '../track/answer.ts';
import type { Stranger } from '../track/foreign-packets.ts';
import type { IcmpError } from '../track/icmp-errors.ts';
import type { PathMtuTrouble } from '../track/path-mtu.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import { type AnsweringService, Answers } from './answers.ts';
import { doubt } from './doubt.ts';
import { foreignPacket } from './foreign-packet.ts';
import { halfClosed } from './half-closed.ts';
import { halfOpen } from './half-open.ts';
import { icmpError } from './icmp-error.ts';
import { KnownServers } from './known-servers.ts';
import { Losses } from './loss.ts';
import { noAnswer } from './no-answer.ts';
import { blackHole } from './path-mtu.ts';
import { isHttpClientReset, isReset, reset } from './reset.ts';
import { resetAbnormal } from './reset-abnormal.ts';
import { resetCause } from './reset-cause.ts';
import { ResetCounters } from './reset-counters.ts';
import { stale } from './stale.ts';
import { isSynReset, synReset } from './syn-reset.ts';
import { synRetransmission } from './syn-retransmission.ts';
import { isTold } from './throttle.ts';
import { tlsAbandoned } from './tls-abandoned.ts';
import { isHttpsClientShutdown, tlsAlert } from './tls-alert.ts';
import { tlsEstablished } from './tls-established.ts';
import { tlsException } from './tls-exception.ts';
import { leftClosed, zeroWindow } from './zero-window.ts';

/** What the detectors go by; may be changed while they run. */
export interface DetectorSettings {
  eventThrottle: boolean;
  noEventHttpClientReset: boolean;
  resetAbnormalCount: number;
  resetAbnormalSeconds: number;
  staleSeconds: number;
  stale2Seconds: number;
  lossPercent: number;
  zeroWindowSeconds: number;
  slowMs: number;
  eventsForTlsConnections: boolean;
  noEventHttpsClientSslShutdown: boolean;
}

/** Something that happened, and the event that tells it; null when the throttle keeps it from being told. */
export interface Occurrence {
  readonly name: EventName;
  readonly causeId: CauseId;
  readonly event: NetworkEvent | null;
}

/** Turns what happens to connections into events. Counting comes before thinning: every occurrence is returned. */
export class Detectors {
  readonly #settings: DetectorSettings;
  readonly #resets = new ResetCounters();
  readonly #servers = new KnownServers();
  readonly #losses: Losses;
  readonly #answers: Answers;

  constructor(settings: DetectorSettings) {
    this.#settings = settings;
    this.#losses = new Losses(settings);
    this.#answers = new Answers(settings);
  }

  /** Peers whose resets are no longer counted, as there were too many. */
  get forgottenPeers(): number {
    return this.#resets.forgotten;
  }

  /** The clock was set by `deltaUs`: what was counted stays as long ago as it is. */
  shiftTimes(deltaUs: number): void {
    this.#resets.shiftTimes(deltaUs);
    this.#losses.shiftTimes(deltaUs);
  }

  /** A handshake is complete: its server is there. */
  established(connection: TrackedConnection, timeUs: number): void {
    this.#servers.note(connection, timeUs);
  }

  /** One side has closed, the other rests. */
  halfClosed(connection: TrackedConnection, timeUs: number): NetworkEvent | null {
    return halfClosed(connection, timeUs, this.#settings.staleSeconds);
  }

  /** A connection ended, or its client closed while it waited. */
  noAnswer(connection: TrackedConnection, timeUs: number): NetworkEvent | null {
    return noAnswer(connection, timeUs);
  }

  icmpError(connection: TrackedConnection, error: IcmpError, timeUs: number): NetworkEvent | null {
    return icmpError(connection, error, timeUs);
  }

  pathMtu(connection: TrackedConnection, trouble: PathMtuTrouble, timeUs: number): NetworkEvent | null {
    return blackHole(connection, trouble, timeUs);
  }

  /** A side sent a segment again that had not got through. */
  resent(connection: TrackedConnection, side: Side, isStuck: boolean, timeUs: number): NetworkEvent | null {
    return this.#losses.resent(connection, side, isStuck, timeUs);
  }

  /** A side's window has been closed for a while. */
  zeroWindow(connection: TrackedConnection, side: Side, timeUs: number): NetworkEvent | null {
    return zeroWindow(connection, side, timeUs, this.#settings.zeroWindowSeconds);
  }

  /** A connection ended: perhaps with a window that was still closed. */
  leftClosed(connection: TrackedConnection): NetworkEvent | null {
    this.#losses.ended(connection);
    return leftClosed(connection, this.#settings.zeroWindowSeconds);
  }

  /** The responder answered a request: 00018 when it failed, 00020 when it was slow. */
  answered(connection: TrackedConnection, answer: Answer, timeUs: number): Occurrence[] {
    return this.#answers.answered(connection, answer, timeUs);
  }

  /** Answers of HTTP by class of their status, `1xx` to `5xx`; those of gRPC by `grpc_ok` and `grpc_error`. */
  get answersByClass(): Readonly<Record<string, number>> {
    return this.#answers.byClass;
  }

  /** How services answered, the most asked first. */
  get answers(): readonly AnsweringService[] {
    return this.#answers.list();
  }

  foreignPacket(connection: TrackedConnection, stranger: Stranger, timeUs: number): NetworkEvent {
    return foreignPacket(connection, stranger, timeUs);
  }

  synRepeated(connection: TrackedConnection, timeUs: number): NetworkEvent | null {
    return synRetransmission(connection, timeUs, this.#servers.answeredAgoUs(connection, timeUs));
  }

  halfOpen(connection: TrackedConnection, timeUs: number): NetworkEvent | null {
    return halfOpen(connection, timeUs, this.#servers.answeredAgoUs(connection, timeUs));
  }

  stale(connection: TrackedConnection, timeUs: number): NetworkEvent | null {
    return stale(connection, timeUs, this.#settings.staleSeconds, false);
  }

  stale2(connection: TrackedConnection, timeUs: number): NetworkEvent | null {
    return stale(connection, timeUs, this.#settings.stale2Seconds, true);
  }

  /** A RST ends a connection: 00002 or 00009, and 00010 when there are too many. */
  reset(connection: TrackedConnection, by: Side, timeUs: number): Occurrence[] {
    const refused = isSynReset(connection, by);
    if (!refused && !isReset(connection, by)) return []; // it was ending anyway
    if (connection.failure === EventCode.FOREIGN_PACKET) return []; // the consequence of what was told
    const { resetAbnormalCount, resetAbnormalSeconds } = this.#settings;
    const occurrences: Occurrence[] = [];
    const count = this.#resets.add(connection, by, timeUs, resetAbnormalSeconds * 1_000_000);
    if (refused) {
      count.synResets++;
      const event = this.#isTold(count.synResets) ? synReset(connection, count.synResets, timeUs) : null;
      occurrences.push({ name: 'TCP_SYN_RESET', causeId: 'tcp.refused.nobody-listens', event });
    } else {
      count.resets++;
      if (!(this.#settings.noEventHttpClientReset && isHttpClientReset(connection, by))) {
        const cause = resetCause(connection, by, timeUs);
        const event = this.#isTold(count.resets) ? reset(connection, by, count.resets, cause, timeUs) : null;
        occurrences.push({ name: 'TCP_RESET', causeId: cause.causeId, event });
      }
    }
    const abnormal = resetAbnormal(connection, by, count, resetAbnormalCount, resetAbnormalSeconds, timeUs);
    if (abnormal) occurrences.push({ name: abnormal.name, causeId: abnormal.causeId, event: abnormal });
    return occurrences;
  }

  /** Something that was read in the TLS handshake: 00003, 00004, 00005. */
  tlsSignal(connection: TrackedConnection, signal: TlsSignal): NetworkEvent | null {
    switch (signal.kind) {
      case 'completed':
        return this.#settings.eventsForTlsConnections ? tlsEstablished(signal, connection, doubt(connection)) : null;
      case 'alert':
        if (this.#settings.noEventHttpsClientSslShutdown && isHttpsClientShutdown(signal, connection)) return null;
        // what is missing may have completed the handshake before
        if (signal.description === 255 && (connection.lossMeanwhile || connection.hasGap)) return null;
        return tlsAlert(signal, connection, doubt(connection));
      case 'abandoned':
        return tlsAbandoned(signal, connection);
      case 'violation':
        if (connection.lossMeanwhile || connection.hasGap) return null; // what is missing may have made sense of it
        return tlsException(signal, connection, doubt(connection));
    }
  }

  #isTold(count: number): boolean {
    return !this.#settings.eventThrottle || isTold(count);
  }
}
