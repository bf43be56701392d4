import type { ServerResponse } from 'node:http';
import { MOST_PAGE_CONNECTIONS, type PageConnection, type PageMessage } from '../model/page-messages.ts';
import type { PageSource } from './observed.ts';

const STEP_MS = 2_000;
/** A page that reads no more is let go; it comes again by itself. */
const MOST_UNREAD_BYTES = 16 << 20;
const AT_ONCE = 500;

/** What the agent tells one page: server-sent events (html.spec.whatwg.org, "server-sent events"), until it goes. */
export class PageStream {
  readonly #response: ServerResponse;
  readonly #source: PageSource;
  readonly #onClose: () => void;
  /** What the page was told of each open connection last, by key. */
  #told = new Map<string, string>();
  #lastEvent = 0;
  #lastEnd = 0;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(response: ServerResponse, source: PageSource, onClose: () => void) {
    this.#response = response;
    this.#source = source;
    this.#onClose = onClose;
  }

  /** Begins to tell. It ends with the response. */
  start(): void {
    const unwatch = this.#source.watch();
    const response = this.#response;
    this.#lastEnd = this.#source.ends.last;
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' });
    response.on('close', () => {
      this.#closed = true;
      if (this.#timer !== null) clearTimeout(this.#timer);
      unwatch();
      this.#onClose();
    });
    this.#step();
  }

  /** A page that cannot be told is let go. */
  #step(): void {
    this.#tellAll().catch(() => this.#response.destroy());
  }

  async #tellAll(): Promise<void> {
    const { events } = this.#source;
    const { leftOut } = this.#source;
    this.#tell({ kind: 'sessions', timeMs: Date.now(), sessions: this.#source.sessions(), leftOut });
    const lines = events.after(this.#lastEvent);
    this.#lastEvent = events.last;
    for (let i = 0; i < lines.length; i += AT_ONCE) {
      this.#tell({ kind: 'events', events: lines.slice(i, i + AT_ONCE) });
    }
    await this.#tellConnections();
    if (this.#closed) return;
    if (this.#response.writableLength > MOST_UNREAD_BYTES) this.#response.destroy();
    this.#timer = setTimeout(() => this.#step(), STEP_MS);
  }

  /** Tells of connections that are new, have changed, or have ended since the last time. */
  async #tellConnections(): Promise<void> {
    const told = new Map<string, string>();
    const changed: PageConnection[] = [];
    for await (const connection of this.#source.connections()) {
      if (this.#closed || told.size >= MOST_PAGE_CONNECTIONS) break;
      const { key, state, failure, type, sentBytes, receivedBytes, process } = connection;
      const signature = `${state} ${failure} ${type} ${sentBytes} ${receivedBytes} ${process}`;
      told.set(key, signature);
      if (this.#told.get(key) !== signature) changed.push(connection);
    }
    const ends = this.#source.ends.after(this.#lastEnd);
    this.#lastEnd = this.#source.ends.last;
    const ended = new Set(ends.map(({ key }) => key));
    const removed = [...this.#told.keys()].filter((key) => !told.has(key) && !ended.has(key));
    this.#told = told;
    const all = [...changed.filter(({ key }) => !ended.has(key)), ...ends];
    for (let i = 0; i < all.length || (i === 0 && removed.length > 0); i += AT_ONCE) {
      this.#tell({ kind: 'connections', changed: all.slice(i, i + AT_ONCE), removed: i === 0 ? removed : [] });
    }
  }

  #tell(message: PageMessage): void {
    if (!this.#closed) this.#response.write(`data: ${JSON.stringify(message)}\n\n`);
  }
}
