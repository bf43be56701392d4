import type { Side } from '../../model/connection.ts';
import type { StreamBudget } from '../stream/stream-budget.ts';
import { type HandshakeHandler, HandshakeReader } from './handshake-reader.ts';
import { ContentType, MAX_RECORD_BYTES, RECORD_HEADER_BYTES } from './tls-constants.ts';

/** What is to be done with the body of a record. */
export const RecordBody = { skip: 0, handshake: 1, alert: 2, stop: 3 } as const;

export type RecordBody = (typeof RecordBody)[keyof typeof RecordBody];

/** Who judges the records of both sides. */
export interface RecordHandler extends HandshakeHandler {
  /** A record header was read; `bytes[at..end)` is what follows it in the same piece. `stop` ends the reading for good. */
  recordStart(
    side: Side,
    type: number,
    version: number,
    lengthBytes: number,
    timeUs: number,
    bytes: Uint8Array,
    at: number,
    end: number,
  ): RecordBody;
  /** The record is over: all its bytes have come, or were passed over as not captured. */
  recordEnd(side: Side, type: number, lengthBytes: number, timeUs: number): void;
  /** One alert in clear. False ends the reading for good. */
  alert(side: Side, level: number, description: number, timeUs: number): boolean;
}

/** Cuts the bytes of one side into records (RFC 8446 §5.1) and each into what it carries. */
export class RecordReader {
  readonly #handler: RecordHandler;
  readonly #side: Side;
  readonly #handshake: HandshakeReader;
  #headerHave = 0;
  #type = 0;
  #version = 0;
  #length = 0;
  #remaining = 0;
  #body: RecordBody = RecordBody.skip;
  /** First byte of an alert whose second is still to come, or -1. */
  #alertLevel = -1;
  #timeUs = 0;
  /** Bytes were missed in such a way that nobody knows where the next record begins. */
  lost = false;
  /** Bytes that would have told something were missed at some time. */
  hasGaps = false;

  /** `messageBudget` bounds what is held of handshake messages that come in pieces. */
  constructor(side: Side, handler: RecordHandler, messageBudget: StreamBudget) {
    this.#side = side;
    this.#handler = handler;
    this.#handshake = new HandshakeReader(side, handler, messageBudget);
  }

  /** Nothing more will be read: gives back what is held. */
  release(): void {
    this.#handshake.reset();
  }

  /** Passes over bytes that are not records: an SSLv2-compatible ClientHello. */
  skip(lengthBytes: number): void {
    this.#type = 0;
    this.#body = RecordBody.skip;
    this.#headerHave = RECORD_HEADER_BYTES;
    this.#remaining = lengthBytes;
  }

  feed(bytes: Uint8Array, start: number, end: number, timeUs: number): void {
    let at = start;
    this.#timeUs = timeUs;
    if (this.lost) {
      if (!looksLikeRecord(bytes, start, end)) return;
      this.lost = false;
      this.#headerHave = 0;
      this.#handshake.reset();
    }
    while (at < end) {
      if (this.#headerHave < RECORD_HEADER_BYTES) {
        const byte = bytes[at++] as number;
        switch (this.#headerHave++) {
          case 0:
            this.#type = byte;
            continue;
          case 1:
            this.#version = byte;
            continue;
          case 2:
            this.#version = (this.#version << 8) | byte;
            continue;
          case 3:
            this.#length = byte;
            continue;
          default:
            this.#length = (this.#length << 8) | byte;
        }
        this.#body = this.#handler.recordStart(
          this.#side,
          this.#type,
          this.#version,
          this.#length,
          timeUs,
          bytes,
          at,
          end,
        );
        if (this.#body === RecordBody.stop) return;
        this.#remaining = this.#length;
        if (this.#remaining === 0) this.#end(timeUs);
        continue;
      }
      const taken = Math.min(this.#remaining, end - at);
      if (this.#body === RecordBody.handshake) this.#handshake.feed(bytes, at, at + taken, timeUs);
      else if (this.#body === RecordBody.alert && !this.#alerts(bytes, at, at + taken, timeUs)) return;
      at += taken;
      this.#remaining -= taken;
      if (this.#remaining === 0) this.#end(timeUs);
    }
  }

  /** `lengthBytes` bytes of this side were not captured. */
  gap(lengthBytes: number): void {
    if (this.lost) return;
    const within = this.#headerHave === RECORD_HEADER_BYTES && lengthBytes <= this.#remaining;
    if (!within || this.#body !== RecordBody.skip) this.hasGaps = true; // of a protected record nothing is missed
    this.#alertLevel = -1;
    if (!within) {
      this.lost = true;
      this.#handshake.reset();
      return;
    }
    if (this.#body === RecordBody.handshake) this.#handshake.gap(lengthBytes, this.#timeUs);
    else if (this.#body === RecordBody.alert) this.#body = RecordBody.skip;
    this.#remaining -= lengthBytes;
    if (this.#remaining === 0) this.#end(this.#timeUs);
  }

  #end(timeUs: number): void {
    this.#headerHave = 0;
    this.#handler.recordEnd(this.#side, this.#type, this.#length, timeUs);
  }

  #alerts(bytes: Uint8Array, start: number, end: number, timeUs: number): boolean {
    for (let at = start; at < end; at++) {
      const byte = bytes[at] as number;
      if (this.#alertLevel < 0) {
        this.#alertLevel = byte;
      } else {
        const level = this.#alertLevel;
        this.#alertLevel = -1;
        if (!this.#handler.alert(this.#side, level, byte, timeUs)) return false;
      }
    }
    return true;
  }
}

/** True when the bytes may begin a record: known type, version 3.x, a length that can be. */
export function looksLikeRecord(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < RECORD_HEADER_BYTES) return false;
  const type = bytes[start] as number;
  if (type < ContentType.changeCipherSpec || type > ContentType.heartbeat) return false;
  if (bytes[start + 1] !== 3 || (bytes[start + 2] as number) > 4) return false;
  const length = ((bytes[start + 3] as number) << 8) | (bytes[start + 4] as number);
  return length > 0 && length <= MAX_RECORD_BYTES;
}
