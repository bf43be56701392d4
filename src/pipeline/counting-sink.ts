import type { CauseId } from '../model/cause-id.ts';
import { Side } from '../model/connection.ts';
import { DnsFigures } from '../model/dns-figures.ts';
import type { DnsQuestion } from '../model/dns-question.ts';
import type { NetworkEvent } from '../model/event.ts';
import type { EventName } from '../model/event-code.ts';
import { LatencyBuckets } from '../model/latency-buckets.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import type { OutputSink } from './emitter.ts';

const SIDES = [Side.initiator, Side.responder] as const;

/** Hears of the same, after the sink. */
export interface CountingListener {
  readonly event?: (event: NetworkEvent) => void;
  readonly occurred?: OutputSink['occurred'];
  readonly queryOccurred?: (event: NetworkEvent) => void;
  readonly ended?: (connection: TrackedConnection) => void;
}

/** Counts connections and events on their way to where they are reported. */
export class CountingSink implements OutputSink {
  /** How often each kind occurred, whether it was told or not. */
  readonly events = new Map<EventName, number>();
  readonly handshakes = new LatencyBuckets();
  readonly tlsHandshakes = new LatencyBuckets();
  readonly firstBytes = new LatencyBuckets();
  readonly dns = new DnsFigures();
  /** Shortest round trips of connections, between the capture and either side, by `Side`. */
  readonly roundTrips = [new LatencyBuckets(), new LatencyBuckets()] as const;
  /** Connections that ended, by `EndType`. */
  readonly endedByType: number[] = [0, 0, 0, 0, 0, 0];
  readonly #sink: OutputSink;
  readonly #listener: CountingListener;
  #begun = 0;

  constructor(sink: OutputSink, listener: CountingListener = {}) {
    this.#sink = sink;
    this.#listener = listener;
  }

  /** Connections that began. */
  get begun(): number {
    return this.#begun;
  }

  /** Connections that ended. */
  get ended(): number {
    return this.endedByType.reduce((sum, count) => sum + count, 0);
  }

  connectionBegan(connection: TrackedConnection): void {
    this.#begun++;
    this.#sink.connectionBegan(connection);
  }

  connectionEnded(connection: TrackedConnection): void {
    this.endedByType[connection.endType]++;
    const { synAckLatencyUs, ackLatencyUs, tlsLatencyUs, firstByteLatencyUs } = connection;
    if (synAckLatencyUs > 0 && ackLatencyUs > 0) this.handshakes.add(synAckLatencyUs + ackLatencyUs);
    if (tlsLatencyUs > 0) this.tlsHandshakes.add(tlsLatencyUs);
    if (firstByteLatencyUs > 0) this.firstBytes.add(firstByteLatencyUs);
    for (const side of SIDES) {
      const us = connection.roundTripUs(side);
      if (us > 0) this.roundTrips[side].add(us);
    }
    this.#sink.connectionEnded(connection);
    this.#listener.ended?.(connection);
  }

  occurred(name: EventName, causeId: CauseId, connection: TrackedConnection, timeUs: number): void {
    this.#count(name);
    this.#sink.occurred(name, causeId, connection, timeUs);
    this.#listener.occurred?.(name, causeId, connection, timeUs);
  }

  queryOccurred(event: NetworkEvent): void {
    this.#count(event.name);
    this.#sink.queryOccurred(event);
    this.#listener.queryOccurred?.(event);
  }

  queryAnswered(latencyUs: number): void {
    this.dns.latencies.add(latencyUs);
    this.#sink.queryAnswered(latencyUs);
  }

  questionEnded(question: DnsQuestion): void {
    this.dns.add(question);
    this.#sink.questionEnded(question);
  }

  event(event: NetworkEvent, connection: TrackedConnection | null): void {
    if (event.connection === null) this.#count(event.name); // of a connection it occurred before
    this.#sink.event(event, connection);
    this.#listener.event?.(event);
  }

  #count(name: EventName): void {
    this.events.set(name, (this.events.get(name) ?? 0) + 1);
  }

  note(message: string, fields: Readonly<Record<string, unknown>>): void {
    this.#sink.note(message, fields);
  }
}
