import type { StreamConsumer } from '../stream/in-order-stream.ts';
import { ChunkedBody } from './chunked-body.ts';
import { endWithoutLineEnd, type HttpMatches, MAX_LOST_SEGMENTS, reportedText } from './http-matches.ts';
import { looksLikeHttp2Headers } from './http2-frames.ts';
import { Http2Reader } from './http2-reader.ts';
import { LineKeeper } from './line-keeper.ts';
import { Body, MessageFraming } from './message-framing.ts';
import { LineVerdict, looksLikeHttp, RequestLine } from './request-line.ts';
import { TextBit, TextMatcher } from './text-matcher.ts';

/** Bytes of a head that are searched; what is beyond is only followed to its end. */
const SEARCHED_HEAD_BYTES = 64 * 1024;

/** Segments that may pass without a request before a connection whose beginning was not seen is taken for another. */
const MAX_UNKNOWN_SEGMENTS = 1000;
/** Empty lines in front of a request line that are forgiven (RFC 9112 §2.2 asks for one at least). */
const MAX_EMPTY_LINE_BYTES = 4;
const CR = 0x0d;
const LF = 0x0a;
const NOTHING = new TextMatcher('', '');

const Phase = { requestLine: 0, fields: 1, body: 2, chunks: 3, lost: 4, http2: 5 } as const;

/**
 * A tunnel (CONNECT), another protocol, HTTP/2, or leave to send a body. `refused`: the responder answered at once, so
 * that either the body or, if the client keeps it, the next request follows.
 */
export type AwaitedAnswer = 'nothing' | 'tunnel' | 'upgrade' | 'http2' | 'continue' | 'refused';

/**
 * Reads what the initiator sends: the heads of HTTP/1 requests (RFC 9112), searched byte by byte as they come, and their
 * bodies only as far as their end has to be found. Hands over to `Http2Reader` at the preface of HTTP/2.
 */
export class RequestReader implements StreamConsumer {
  readonly #report: HttpMatches;
  readonly #line = new RequestLine();
  readonly #framing = new MessageFraming();
  readonly #kept: LineKeeper;
  #chunks: ChunkedBody | null = null;
  #http2: Http2Reader | null = null;
  #phase: number;
  #remainingBytes = 0; // of a body with a length
  #headBytes = 0; // of the current head, up to SEARCHED_HEAD_BYTES
  #matcher: TextMatcher = NOTHING;
  #matchState = TextMatcher.START;
  #lineFound = 0; // TextBits of the current line
  #headFound = 0; // TextBits already told of the current head
  #lineStart = 0; // in the bytes of the current call
  #requestStart = -1; // request line in the bytes of the current call, -1: not there
  #requestEnd = 0;
  #timeUs = Number.NaN;
  #lostSegments = 0;
  #canBeOther: boolean;
  /** What the client has asked of the responder that decides how to go on; `ResponseWatch` says the answer. */
  awaits: AwaitedAnswer = 'nothing';

  /** `midstream`: the first bytes need not begin a request. */
  constructor(report: HttpMatches, midstream: boolean) {
    this.#report = report;
    this.#kept = new LineKeeper(report.search.budget);
    this.#phase = midstream ? Phase.lost : Phase.requestLine;
    this.#canBeOther = !midstream;
  }

  data(bytes: Uint8Array, start: number, end: number, timeUs: number): void {
    if (this.#report.finished) return;
    if (this.#phase === Phase.lost && !this.#findAgain(bytes, start, end)) return;
    if (this.awaits === 'continue' || this.awaits === 'refused') this.#startBody(bytes, start, end);
    this.#timeUs = timeUs;
    this.#lineStart = start;
    let at = start;
    while (at < end && !this.#report.finished) {
      switch (this.#phase) {
        case Phase.requestLine:
          at = this.#readRequestLine(bytes, at, end);
          break;
        case Phase.fields:
          at = this.#readFields(bytes, at, end);
          break;
        case Phase.body:
          if (end - at < this.#remainingBytes) {
            this.#remainingBytes -= end - at;
            return;
          }
          at += this.#remainingBytes;
          this.#startRequest(at);
          break;
        case Phase.chunks:
          at = this.#readChunks(bytes, at, end);
          break;
        case Phase.http2:
          this.#readHttp2(bytes, at, end);
          return;
        default:
          return; // lost: the next request is looked for where a segment begins
      }
    }
    if (this.#phase <= Phase.fields && !this.#report.finished) this.#keepUnfinished(bytes, end);
  }

  gap(lengthBytes: number): void {
    if (this.#report.finished) return;
    if (this.#phase === Phase.http2) {
      this.#http2?.gap(lengthBytes);
    } else if (this.#phase === Phase.body && lengthBytes <= this.#remainingBytes) {
      this.#remainingBytes -= lengthBytes;
      if (this.#remainingBytes === 0) this.#startRequest(0);
    } else if (this.#phase !== Phase.chunks || !this.#chunks?.gap(lengthBytes)) {
      this.#endLine();
      this.#lose();
    }
  }

  /** The connection is over, or nobody wants to know any more: tells a match in an unfinished line, frees what is kept. */
  finish(): void {
    if (!this.#report.finished) this.#endLine();
    this.#kept.release();
    this.#http2?.release();
    this.#http2 = null;
  }

  #startRequest(at: number): void {
    this.#phase = Phase.requestLine;
    this.#line.reset();
    this.#headBytes = 0;
    this.#headFound = 0;
    this.#requestStart = -1;
    this.#startLine(at);
  }

  #startLine(at: number): void {
    this.#lineStart = at;
    this.#matchState = TextMatcher.START;
    this.#lineFound = 0;
  }

  /** Searches up to a line feed or `end`, whatever comes first, and answers where it stopped. */
  #scan(bytes: Uint8Array, at: number, end: number): number {
    const room = SEARCHED_HEAD_BYTES - this.#headBytes;
    let matcher = room > 0 ? this.#report.search.matcher : NOTHING;
    if (matcher.isEmpty) matcher = NOTHING;
    if (matcher !== this.#matcher) {
      this.#matcher = matcher; // the texts were changed: what was read of the line is not looked at again
      this.#matchState = TextMatcher.START;
    }
    matcher.state = this.#matchState;
    matcher.found = 0;
    const stop = matcher.scanLine(bytes, at, room > 0 ? Math.min(end, at + room) : end);
    this.#matchState = matcher.state;
    this.#lineFound |= matcher.found;
    this.#headBytes += Math.min(room, stop - at);
    return stop;
  }

  #readRequestLine(bytes: Uint8Array, at: number, end: number): number {
    while (this.#line.isEmpty && at < end && (bytes[at] === CR || bytes[at] === LF)) {
      if (++this.#headBytes > MAX_EMPTY_LINE_BYTES) return this.#notARequest(end);
      at++;
      this.#lineStart = at;
    }
    let stop = at;
    let verdict: LineVerdict = LineVerdict.more;
    while (stop < end && verdict === LineVerdict.more) verdict = this.#line.feed(bytes[stop++]);
    if (verdict === LineVerdict.wrong || this.#headBytes + stop - at > SEARCHED_HEAD_BYTES)
      return this.#notARequest(end);
    for (let i = at; i < stop; ) i = this.#scan(bytes, i, stop);
    if (verdict === LineVerdict.more) return stop;
    if (this.#line.major === 2) return this.#startHttp2(stop);
    if (this.#line.major !== 1) return this.#notARequest(end);
    this.awaits = 'nothing'; // who goes on with requests was not given the other protocol
    this.#lostSegments = 0;
    this.#canBeOther = false;
    const isKept = this.#kept.bytes !== null;
    if (isKept) {
      if (!this.#keepPiece(bytes, this.#lineStart, stop)) return end;
      const length = endWithoutLineEnd(this.#kept.bytes, 0, this.#kept.length);
      const text = this.#kept.bytes === null ? '' : reportedText(this.#kept.bytes, 0, length);
      if (!this.#keepRequestLine(text)) return end;
      this.#kept.clearLine();
    } else {
      this.#requestStart = this.#lineStart;
      this.#requestEnd = endWithoutLineEnd(bytes, this.#lineStart, stop);
    }
    if (!this.#report.isHttp) this.#report.http(this.#requestText(bytes), 1);
    if (this.#lineFound !== 0) this.#tell(this.#requestText(bytes), this.#requestText(bytes));
    this.#framing.reset();
    this.#phase = Phase.fields;
    this.#startLine(stop);
    return stop;
  }

  #readFields(bytes: Uint8Array, at: number, end: number): number {
    const stop = this.#scan(bytes, at, end);
    if (bytes[stop - 1] !== LF) return stop; // the line goes on, or the searched part of the head ends here
    let line = bytes;
    let lineStart = this.#lineStart;
    let lineEnd = stop;
    if (this.#kept.bytes !== null) {
      if (!this.#keepPiece(bytes, lineStart, stop)) return end;
      line = this.#kept.bytes;
      lineStart = 0;
      lineEnd = this.#kept.length;
    }
    lineEnd = endWithoutLineEnd(line, lineStart, lineEnd);
    if (lineEnd === lineStart) {
      this.#endHead(stop, end);
      return stop;
    }
    this.#framing.field(line, lineStart, lineEnd);
    if (this.#lineFound !== 0) this.#tell(this.#requestText(bytes), reportedText(line, lineStart, lineEnd));
    this.#kept.clearLine();
    this.#startLine(stop);
    return stop;
  }

  #endHead(at: number, end: number): void {
    this.#kept.release();
    if (this.#line.isConnect) {
      this.#startRequest(at);
      this.awaits = 'tunnel';
      return;
    }
    if (this.#framing.upgrade) this.awaits = this.#framing.upgradeToHttp2 ? 'http2' : 'upgrade';
    const body = this.#framing.body();
    const isWaiting = this.#framing.expect && body !== Body.none && at === end; // else the body is here already
    if (isWaiting && this.awaits === 'nothing') this.awaits = 'continue';
    switch (body) {
      case Body.none:
        this.#startRequest(at);
        break;
      case Body.length:
        this.#remainingBytes = this.#framing.lengthBytes;
        this.#phase = Phase.body;
        break;
      case Body.chunked:
        this.#chunks ??= new ChunkedBody();
        this.#chunks.reset();
        this.#phase = Phase.chunks;
        break;
      default:
        this.#lose();
    }
  }

  /** The first bytes after a head with `Expect`: its body, unless that was refused and a request follows. */
  #startBody(bytes: Uint8Array, start: number, end: number): void {
    if (this.awaits === 'refused' && looksLikeHttp(bytes, start, end)) this.#startRequest(start);
    this.awaits = 'nothing';
  }

  #readChunks(bytes: Uint8Array, at: number, end: number): number {
    const chunks = this.#chunks as ChunkedBody;
    const stop = chunks.data(bytes, at, end);
    if (chunks.isWrong) this.#lose();
    else if (chunks.isComplete) this.#startRequest(stop);
    return stop;
  }

  /** What began where a request should is none. */
  #notARequest(end: number): number {
    if (this.awaits !== 'nothing')
      this.#report.end('upgraded'); // nobody saw the answer
    else if (this.#canBeOther) this.#report.end('lost');
    else this.#lose();
    return end;
  }

  #lose(): void {
    this.#kept.release();
    this.#startRequest(0);
    this.#canBeOther = false;
    this.awaits = 'nothing';
    this.#phase = Phase.lost;
  }

  /** Whether the connection can be read again from this segment on. */
  #findAgain(bytes: Uint8Array, start: number, end: number): boolean {
    if (looksLikeHttp(bytes, start, end)) {
      this.#startRequest(start);
      return true;
    }
    if (looksLikeHttp2Headers(bytes, start, end)) {
      this.#http2 = new Http2Reader(this.#report, true);
      this.#phase = Phase.http2;
      return true;
    }
    if (++this.#lostSegments > (this.#report.isHttp ? MAX_LOST_SEGMENTS : MAX_UNKNOWN_SEGMENTS))
      this.#report.end('lost');
    return false;
  }

  /** The first line of the preface was read (RFC 9113 §3.4). */
  #startHttp2(at: number): number {
    this.#kept.release();
    this.#http2 = new Http2Reader(this.#report, false);
    this.#phase = Phase.http2;
    this.awaits = 'nothing';
    return at;
  }

  #readHttp2(bytes: Uint8Array, at: number, end: number): void {
    const reader = this.#http2 as Http2Reader;
    reader.data(bytes, at, end, this.#timeUs);
    if (!reader.isWrong) return;
    reader.release();
    this.#http2 = null;
    if (!this.#report.finished) this.#notARequest(end);
  }

  /** Tells a match in a line that will not be completed. Nothing is told before the request line is known to be one. */
  #endLine(): void {
    if (this.#phase !== Phase.fields || this.#lineFound === 0) return;
    this.#tell(this.#kept.requestLine ?? '', this.#kept.text());
  }

  #tell(requestLine: string, headerLine: string): void {
    const bits = this.#lineFound & ~this.#headFound;
    this.#headFound |= bits;
    if ((bits & TextBit.avoid) !== 0) this.#report.match(TextBit.avoid, requestLine, headerLine, this.#timeUs);
    else if (bits !== 0) this.#report.match(TextBit.search, requestLine, headerLine, this.#timeUs);
  }

  #requestText(bytes: Uint8Array): string {
    if (this.#requestStart < 0) return this.#kept.requestLine ?? '';
    return reportedText(bytes, this.#requestStart, this.#requestEnd);
  }

  /** The call ends within a head: copies what is needed to go on. */
  #keepUnfinished(bytes: Uint8Array, end: number): void {
    if (this.#requestStart >= 0) {
      const requestLine = this.#requestText(bytes);
      this.#requestStart = -1;
      if (!this.#keepRequestLine(requestLine)) return;
    }
    this.#keepPiece(bytes, this.#lineStart, end);
  }

  #keepPiece(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#kept.keepPiece(bytes, start, end)) return true;
    this.#report.end('memory');
    return false;
  }

  #keepRequestLine(text: string): boolean {
    if (this.#kept.keepRequestLine(text)) return true;
    this.#report.end('memory');
    return false;
  }
}
