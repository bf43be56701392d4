import type { HttpDoneReason, HttpSearch, HttpSink } from './http-search.ts';
import { TextBit } from './text-matcher.ts';

const CR = 0x0d;
const LF = 0x0a;

/** Most bytes of a line that are kept for a report. */
export const REPORTED_BYTES = 1024;

/**
 * Segments of a connection known to be HTTP that may pass in search of the next place to read on: an upload of 100 MB,
 * of which each segment costs a look at its first bytes.
 */
export const MAX_LOST_SEGMENTS = 100_000;

/** Text of at most `REPORTED_BYTES` bytes of a line: UTF-8 as far as it is that. */
export function reportedText(bytes: Uint8Array, start: number, end: number): string {
  const length = Math.min(end - start, REPORTED_BYTES);
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, length).toString();
}

/** What the readers of one connection have in common: whom they tell, and whether they are still needed. */
export class HttpMatches {
  readonly search: HttpSearch;
  readonly #sink: HttpSink;
  readonly #id: number;
  /** A request was seen, or the preface of HTTP/2. */
  isHttp = false;
  /** Nothing is read any more. */
  finished = false;
  /** The first request line was told. */
  isToldHttp = false;

  constructor(search: HttpSearch, sink: HttpSink, id: number) {
    this.search = search;
    this.#sink = sink;
    this.#id = id;
  }

  /** Tells the first request line; later ones are passed over. */
  http(requestLine: string, majorVersion: number): void {
    this.isHttp = true;
    if (this.isToldHttp) return;
    this.isToldHttp = true;
    this.#sink.http(this.#id, requestLine, majorVersion);
  }

  /** `bits` are `TextBit`s. After a match of the text to avoid nothing else is told. */
  match(bits: number, requestLine: string, headerLine: string, timeUs: number): void {
    if (this.finished) return;
    const which = (bits & TextBit.avoid) !== 0 ? 'avoid' : 'search';
    this.#sink.match(this.#id, { which, requestLine, headerLine, timeUs });
    if (which === 'avoid') this.end('avoided');
  }

  /** Nothing more will be read: tells why. */
  end(reason: HttpDoneReason): void {
    if (this.finished) return;
    this.finished = true;
    if (this.isHttp) this.#sink.done(this.#id, reason);
    else this.#sink.notHttp(this.#id);
  }
}

/** Returns where a line ends that may have CR and LF behind it; `end` when there are no bytes to look at. */
export function endWithoutLineEnd(bytes: Uint8Array | null, start: number, end: number): number {
  if (bytes === null) return end;
  if (end > start && bytes[end - 1] === LF) end--;
  if (end > start && bytes[end - 1] === CR) end--;
  return end;
}
