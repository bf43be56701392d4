import { lowerCase } from './text-matcher.ts';

const COLON = 0x3a;
const SP = 0x20;
const HTAB = 0x09;
/** Far beyond any real body, and still an exact number. */
const MAX_LENGTH_DIGITS = 15;

function name(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

const CONTENT_LENGTH = name('content-length');
const TRANSFER_ENCODING = name('transfer-encoding');
const UPGRADE = name('upgrade');
const EXPECT = name('expect');

/** How the end of a request's body is found (RFC 9112 §6). */
export const Body = { none: 0, length: 1, chunked: 2, unknown: 3 } as const;

export type Body = (typeof Body)[keyof typeof Body];

/** What the header fields of one request say about what follows its head. */
export class MessageFraming {
  /** Bytes of the body for `Body.length`. */
  lengthBytes = 0;
  /** The client asks for another protocol (RFC 9110 §7.8). */
  upgrade = false;
  /** Among those is HTTP/2 in clear (RFC 7540 §3.2). */
  upgradeToHttp2 = false;
  /** The client may wait for an answer before it sends the body (RFC 9110 §10.1.1). */
  expect = false;
  #hasLength = false;
  #hasCoding = false;
  #isChunked = false;
  #isWrong = false;

  reset(): void {
    this.lengthBytes = 0;
    this.upgrade = false;
    this.upgradeToHttp2 = false;
    this.expect = false;
    this.#hasLength = false;
    this.#hasCoding = false;
    this.#isChunked = false;
    this.#isWrong = false;
  }

  /** Looks at one header line without its line end. Most are told apart by their first letter. */
  field(bytes: Uint8Array, start: number, end: number): void {
    switch (lowerCase(bytes[start])) {
      case CONTENT_LENGTH[0]:
        if (isField(bytes, start, end, CONTENT_LENGTH)) this.#length(bytes, start + CONTENT_LENGTH.length + 1, end);
        break;
      case TRANSFER_ENCODING[0]:
        if (isField(bytes, start, end, TRANSFER_ENCODING)) this.#coding(text(bytes, start + 18, end));
        break;
      case EXPECT[0]:
        if (isField(bytes, start, end, EXPECT)) this.expect = true;
        break;
      case UPGRADE[0]:
        if (isField(bytes, start, end, UPGRADE)) {
          this.upgrade = true;
          const protocols = text(bytes, start + UPGRADE.length + 1, end).split(',');
          if (protocols.some((protocol) => protocol.trim() === 'h2c')) this.upgradeToHttp2 = true;
        }
        break;
    }
  }

  /** What follows the head. A coding wins over a length, as RFC 9112 §6.3 says. */
  body(): Body {
    if (this.#hasCoding) return this.#isChunked ? Body.chunked : Body.unknown;
    if (this.#isWrong) return Body.unknown;
    return this.lengthBytes > 0 ? Body.length : Body.none;
  }

  #length(bytes: Uint8Array, start: number, end: number): void {
    while (start < end && (bytes[start] === SP || bytes[start] === HTAB)) start++;
    while (end > start && (bytes[end - 1] === SP || bytes[end - 1] === HTAB)) end--;
    let length = 0;
    if (start === end || end - start > MAX_LENGTH_DIGITS) this.#isWrong = true;
    for (let i = start; i < end; i++) {
      const digit = bytes[i] - 0x30;
      if (digit < 0 || digit > 9) this.#isWrong = true;
      length = length * 10 + digit;
    }
    if (this.#hasLength && length !== this.lengthBytes) this.#isWrong = true;
    this.#hasLength = true;
    this.lengthBytes = length;
  }

  #coding(codings: string): void {
    this.#hasCoding = true;
    this.#isChunked = /(?:^|,)[ \t]*chunked[ \t]*$/.test(codings);
  }
}

function text(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start)
    .toString('latin1')
    .toLowerCase();
}

function isField(bytes: Uint8Array, start: number, end: number, field: Uint8Array): boolean {
  if (end - start <= field.length || bytes[start + field.length] !== COLON) return false;
  for (let i = 0; i < field.length; i++) if (lowerCase(bytes[start + i]) !== field[i]) return false;
  return true;
}
