import { HpackDecoder, MAX_BLOCK_BYTES } from './hpack-decoder.ts';
import { type HttpMatches, MAX_LOST_SEGMENTS } from './http-matches.ts';
import {
  FRAME_HEADER_BYTES,
  FrameFlag,
  FrameType,
  isPlausibleFrame,
  looksLikeFrame,
  looksLikeHttp2Headers,
} from './http2-frames.ts';
import { TextBit } from './text-matcher.ts';

/** What follows the first line of the preface (RFC 9113 §3.4). */
const PREFACE_REST = [...'\r\nSM\r\n\r\n'].map((letter) => letter.charCodeAt(0));
const FIRST_BUFFER_BYTES = 1024;
const PRIORITY_BYTES = 5;

/**
 * Reads what the client of an HTTP/2 connection sends (RFC 9113): header blocks are decoded and searched, everything
 * else is passed over by its length. A block that comes in pieces is kept until it is whole, 64 KB of it at most.
 *
 * The server's SETTINGS need not be read: a client that uses another table size says so in the block (RFC 7541 §4.2).
 */
export class Http2Reader {
  /** What was taken for HTTP/2 in the middle of a connection is something else. */
  isWrong = false;
  readonly #report: HttpMatches;
  readonly #decoder: HpackDecoder;
  #prefaceBytes: number; // of PREFACE_REST that came
  #isCertain: boolean; // the preface or a request was seen
  #isLost: boolean; // a frame has to be found where a segment begins
  #lostSegments = 0;
  #headerCount = 0; // bytes of the frame header that came
  #length = 0;
  #type = 0;
  #flags = 0;
  #stream = 0;
  #payloadLeft = 0;
  #blockStream = 0; // whose block is unfinished, 0: nobody's
  #isBlockTooLong = false;
  #buffer: Uint8Array | null = null; // an unfinished block and the current frame of it
  #buffered = 0;
  #frameStart = 0; // of the current frame in the buffer

  /** `midstream`: a frame begins with the next bytes; else the rest of the preface. */
  constructor(report: HttpMatches, midstream: boolean) {
    this.#report = report;
    this.#decoder = new HpackDecoder(report.search);
    this.#prefaceBytes = midstream ? PREFACE_REST.length : 0;
    this.#isCertain = false;
    this.#isLost = false;
    if (midstream) this.#decoder.forget();
  }

  data(bytes: Uint8Array, start: number, end: number, timeUs: number): void {
    if (this.#isLost && !this.#findAgain(bytes, start, end)) return;
    let at = start;
    while (at < end && !this.isWrong && !this.#isLost && !this.#report.finished) {
      if (this.#payloadLeft > 0) {
        const length = Math.min(end - at, this.#payloadLeft);
        this.#payloadLeft -= length;
        if (this.#isBlockFrame()) this.#takePayload(bytes, at, at + length, timeUs);
        at += length;
      } else if (this.#prefaceBytes < PREFACE_REST.length) {
        this.#takePreface(bytes[at++]);
      } else {
        this.#takeHeader(bytes[at++]);
        if (this.#headerCount === FRAME_HEADER_BYTES) this.#startFrame(bytes, at, timeUs);
      }
    }
  }

  gap(lengthBytes: number): void {
    if (lengthBytes <= this.#payloadLeft && !this.#isBlockFrame()) this.#payloadLeft -= lengthBytes;
    else this.#lose();
  }

  /** Gives all memory back. */
  release(): void {
    this.#freeBuffer();
    this.#decoder.release();
  }

  #takePreface(byte: number): void {
    if (byte !== PREFACE_REST[this.#prefaceBytes++]) {
      this.isWrong = true;
    } else if (this.#prefaceBytes === PREFACE_REST.length) {
      this.#isCertain = true;
      this.#report.isHttp = true;
    }
  }

  #takeHeader(byte: number): void {
    const at = this.#headerCount++;
    if (at < 3) this.#length = at === 0 ? byte : (this.#length << 8) | byte;
    else if (at === 3) this.#type = byte;
    else if (at === 4) this.#flags = byte;
    else this.#stream = at === 5 ? byte & 0x7f : (this.#stream << 8) | byte;
  }

  /** True when the payload of the current frame belongs to a header block that is wanted. */
  #isBlockFrame(): boolean {
    const isBlock = this.#type === FrameType.headers || this.#type === FrameType.continuation;
    return isBlock && this.#blockStream !== 0;
  }

  #startFrame(bytes: Uint8Array, at: number, timeUs: number): void {
    this.#headerCount = 0;
    this.#payloadLeft = this.#length;
    const isGuess = this.#decoder.isIncomplete;
    if (isGuess && !isPlausibleFrame(this.#length, this.#type, this.#flags, this.#stream)) {
      this.#lose();
      return;
    }
    const continues = this.#type === FrameType.continuation && this.#stream === this.#blockStream;
    if (this.#blockStream !== 0 && !continues) {
      // Nothing may come between the frames of a block (RFC 9113 §6.10).
      this.#giveUp();
    } else if (this.#type === FrameType.pushPromise) {
      this.#decoder.forget(); // no client sends one; its block is passed over
    } else if (this.#type === FrameType.headers && this.#stream !== 0) {
      this.#blockStream = this.#stream;
      this.#isBlockTooLong = false;
      this.#buffered = 0;
      this.#startBlockFrame(bytes, at, timeUs);
    } else if (continues && this.#stream !== 0) {
      this.#startBlockFrame(bytes, at, timeUs);
    }
  }

  #startBlockFrame(bytes: Uint8Array, at: number, timeUs: number): void {
    this.#frameStart = this.#buffered;
    if (this.#buffered + this.#length > MAX_BLOCK_BYTES) {
      this.#isBlockTooLong = true;
      this.#freeBuffer();
    }
    if (this.#length === 0) this.#endBlockFrame(bytes, at, at, timeUs);
  }

  /** Takes a piece of a frame that carries a header block; `payloadLeft` bytes of the frame are still to come. */
  #takePayload(bytes: Uint8Array, start: number, end: number, timeUs: number): void {
    const isWhole = this.#payloadLeft === 0;
    if (isWhole && this.#buffered === 0) {
      this.#endBlockFrame(bytes, start, end, timeUs);
      return;
    }
    if (!this.#isBlockTooLong && !this.#keep(bytes, start, end)) return;
    if (isWhole) this.#endBlockFrame(this.#buffer ?? bytes, this.#frameStart, this.#buffered, timeUs);
  }

  /** A frame's payload is whole at `bytes[start..end)`, which is the buffer's end when a part of the block was kept. */
  #endBlockFrame(bytes: Uint8Array, start: number, end: number, timeUs: number): void {
    const isLast = (this.#flags & FrameFlag.endHeaders) !== 0;
    if (this.#isBlockTooLong) {
      if (isLast) {
        this.#blockStream = 0;
        this.#decoder.forget();
      }
      return;
    }
    if (this.#type === FrameType.headers) {
      // Padding and priority stand around the block (RFC 9113 §6.2).
      if ((this.#flags & FrameFlag.padded) !== 0 && end > start) {
        end -= bytes[start];
        start++;
      }
      if ((this.#flags & FrameFlag.priority) !== 0) start += PRIORITY_BYTES;
      if (start > end) {
        this.#giveUp();
        return;
      }
    }
    if (!isLast) {
      this.#keepFragment(bytes, start, end);
      return;
    }
    const isContinued = this.#type === FrameType.continuation && this.#buffered > 0;
    this.#blockStream = 0;
    if (isContinued && this.#buffer !== null) this.#decode(this.#buffer, 0, this.#buffered, timeUs);
    else this.#decode(bytes, start, end, timeUs);
    this.#freeBuffer();
  }

  /** Keeps what a frame adds to its block, without padding and priority. */
  #keepFragment(bytes: Uint8Array, start: number, end: number): void {
    if (bytes !== this.#buffer) {
      this.#keep(bytes, start, end);
      return;
    }
    bytes.copyWithin(this.#frameStart, start, end);
    this.#buffered = this.#frameStart + end - start;
  }

  #decode(bytes: Uint8Array, start: number, end: number, timeUs: number): void {
    const decoder = this.#decoder;
    const verdict = decoder.decode(bytes, start, end);
    if (verdict === 'malformed') {
      this.#giveUp();
    } else if (verdict !== 'complete') {
      this.#report.end(verdict);
    } else if (decoder.isRequest) {
      this.#isCertain = true;
      this.#lostSegments = 0;
      if (!this.#report.isToldHttp) this.#report.http(decoder.requestLine(), 2);
      if (decoder.found === 0) return;
      const requestLine = decoder.requestLine();
      if ((decoder.found & TextBit.avoid) !== 0) {
        this.#report.match(TextBit.avoid, requestLine, decoder.avoidLine, timeUs);
      } else {
        this.#report.match(TextBit.search, requestLine, decoder.searchLine, timeUs);
      }
    }
  }

  /** Copies bytes behind what is kept; false when there is no memory for them. */
  #keep(bytes: Uint8Array, start: number, end: number): boolean {
    const needed = this.#buffered + end - start;
    const size = this.#buffer?.length ?? 0;
    if (needed > size) {
      const grown = Math.max(FIRST_BUFFER_BYTES, needed, Math.min(size * 2, MAX_BLOCK_BYTES));
      if (!this.#report.search.budget.take(grown - size)) {
        this.#report.end('memory');
        return false;
      }
      const buffer = new Uint8Array(grown);
      if (this.#buffer !== null) buffer.set(this.#buffer);
      this.#buffer = buffer;
    }
    this.#buffer?.set(bytes.subarray(start, end), this.#buffered);
    this.#buffered = needed;
    return true;
  }

  #freeBuffer(): void {
    if (this.#buffer !== null) this.#report.search.budget.give(this.#buffer.length);
    this.#buffer = null;
    this.#buffered = 0;
    this.#frameStart = 0;
  }

  /** The client breaks the rules: its server ends the connection. Or it is no HTTP/2, or frames were found wrongly. */
  #giveUp(): void {
    if (this.#decoder.isIncomplete) this.#lose();
    else this.#report.end('lost');
  }

  #lose(): void {
    this.#freeBuffer();
    this.#decoder.forget();
    this.#blockStream = 0;
    this.#payloadLeft = 0;
    this.#headerCount = 0;
    if (this.#isCertain) this.#isLost = true;
    else this.isWrong = true;
  }

  /** Whether frames begin with this segment. */
  #findAgain(bytes: Uint8Array, start: number, end: number): boolean {
    const isFrame =
      looksLikeHttp2Headers(bytes, start, end) ||
      (end - start >= FRAME_HEADER_BYTES &&
        looksLikeFrame(bytes, start) &&
        bytes[start + 3] !== FrameType.continuation);
    if (isFrame) {
      this.#isLost = false;
      this.#prefaceBytes = PREFACE_REST.length;
    } else if (++this.#lostSegments > MAX_LOST_SEGMENTS) {
      this.#report.end('lost');
    }
    return isFrame;
  }
}
