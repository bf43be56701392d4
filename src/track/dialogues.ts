import { ConnectionType, Side } from '../model/connection.ts';
import type { Packet } from '../model/packet.ts';
import { BodyKind, isStatusLine, MessageHead, readMessageHead } from '../protocols/http/message-head.ts';
import { beginsProxyHeader, readProxyHeader } from '../protocols/proxy-protocol.ts';
import { ContentType, MAX_RECORD_BYTES, RECORD_HEADER_BYTES } from '../protocols/tls/tls-constants.ts';
import type { Answer } from './answer.ts';
import type { ConnectionTable } from './connection-table.ts';
import { FramedAnswers } from './framed-answers.ts';
import {
  ASKED,
  BODILESS,
  CHUNKED,
  CONNECTION_TYPE_SHIFT,
  DIALOGUE,
  FIN_SENT,
  FLAGS,
  FRAMED,
  GOODBYE_BY_INITIATOR,
  HEAD_EXPECTED,
  HIGHEST_STREAM,
  LAST_BYTES,
  MESSAGE_END,
  MESSAGE_KNOWN,
  NEXT_SEQUENCE,
  REQUEST_SINCE,
  SIDE_WORDS,
  STATE,
  TUNNEL_ASKED,
  TUNNELLED,
  UNTIL_CLOSE,
  WORDS_PER_RECORD,
} from './record.ts';
import { RequestPaths } from './request-paths.ts';
import { TrackedConnection } from './tracked-connection.ts';
import type { TrackerListener } from './tracker-listener.ts';

const [SPACE, STAR, SLASH, LETTER_A, LETTER_C, LETTER_G, LETTER_Z, LETTER_H] = [
  0x20, 0x2a, 0x2f, 0x41, 0x43, 0x47, 0x5a, 0x68,
];
/** The longest registered method has 17 letters (IANA, HTTP Method Registry). */
const MOST_METHOD_BYTES = 17;
const HTTP2_PREFACE = new TextEncoder().encode('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
/** RFC 9113 §4.1, §6. */
const FRAME_HEADER_BYTES = 9;
const Frame = { headers: 1, reset: 3, continuation: 9 } as const;
const END_STREAM = 1;
const END_HEADERS = 4;
const PADDED = 8;
const PRIORITY = 0x20;
const PRIORITY_BYTES = 5;
/** A protected record of no more bytes may be an alert: two bytes, a type, and the longest usual tag (RFC 8446 §5.2). */
const MOST_ALERT_BYTES = 24;

/**
 * Follows who owes whom an answer, and whether the message that a side is sending is whole, from no more than the bytes
 * where messages begin: the heads of HTTP/1 and the headers of TLS records say where they end, as a sequence number. A
 * message whose beginning was not captured in one piece, or not in order, is not followed: then nothing is known of it.
 */
export class Dialogues {
  readonly #words: Int32Array;
  readonly #head = new MessageHead();
  readonly #listener: TrackerListener;
  readonly #connection: TrackedConnection;
  readonly #paths = new RequestPaths();
  readonly #framed = new FramedAnswers();
  readonly #answer: { -readonly [Key in keyof Answer]: Answer[Key] };

  constructor(table: ConnectionTable, listener: TrackerListener) {
    this.#words = table.words;
    this.#listener = listener;
    this.#connection = new TrackedConnection(table);
    this.#answer = { status: 0, isGrpc: false, tookUs: -1, path: () => this.#paths.of(this.#connection.slot) };
  }

  /** Takes the first bytes of the initiator, which came in order: HTTP is followed from here on. */
  begin(slot: number, packet: Packet): void {
    const { bytes, payloadStart, payloadCapturedBytes } = packet;
    const end = payloadStart + payloadCapturedBytes;
    const word = slot * WORDS_PER_RECORD;
    if (isHttp2Preface(bytes, payloadStart, end)) {
      this.#words[word + STATE] |= DIALOGUE | FRAMED;
      this.#words[word + FLAGS] |= MESSAGE_KNOWN;
      this.#words[word + MESSAGE_END] = (packet.sequence + HTTP2_PREFACE.length) | 0;
      this.#words[word + LAST_BYTES] = 0;
      this.#words[word + HIGHEST_STREAM] = 0;
      this.#framed.begin(slot);
      return;
    }
    if (beginsProxyHeader(bytes, payloadStart, end)) {
      const header = readProxyHeader(bytes, payloadStart, end);
      if (header === null || header === 'more') return;
      this.#words[word + FLAGS] |= MESSAGE_KNOWN; // the first message follows the header
      this.#words[word + MESSAGE_END] = (packet.sequence + header.lengthBytes) | 0;
    } else if (!isRequest(bytes, payloadStart, end)) {
      return;
    }
    this.#words[word + STATE] |= DIALOGUE;
  }

  /**
   * Takes the payload of a packet whose bytes are new and in order. `isTurn`: the other side sent the last new byte
   * before, or nobody has.
   */
  message(slot: number, side: Side, packet: Packet, isTurn: boolean): void {
    const word = slot * WORDS_PER_RECORD;
    const words = this.#words;
    if ((words[word + FLAGS] & TUNNELLED) !== 0) return;
    if ((words[word + STATE] & FRAMED) !== 0) {
      this.#frames(slot, side, packet, isTurn);
      return;
    }
    if (((words[word + STATE] >>> CONNECTION_TYPE_SHIFT) & 3) === ConnectionType.tls) {
      this.#records(word, side, packet, isTurn);
    } else if (side === Side.initiator) {
      this.#request(slot, packet, isTurn);
    } else {
      this.#response(slot, packet, isTurn);
    }
  }

  /** Bytes of a side came out of order, or never: where its messages begin is not known. */
  lost(slot: number, side: Side): void {
    if ((this.#words[slot * WORDS_PER_RECORD + STATE] & FRAMED) !== 0) this.#framed.missed(slot);
    this.#words[slot * WORDS_PER_RECORD + FLAGS] &= ~((MESSAGE_KNOWN << side) | CHUNKED | UNTIL_CLOSE | HEAD_EXPECTED);
  }

  #request(slot: number, packet: Packet, isTurn: boolean): void {
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    const isKnown = (words[word + FLAGS] & MESSAGE_KNOWN) !== 0;
    const body = isKnown ? (words[word + MESSAGE_END] - packet.sequence) | 0 : 0;
    if (isKnown ? body >= packet.payloadLengthBytes : !isTurn) return;
    const { bytes, payloadStart, payloadCapturedBytes } = packet;
    const start = payloadStart + Math.max(0, body);
    const end = payloadStart + payloadCapturedBytes;
    words[word + FLAGS] &= ~(MESSAGE_KNOWN | BODILESS);
    if (start >= end) return;
    if (!isKnown && (words[word + FLAGS] & HEAD_EXPECTED) !== 0) return; // the body that it had leave to send
    if (!isRequest(bytes, start, end)) {
      words[word + FLAGS] = (words[word + FLAGS] & ~ASKED) | TUNNELLED; // what follows is no HTTP/1
      return;
    }
    if ((words[word + FLAGS] & ASKED) === 0) words[word + REQUEST_SINCE] = packet.timeUs | 1;
    words[word + FLAGS] |= ASKED;
    this.#paths.keep(slot, bytes, targetOf(bytes, start, end), end);
    if (bytes[start] === LETTER_G) return; // GET: its head, and no body
    const head = this.#head;
    readMessageHead(bytes, start, end, false, head);
    words[word + FLAGS] |= (head.isHead ? BODILESS : 0) | (head.isConnect ? TUNNEL_ASKED : 0);
    if (head.kind !== BodyKind.none && head.kind !== BodyKind.length) return;
    words[word + FLAGS] |= MESSAGE_KNOWN;
    words[word + MESSAGE_END] = (packet.sequence + (head.end - payloadStart) + head.bodyBytes) | 0;
  }

  #response(slot: number, packet: Packet, isTurn: boolean): void {
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    const { bytes, payloadStart, payloadCapturedBytes, payloadLengthBytes, sequence } = packet;
    const end = payloadStart + payloadCapturedBytes;
    const flags = words[word + FLAGS];
    const isKnown = (flags & (MESSAGE_KNOWN << 1)) !== 0;
    const body = isKnown ? (words[word + MESSAGE_END + 1] - sequence) | 0 : 0;
    if (isKnown ? body >= payloadLengthBytes : !isTurn && (flags & HEAD_EXPECTED) === 0) {
      if ((flags & CHUNKED) !== 0) this.#noteLastBytes(word, packet);
      return;
    }
    let start = payloadStart + Math.max(0, body);
    words[word + FLAGS] &= ~((MESSAGE_KNOWN << 1) | CHUNKED | UNTIL_CLOSE | HEAD_EXPECTED);
    const head = this.#head;
    while (start < end) {
      if (!isStatusLine(bytes, start, end)) {
        if (end - start >= 12) words[word + FLAGS] = (words[word + FLAGS] & ~ASKED) | TUNNELLED;
        words[word + FLAGS] &= ~ASKED;
        return;
      }
      readMessageHead(bytes, start, end, true, head);
      if (head.status === 101 || (head.status < 300 && (flags & TUNNEL_ASKED) !== 0)) {
        words[word + FLAGS] = (words[word + FLAGS] & ~ASKED) | TUNNELLED;
        return;
      }
      if (head.status >= 200) break;
      if (head.kind === BodyKind.unknown) return;
      words[word + FLAGS] |= HEAD_EXPECTED; // an interim response: the final one follows (RFC 9110 §15.2)
      start = head.end;
    }
    if (start >= end) return;
    words[word + FLAGS] &= ~(ASKED | HEAD_EXPECTED);
    this.#answered(slot, head.status, packet.timeUs);
    const bodiless = (words[word + FLAGS] & BODILESS) !== 0;
    if (head.kind === BodyKind.unknown) return;
    if (head.kind === BodyKind.none || head.kind === BodyKind.length || bodiless) {
      const bodyBytes = bodiless ? 0 : head.bodyBytes;
      words[word + FLAGS] |= MESSAGE_KNOWN << 1;
      words[word + MESSAGE_END + 1] = (sequence + (head.end - payloadStart) + bodyBytes) | 0;
    } else if (head.kind === BodyKind.chunked) {
      words[word + FLAGS] |= CHUNKED;
      words[word + LAST_BYTES] = 0;
      this.#noteLastBytes(word, packet);
    } else {
      words[word + FLAGS] |= UNTIL_CLOSE;
    }
  }

  /** The head of an answer came: its status, and how long it took. */
  #answered(slot: number, status: number, timeUs: number): void {
    const word = slot * WORDS_PER_RECORD;
    const since = this.#words[word + REQUEST_SINCE];
    this.#words[word + REQUEST_SINCE] = 0;
    this.#answer.status = status;
    this.#answer.tookUs = since === 0 ? -1 : Math.max(0, ((timeUs | 1) - since) | 0);
    this.#listener.answered(this.#connection.at(slot), this.#answer, timeUs);
    this.#paths.forget(slot);
  }

  /** Keeps the last four bytes of a body in chunks: an empty line ends it (RFC 9112 §7.1). */
  #noteLastBytes(word: number, packet: Packet): void {
    const { bytes, payloadStart, payloadCapturedBytes, payloadLengthBytes } = packet;
    if (payloadCapturedBytes < payloadLengthBytes) {
      this.#words[word + FLAGS] &= ~CHUNKED; // cut by the capture
      return;
    }
    const end = payloadStart + payloadCapturedBytes;
    let last = this.#words[word + LAST_BYTES];
    for (let at = Math.max(payloadStart, end - 4); at < end; at++) last = (last << 8) | bytes[at];
    this.#words[word + LAST_BYTES] = last;
  }

  /** Walks the frames of HTTP/2 (RFC 9113 §4.1), and counts the requests that have no whole answer. */
  #frames(slot: number, side: Side, packet: Packet, isTurn: boolean): void {
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    const known = MESSAGE_KNOWN << side;
    const isKnown = (words[word + FLAGS] & known) !== 0;
    const { bytes, payloadStart, payloadCapturedBytes, payloadLengthBytes, sequence } = packet;
    let at = isKnown ? (words[word + MESSAGE_END + side] - sequence) | 0 : 0;
    if (isKnown ? at >= payloadLengthBytes : !isTurn) return;
    if (at < 0) at = 0;
    words[word + FLAGS] &= ~known;
    while (at < payloadLengthBytes) {
      if (at + FRAME_HEADER_BYTES > payloadCapturedBytes) {
        this.#framed.missed(slot);
        words[word + FLAGS] = (words[word + FLAGS] & ~ASKED) | TUNNELLED; // frames are missed from here on
        return;
      }
      const header = payloadStart + at;
      const length = (bytes[header] << 16) | (bytes[header + 1] << 8) | bytes[header + 2];
      const stream = ((bytes[header + 5] & 0x7f) << 24) | (bytes[header + 6] << 16) | (bytes[header + 7] << 8);
      const type = bytes[header + 3];
      if (type === Frame.headers) this.#headers(slot, side, packet, at, length, stream | bytes[header + 8]);
      else if (type === Frame.continuation && side === Side.responder) this.#framed.missed(slot);
      this.#frame(word, side, type, bytes[header + 4], stream | bytes[header + 8]);
      at += FRAME_HEADER_BYTES + length;
    }
    words[word + FLAGS] |= known;
    words[word + MESSAGE_END + side] = (sequence + at) | 0;
  }

  /** The header block of a request or an answer, whose frame begins `at` bytes into the payload. */
  #headers(slot: number, side: Side, packet: Packet, at: number, length: number, stream: number): void {
    const { bytes, payloadStart, payloadCapturedBytes, timeUs } = packet;
    if (side === Side.initiator) {
      if (stream > this.#words[slot * WORDS_PER_RECORD + HIGHEST_STREAM]) this.#framed.asked(slot, stream, timeUs);
      return;
    }
    const flags = bytes[payloadStart + at + 4];
    if (at + FRAME_HEADER_BYTES + length > payloadCapturedBytes || (flags & END_HEADERS) === 0) {
      this.#framed.missed(slot); // its end comes later, or was cut
      return;
    }
    let start = payloadStart + at + FRAME_HEADER_BYTES;
    let end = start + length;
    if ((flags & PADDED) !== 0) end -= bytes[start++];
    if ((flags & PRIORITY) !== 0) start += PRIORITY_BYTES;
    if (start > end) return;
    const told = this.#framed.answer(slot, stream, bytes, start, end);
    if (told === null) return;
    const answer = this.#answer;
    if (told.status >= 200) {
      answer.status = told.status;
      answer.tookUs = Number.isNaN(told.sinceUs) ? -1 : Math.max(0, timeUs - told.sinceUs);
      this.#listener.answered(this.#connection.at(slot), answer, timeUs);
    }
    if (told.grpcStatus < 0) return;
    answer.status = told.grpcStatus;
    answer.isGrpc = true;
    answer.tookUs = -1;
    this.#listener.answered(this.#connection.at(slot), answer, timeUs);
    answer.isGrpc = false;
  }

  #frame(word: number, side: Side, type: number, flags: number, stream: number): void {
    const words = this.#words;
    if (side === Side.initiator && type === Frame.headers && stream > words[word + HIGHEST_STREAM]) {
      words[word + HIGHEST_STREAM] = stream;
      words[word + LAST_BYTES]++;
    } else {
      const isAnswered = side === Side.responder && type <= Frame.headers && (flags & END_STREAM) !== 0;
      if (!isAnswered && type !== Frame.reset) return;
      words[word + LAST_BYTES] = Math.max(0, words[word + LAST_BYTES] - 1);
    }
    if (words[word + LAST_BYTES] > 0) words[word + FLAGS] |= ASKED;
    else words[word + FLAGS] &= ~ASKED;
  }

  /** Walks the records of TLS from header to header. */
  #records(word: number, side: Side, packet: Packet, isTurn: boolean): void {
    const words = this.#words;
    const known = MESSAGE_KNOWN << side;
    const isKnown = (words[word + FLAGS] & known) !== 0;
    const { bytes, payloadStart, payloadCapturedBytes, payloadLengthBytes, sequence } = packet;
    let at = isKnown ? (words[word + MESSAGE_END + side] - sequence) | 0 : 0; // from the payload's first byte on
    if (isKnown ? at >= payloadLengthBytes : !isTurn) return;
    if (at < 0) at = 0;
    words[word + FLAGS] &= ~known;
    while (at < payloadLengthBytes) {
      if (at + RECORD_HEADER_BYTES > payloadCapturedBytes) return; // its header comes in pieces, or was cut
      const header = payloadStart + at;
      const type = bytes[header];
      const length = (bytes[header + 3] << 8) | bytes[header + 4];
      if (type < ContentType.changeCipherSpec || type > ContentType.heartbeat) return;
      if (bytes[header + 1] !== 3 || length > MAX_RECORD_BYTES) return;
      if (type === ContentType.alert && side === Side.initiator) words[word + FLAGS] |= GOODBYE_BY_INITIATOR;
      if (type === ContentType.applicationData) {
        if (side === Side.responder) words[word + FLAGS] &= ~ASKED;
        else if (length > MOST_ALERT_BYTES) words[word + FLAGS] |= ASKED;
      }
      at += RECORD_HEADER_BYTES + length;
    }
    words[word + FLAGS] |= known;
    words[word + MESSAGE_END + side] = (sequence + at) | 0;
  }
}

/**
 * Whether the bytes begin with a request line as clients write it: a method in capitals, and a target that is a path, a
 * URL, `*`, or behind CONNECT a host. Text of another protocol may be let pass by what HTTP allows, and by less of it.
 */
function isRequest(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end && bytes[at] >= LETTER_A && bytes[at] <= LETTER_Z) at++;
  if (at - start < 3 || at - start > MOST_METHOD_BYTES || at + 1 >= end || bytes[at] !== SPACE) return false;
  const target = bytes[at + 1];
  return target === SLASH || target === STAR || target === LETTER_H || bytes[start] === LETTER_C;
}

/** Where the target of a request stands, whose first word is the method. */
function targetOf(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== SPACE) at++;
  return at + 1;
}

/** Whether the bytes begin with the connection preface of HTTP/2 (RFC 9113 §3.4). */
function isHttp2Preface(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < HTTP2_PREFACE.length || bytes[start] !== HTTP2_PREFACE[0]) return false;
  return HTTP2_PREFACE.every((byte, i) => bytes[start + i] === byte);
}

/** Whether the responder's last message came to its end, as far as it is known where that is. */
export function isAnswerWhole(words: Int32Array, word: number): boolean {
  const flags = words[word + FLAGS];
  if ((flags & TUNNELLED) !== 0 || (flags & (CHUNKED | (MESSAGE_KNOWN << 1))) === 0) return false;
  return !isMessageOpen(words, word, Side.responder);
}

/** Whether a side stopped in the middle of a message, as far as its end is known. */
export function isMessageOpen(words: Int32Array, word: number, side: Side): boolean {
  const flags = words[word + FLAGS];
  if ((flags & TUNNELLED) !== 0) return false;
  if ((words[word + STATE] & FRAMED) !== 0) return side === Side.responder && words[word + LAST_BYTES] > 0;
  if (side === Side.responder && (flags & CHUNKED) !== 0) return words[word + LAST_BYTES] !== 0x0d0a0d0a;
  if ((flags & (MESSAGE_KNOWN << side)) === 0) return false;
  return ((words[word + MESSAGE_END + side] - sentUpTo(words, word, side)) | 0) > 0;
}

/** Returns the sequence number after the last byte of a side's stream. */
export function sentUpTo(words: Int32Array, word: number, side: Side): number {
  const fin = (words[word + STATE] & (FIN_SENT << side)) !== 0 ? 1 : 0;
  return (words[word + NEXT_SEQUENCE + SIDE_WORDS * side] - fin) | 0;
}
