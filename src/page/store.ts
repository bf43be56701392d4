import { parseEventLine } from '../diagnosis/event-line.ts';
import { type Severity, severityOf } from '../diagnosis/severity.ts';
import {
  MOST_PAGE_CONNECTIONS,
  MOST_PAGE_EVENTS,
  type PageConnection,
  type PageLeftOut,
  type PageMessage,
  type PageSession,
} from '../model/page-messages.ts';

/** A line of netwevents as the page uses it. */
export interface PageEvent {
  readonly id: number;
  readonly directory: string;
  readonly timeMs: number;
  readonly time: string;
  readonly code: string;
  readonly name: string;
  readonly causeId: string;
  readonly severity: Severity;
  readonly client: string;
  readonly server: string;
  readonly cause: string;
  readonly confidence: string;
  readonly process: string;
  readonly pod: string;
  readonly pcap: string;
  readonly tls: Readonly<Record<string, unknown>>;
}

/** How the latency of one kind was in one interval; NaN where no connection ended. */
export interface LatencyPoint {
  readonly timeMs: number;
  readonly handshakes: readonly number[];
  readonly tlsHandshakes: readonly number[];
}

/** Intervals of latency that are kept: an hour of two-second steps. */
const MOST_POINTS = 1_800;

/** All that a page knows. Bounded, however long it is open. */
export class Store {
  sessions: readonly PageSession[] = [];
  /** The agent's time when it last told of its sessions. */
  timeMs = Date.now();
  leftOut: PageLeftOut = { events: 0, ends: 0 };
  /** Oldest first. */
  readonly events: PageEvent[] = [];
  readonly connections = new Map<string, PageConnection>();
  readonly latency: LatencyPoint[] = [];
  #nextId = 0;
  #sums: LatencyPoint | null = null;

  /** Takes in what the agent told. */
  take(message: PageMessage): void {
    switch (message.kind) {
      case 'sessions':
        this.sessions = message.sessions;
        this.timeMs = message.timeMs;
        this.leftOut = message.leftOut;
        this.#takeLatency(message.timeMs, message.sessions);
        return;
      case 'events':
        for (const { directory, line } of message.events) this.#takeEvent(directory, line);
        this.events.splice(0, Math.max(0, this.events.length - MOST_PAGE_EVENTS));
        return;
      case 'connections':
        for (const key of message.removed) this.connections.delete(key);
        for (const connection of message.changed) this.#takeConnection(connection);
    }
  }

  /** Forgets everything: the agent tells all of it again. */
  clear(): void {
    this.sessions = [];
    this.events.length = 0;
    this.connections.clear();
    this.latency.length = 0;
    this.#sums = null;
  }

  #takeEvent(directory: string, line: string): void {
    const json = JSON.parse(line);
    const event = parseEventLine(line);
    const endpoint = (address: string, port: number) =>
      address === '' ? '' : address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
    this.events.push({
      id: this.#nextId++,
      directory,
      timeMs: Number(json.timemillis),
      time: json.time,
      code: json.code,
      name: json.name,
      causeId: json.causeId ?? '',
      severity: event === null ? 'worth knowing' : severityOf(event),
      client: endpoint(json.srcIP, json.srcPort),
      server: endpoint(json.dstIP, json.dstPort),
      cause: json.cause,
      confidence: json.confidence ?? '',
      process: json.processName === '' ? '' : `${json.processName} (pid ${json.pid})`,
      pod: [json.namespace, json.pod].filter((part) => part !== '').join('/'),
      pcap: json.pcap ?? '',
      tls: json.tls ?? {},
    });
  }

  /** The newest state of a connection stands last; when there are too many, those go first that changed longest ago. */
  #takeConnection(connection: PageConnection): void {
    this.connections.delete(connection.key);
    this.connections.set(connection.key, connection);
    if (this.connections.size <= MOST_PAGE_CONNECTIONS) return;
    for (const key of this.connections.keys()) {
      this.connections.delete(key);
      return;
    }
  }

  #takeLatency(timeMs: number, sessions: readonly PageSession[]): void {
    const sums = {
      timeMs,
      handshakes: addUp(sessions.map(({ handshakes }) => handshakes)),
      tlsHandshakes: addUp(sessions.map(({ tlsHandshakes }) => tlsHandshakes)),
    };
    if (this.#sums !== null) {
      this.latency.push({
        timeMs,
        handshakes: difference(sums.handshakes, this.#sums.handshakes),
        tlsHandshakes: difference(sums.tlsHandshakes, this.#sums.tlsHandshakes),
      });
      this.latency.splice(0, Math.max(0, this.latency.length - MOST_POINTS));
    }
    this.#sums = sums;
  }
}

function addUp(rows: readonly (readonly number[])[]): number[] {
  return (rows[0] ?? []).map((_, i) => rows.reduce((sum, row) => sum + (row[i] ?? 0), 0));
}

/** What was added; nothing when the counts began anew. */
function difference(after: readonly number[], before: readonly number[]): number[] {
  return after.map((count, i) => Math.max(0, count - (before[i] ?? 0)));
}
