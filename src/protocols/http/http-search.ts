import { StreamBudget } from '../stream/stream-budget.ts';
import { createStaticEntries, type HpackEntry } from './hpack-table.ts';
import { TextMatcher } from './text-matcher.ts';

/** Memory that all readers of a search keep of unfinished heads and of HPACK tables. */
const DEFAULT_BUDGET_BYTES = 32 * 1024 * 1024;

/**
 * What is searched in the heads of requests, shared by all readers of a session. It may be changed at any time: readers
 * look for the new texts from the next bytes on.
 */
export class HttpSearch {
  /** Counts the changes. */
  version = 0;
  /** Bounds what all readers together keep between two calls; a reader that is refused gives up. */
  readonly budget: StreamBudget;
  #matcher: TextMatcher;
  #staticEntries: HpackEntry[] | null = null;

  /** `search` and `avoid` are looked for without regard to ASCII case; empty: off. */
  constructor(search: string, avoid: string, budget: StreamBudget = new StreamBudget(DEFAULT_BUDGET_BYTES)) {
    this.#matcher = new TextMatcher(search, avoid);
    this.budget = budget;
  }

  get matcher(): TextMatcher {
    return this.#matcher;
  }

  /** The static table of HPACK with what was found in it; made when the first HTTP/2 connection comes. */
  get staticEntries(): readonly HpackEntry[] {
    this.#staticEntries ??= createStaticEntries();
    return this.#staticEntries;
  }

  /** True when neither text is set; then `looksLikeHttp` says all there is to know. */
  get isEmpty(): boolean {
    return this.#matcher.isEmpty;
  }

  set(search: string, avoid: string): void {
    this.#matcher = new TextMatcher(search, avoid);
    this.version++;
  }
}

/** One of the two texts stood in the head of a request. */
export interface HttpMatch {
  readonly which: 'search' | 'avoid';
  /** As it came; of HTTP/2 put together from `:method` and `:path`. At most 1,024 bytes of it. */
  readonly requestLine: string;
  /** The line that matched, which may be the request line; of HTTP/2 `name: value`. At most 1,024 bytes of it. */
  readonly headerLine: string;
  /** Time of the packet that completed the line. */
  readonly timeUs: number;
}

/**
 * Why nothing more is read of a connection: another protocol took over (`upgraded`), a CONNECT was granted (`tunnel`),
 * the text to avoid was found (`avoided`), the place in the stream was lost and not found again (`lost`), all readers
 * together keep too much (`memory`), an HPACK table larger than we follow (`tableSize`).
 */
export type HttpDoneReason = 'upgraded' | 'tunnel' | 'avoided' | 'lost' | 'memory' | 'tableSize';

/** Who is told what is found. The calls come while a reader is fed, which may be finished from within. */
export interface HttpSink {
  /** The connection carries HTTP: its first request line, and 1 or 2 for the major version. Once at most. */
  http(id: number, requestLine: string, majorVersion: number): void;
  /** A text was found; at most once for each request and text. */
  match(id: number, match: HttpMatch): void;
  /** The connection does not carry HTTP; nothing more is read. */
  notHttp(id: number): void;
  /** It did carry HTTP; nothing more is read. */
  done(id: number, reason: HttpDoneReason): void;
}
