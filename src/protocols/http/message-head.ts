/** How the body of an HTTP/1 message ends (RFC 9112 §6.3), as its head says. */
export const BodyKind = {
  /** The head goes on behind the bytes that are there, or cannot be read. */
  unknown: 0,
  none: 1,
  /** After `bodyBytes`. */
  length: 2,
  chunked: 3,
  /** No length is given: a response ends when the connection does. */
  untilClose: 4,
} as const;

export type BodyKind = (typeof BodyKind)[keyof typeof BodyKind];

/** What the head of a message says of its body; one object is filled again and again. */
export class MessageHead {
  /** Status of a response, 0 of a request. */
  status = 0;
  kind: BodyKind = BodyKind.unknown;
  bodyBytes = 0;
  /** One past the empty line that ends the head. */
  end = 0;
  /** Method of a request: HEAD, CONNECT. */
  isHead = false;
  isConnect = false;
}

const CR = 0x0d;
const LF = 0x0a;
/** Larger bodies cannot be told apart by sequence numbers. */
const MOST_BODY_BYTES = 2 ** 31 - 1;
const HTTP_VERSION = [0x48, 0x54, 0x54, 0x50, 0x2f, 0x31, 0x2e]; // HTTP/1.
const CONTENT_LENGTH = 'content-length:';
const TRANSFER_ENCODING = 'transfer-encoding:';
const CHUNKED = 'chunked';

/** Returns whether `bytes[start..end)` begin with the status line of an HTTP/1 response. */
export function isStatusLine(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < 12) return false;
  for (let i = 0; i < HTTP_VERSION.length; i++) if (bytes[start + i] !== HTTP_VERSION[i]) return false;
  return bytes[start + 8] === 0x20;
}

/**
 * Reads the head of a message in `bytes[start..end)` into `head`: where it ends and how its body ends. A head that is
 * not there to its last byte leaves `kind` unknown. Of a request without a length there is no body (RFC 9112 §6.3).
 */
export function readMessageHead(
  bytes: Uint8Array,
  start: number,
  end: number,
  isResponse: boolean,
  head: MessageHead,
): void {
  head.kind = BodyKind.unknown;
  head.status = isResponse ? statusOf(bytes, start) : 0;
  head.isHead = !isResponse && startsWith(bytes, start, end, 'head ');
  head.isConnect = !isResponse && startsWith(bytes, start, end, 'connect ');
  let length = -1;
  let isChunked = false;
  let line = start;
  for (;;) {
    let at = line;
    while (at < end && bytes[at] !== LF) at++;
    if (at >= end) return; // the head goes on
    const isEmpty = at === line || (at === line + 1 && bytes[line] === CR);
    if (isEmpty) {
      head.end = at + 1;
      break;
    }
    const first = bytes[line] | 0x20;
    if (first === 0x63 && startsWith(bytes, line, at, CONTENT_LENGTH)) {
      length = decimal(bytes, line + CONTENT_LENGTH.length, at);
      if (length < 0 || length > MOST_BODY_BYTES) return;
    } else if (first === 0x74 && startsWith(bytes, line, at, TRANSFER_ENCODING)) {
      isChunked = endsWithChunked(bytes, line + TRANSFER_ENCODING.length, at);
    }
    line = at + 1;
  }
  head.bodyBytes = 0;
  if (isResponse && (head.status < 200 || head.status === 204 || head.status === 304)) {
    head.kind = BodyKind.none;
  } else if (isChunked) {
    head.kind = BodyKind.chunked;
  } else if (length >= 0) {
    head.kind = BodyKind.length;
    head.bodyBytes = length;
  } else {
    head.kind = isResponse ? BodyKind.untilClose : BodyKind.none;
  }
}

function statusOf(bytes: Uint8Array, start: number): number {
  return (bytes[start + 9] - 0x30) * 100 + (bytes[start + 10] - 0x30) * 10 + (bytes[start + 11] - 0x30);
}

/** Whether the bytes begin with `text`, which is in lower case, in any case. */
function startsWith(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start < text.length) return false;
  for (let i = 0; i < text.length; i++) {
    const byte = bytes[start + i];
    const lower = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
    if (lower !== text.charCodeAt(i)) return false;
  }
  return true;
}

/** The number between white space; -1 for anything else. */
function decimal(bytes: Uint8Array, start: number, end: number): number {
  let value = -1;
  for (let at = start; at < end; at++) {
    const byte = bytes[at];
    if (byte === 0x20 || byte === 0x09 || byte === CR) {
      continue;
    }
    if (byte < 0x30 || byte > 0x39) return -1;
    value = (value < 0 ? 0 : value) * 10 + (byte - 0x30);
    if (value > MOST_BODY_BYTES) return MOST_BODY_BYTES + 1;
  }
  return value;
}

/** Whether `chunked` is the last coding of the list (RFC 9112 §6.1). */
function endsWithChunked(bytes: Uint8Array, start: number, end: number): boolean {
  let last = end;
  while (last > start && (bytes[last - 1] === CR || bytes[last - 1] === 0x20 || bytes[last - 1] === 0x09)) last--;
  return last - start >= CHUNKED.length && startsWith(bytes, last - CHUNKED.length, last, CHUNKED);
}
