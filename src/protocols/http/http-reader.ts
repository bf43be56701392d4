import type { StreamConsumer } from '../stream/in-order-stream.ts';
import { HttpMatches } from './http-matches.ts';
import type { HttpSearch, HttpSink } from './http-search.ts';
import { RequestReader } from './request-reader.ts';
import { ResponseWatch } from './response-watch.ts';

/**
 * Searches the heads of all requests of one connection: HTTP/1, and HTTP/2 in clear. Feed it both directions in order;
 * bytes are not kept beyond a call, but for pieces of heads that are cut and for HPACK tables, which `search.budget`
 * bounds. Once `finished` is true it looks at nothing any more.
 */
export class HttpReader {
  /** Takes what the initiator sends. */
  readonly initiator: StreamConsumer;
  /** Takes what the responder sends: only whether it agrees to another protocol. */
  readonly responder: StreamConsumer;
  readonly #report: HttpMatches;
  readonly #requests: RequestReader;

  /** `id` is what the sink is told; `midstream`: the first bytes need not begin a request. */
  constructor(search: HttpSearch, sink: HttpSink, id: number, midstream = false) {
    this.#report = new HttpMatches(search, sink, id);
    this.#requests = new RequestReader(this.#report, midstream);
    this.initiator = this.#requests;
    this.responder = new ResponseWatch(this.#report, this.#requests);
  }

  /** True when a request was seen. */
  get isHttp(): boolean {
    return this.#report.isHttp;
  }

  /** True when nothing more is read; the sink was told why, unless `finish` was called. */
  get finished(): boolean {
    return this.#report.finished;
  }

  /**
   * The connection is over or its reader no longer wanted. Tells a match in a line that was not completed, and gives
   * memory back: to be called once for every reader, finished or not.
   */
  finish(): void {
    this.#requests.finish();
    this.#report.finished = true;
  }
}
