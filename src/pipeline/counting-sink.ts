import type { EventName, NetworkEvent } from '../model/event.ts';
import { LatencyBuckets } from '../model/latency-buckets.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import type { ReportSink } from './reporter.ts';

/** Hears of the same, after the sink. */
export interface CountingListener {
  readonly event?: (event: NetworkEvent) => void;
  readonly ended?: (connection: TrackedConnection) => void;
}

/** Counts connections and events on their way to where they are reported. */
export class CountingSink implements ReportSink {
  readonly events = new Map<EventName, number>();
  readonly handshakes = new LatencyBuckets();
  readonly tlsHandshakes = new LatencyBuckets();
  readonly firstBytes = new LatencyBuckets();
  /** Connections that ended, by `EndType`. */
  readonly endedByType: number[] = [0, 0, 0, 0, 0, 0];
  readonly #sink: ReportSink;
  readonly #listener: CountingListener;
  #begun = 0;

  constructor(sink: ReportSink, listener: CountingListener = {}) {
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
    this.#sink.connectionEnded(connection);
    this.#listener.ended?.(connection);
  }

  event(event: NetworkEvent, connection: TrackedConnection | null): void {
    this.events.set(event.name, (this.events.get(event.name) ?? 0) + 1);
    this.#sink.event(event, connection);
    this.#listener.event?.(event);
  }

  note(message: string, fields: Readonly<Record<string, unknown>>): void {
    this.#sink.note(message, fields);
  }
}
