import { EventEmitter, once } from 'node:events';
import { BUCKET_BOUNDS_US } from '../../src/model/latency-buckets.ts';
import {
  MOST_PAGE_CONNECTIONS,
  MOST_PAGE_EVENTS,
  type PageConnection,
  type PageEventLine,
  type PageSession,
} from '../../src/model/page-messages.ts';
import type { PageSource } from '../../src/serve/observed.ts';
import { Recent } from '../../src/session/recent.ts';
import { eventLine } from '../report/sample-files.ts';

/** What a page may be told, made by a test. */
export class SampleSource implements PageSource {
  readonly logDirectory: string;
  readonly events = new Recent<PageEventLine>(MOST_PAGE_EVENTS);
  readonly ends = new Recent<PageConnection>(MOST_PAGE_CONNECTIONS);
  readonly open = new Map<string, PageConnection>();
  sessionList: PageSession[] = [sampleSession()];
  leftOut = { events: 0, ends: 0 };
  watchers = 0;
  readonly #changes = new EventEmitter();

  constructor(logDirectory: string) {
    this.logDirectory = logDirectory;
  }

  sessions(): PageSession[] {
    return this.sessionList;
  }

  async *connections(): AsyncGenerator<PageConnection> {
    yield* this.open.values();
  }

  watch(): () => void {
    this.watchers++;
    this.#changes.emit('change');
    return () => {
      this.watchers--;
      this.#changes.emit('change');
    };
  }

  /** Resolves when so many pages look. */
  async watched(count: number): Promise<void> {
    while (this.watchers !== count) await once(this.#changes, 'change');
  }

  event(change: Parameters<typeof eventLine>[0] = {}, ends: Parameters<typeof eventLine>[1] = {}): void {
    this.events.add({ directory: 'dllt5', line: eventLine(change, ends).trim() });
  }

  connection(change: Partial<PageConnection> = {}): void {
    const connection = sampleConnection(this.open.size, change);
    this.open.set(connection.key, connection);
  }

  end(key: string, change: Partial<PageConnection> = {}): void {
    const connection = this.open.get(key);
    this.open.delete(key);
    if (connection !== undefined) this.ends.add({ ...connection, state: 'ended', ...change });
  }
}

export function sampleSession(change: Partial<PageSession> = {}): PageSession {
  const counts = [...BUCKET_BOUNDS_US.map(() => 0), 0];
  return {
    pod: 'web-7c9f4',
    namespace: 'shop',
    interface: 'veth1a2b',
    directory: 'dllt5',
    state: 'capturing',
    reason: '',
    open: 3,
    halfOpen: 1,
    packets: 1000,
    dropped: 0,
    handshakes: counts,
    tlsHandshakes: counts,
    ...change,
  };
}

/** One of many connections, no two alike. */
export function sampleConnection(number: number, change: Partial<PageConnection> = {}): PageConnection {
  return {
    key: `0 ${number}`,
    directory: 'dllt5',
    client: `10.0.0.7:${20_000 + number}`,
    server: `10.1.${number % 200}.9:${number % 3 === 0 ? 443 : 8080}`,
    beginMs: 1_700_000_000_000 + number * 10,
    state: 'established',
    failure: '',
    type: number % 3 === 0 ? 'TLS' : 'HTTP',
    sentBytes: 100 + number,
    receivedBytes: 5000 + ((number * 7919) % 10_007),
    handshakeUs: 300 + (number % 500),
    tlsUs: number % 3 === 0 ? 2000 + (number % 900) : 0,
    firstByteUs: 700 + (number % 300),
    process: number % 5 === 0 ? 'nginx (pid 17)' : 'curl (pid 4711)',
    serverName: number % 3 === 0 ? `s${number % 50}.shop.example` : '',
    ...change,
  };
}
