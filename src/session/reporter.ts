import type { Detectors } from '../detect/detectors.ts';
import { type Connection, PodSide, type Side } from '../model/connection.ts';
import type { NetworkEvent } from '../model/event.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import type { TrackerListener } from '../track/tracker.ts';
import type { PodAddresses } from './pod-addresses.ts';

/** Where connections and events go: the files of a session, or standard output. */
export interface ReportSink {
  connectionBegan(connection: Connection): void;
  connectionEnded(connection: Connection): void;
  event(event: NetworkEvent): void;
}

/** Hears what happens to connections, asks the detectors what it means, and hands both on. */
export class Reporter implements TrackerListener {
  readonly #detectors: Detectors;
  readonly #sink: ReportSink;
  readonly #pod: PodAddresses;
  #lastLossUs = Number.NEGATIVE_INFINITY;

  constructor(detectors: Detectors, sink: ReportSink, pod: PodAddresses) {
    this.#detectors = detectors;
    this.#sink = sink;
    this.#pod = pod;
  }

  /** The capture lost packets shortly before `timeUs`: whatever is said of a time that includes it is in doubt. */
  noteLoss(timeUs: number): void {
    this.#lastLossUs = timeUs;
  }

  began(connection: TrackedConnection): void {
    this.#weigh(connection, connection.beginUs);
    if (connection.podSide === PodSide.unknown) connection.podSide = this.#pod.sideIn(connection);
    this.#sink.connectionBegan(connection);
  }

  synRepeated(connection: TrackedConnection, timeUs: number): void {
    this.#weigh(connection, connection.beginUs);
    this.#report(this.#detectors.synRepeated(connection, timeUs));
  }

  halfOpen(connection: TrackedConnection, timeUs: number): void {
    this.#weigh(connection, connection.beginUs);
    this.#report(this.#detectors.halfOpen(connection, timeUs));
  }

  stale(connection: TrackedConnection, timeUs: number): void {
    this.#weigh(connection, connection.lastProgressUs);
    this.#report(this.#detectors.stale(connection, timeUs));
  }

  stale2(connection: TrackedConnection, timeUs: number): void {
    this.#weigh(connection, connection.lastProgressUs);
    this.#report(this.#detectors.stale2(connection, timeUs));
  }

  reset(connection: TrackedConnection, by: Side, timeUs: number): void {
    this.#weigh(connection, connection.beginUs);
    for (const event of this.#detectors.reset(connection, by, timeUs)) this.#report(event);
  }

  ended(connection: TrackedConnection): void {
    this.#weigh(connection, connection.beginUs);
    this.#sink.connectionEnded(connection);
  }

  forgotten(): void {}

  /** Tells the connection whether packets were lost since `sinceUs`. */
  #weigh(connection: TrackedConnection, sinceUs: number): void {
    connection.lossMeanwhile = this.#lastLossUs >= sinceUs;
  }

  #report(event: NetworkEvent | null): void {
    if (event) this.#sink.event(event);
  }
}
