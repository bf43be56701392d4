import type { Side } from '../../model/connection.ts';
import type { StreamBudget } from '../stream/stream-budget.ts';

/** A wanted message is put together up to this size; the rest of a longer one is skipped. */
const MAX_MESSAGE_BYTES = 64 * 1024;
/** First buffer for a message that comes in pieces: its length is only claimed. */
const FIRST_BUFFER_BYTES = 4096;
/**
 * First buffers that were used and may be again: memory outside the heap is dear to allocate, and most certificates need
 * one for the time of a segment or two.
 */
const spareBuffers: Uint8Array[] = [];
const MAX_SPARE_BUFFERS = 32;

/** Who reads the handshake messages in clear of both sides. */
export interface HandshakeHandler {
  /** A message header was read; true when its body is wanted. */
  messageStart(side: Side, type: number, lengthBytes: number, timeUs: number): boolean;
  /**
   * A wanted body, `bytes[start..end)`, valid during the call. `whole` is false when its end is missing: not captured,
   * longer than `MAX_MESSAGE_BYTES`, or more than all readers together may hold.
   */
  message(
    side: Side,
    type: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    whole: boolean,
    timeUs: number,
  ): void;
}

/**
 * Puts handshake messages together (RFC 8446 §4, §5.1): several in one record, one over many. A message that lies
 * within one segment is handed on in place.
 */
export class HandshakeReader {
  readonly #handler: HandshakeHandler;
  readonly #side: Side;
  readonly #budget: StreamBudget;
  /** Bytes of the message header read so far; 4 while in a body. */
  #headerHave = 0;
  #type = 0;
  #length = 0;
  /** Body bytes still to come. */
  #remaining = 0;
  #wanted = false;
  #buffer: Uint8Array | null = null;
  #have = 0;

  /** `budget` bounds what the readers of a session hold together; `reset` gives back what this one has. */
  constructor(side: Side, handler: HandshakeHandler, budget: StreamBudget) {
    this.#side = side;
    this.#budget = budget;
    this.#handler = handler;
  }

  feed(bytes: Uint8Array, start: number, end: number, timeUs: number): void {
    let at = start;
    while (at < end) {
      if (this.#headerHave < 4) {
        const byte = bytes[at++] as number;
        if (this.#headerHave === 0) this.#type = byte;
        this.#length = this.#headerHave < 2 ? (this.#headerHave === 0 ? 0 : byte) : (this.#length << 8) | byte;
        if (++this.#headerHave < 4) continue;
        this.#remaining = this.#length;
        this.#have = 0;
        this.#wanted = this.#handler.messageStart(this.#side, this.#type, this.#length, timeUs);
        if (this.#remaining === 0) this.#finish(bytes, at, at, true, timeUs);
        continue;
      }
      const taken = Math.min(this.#remaining, end - at);
      this.#remaining -= taken;
      if (this.#wanted) {
        if (this.#have === 0 && this.#remaining === 0) this.#finish(bytes, at, at + taken, true, timeUs);
        else this.#collect(bytes, at, at + taken, timeUs);
      } else if (this.#remaining === 0) {
        this.#headerHave = 0;
      }
      at += taken;
    }
  }

  /** `lengthBytes` bytes of the handshake stream were not captured. */
  gap(lengthBytes: number, timeUs: number): void {
    if (this.#headerHave < 4 || lengthBytes > this.#remaining) {
      this.reset();
      return;
    }
    this.#remaining -= lengthBytes;
    if (this.#wanted) this.#deliverPart(timeUs);
    if (this.#remaining === 0) this.#headerHave = 0;
  }

  /** Forgets what it was in: the next byte begins a message. */
  reset(): void {
    this.#headerHave = 0;
    if (this.#buffer !== null) this.#giveBuffer(this.#buffer);
    this.#buffer = null;
    this.#wanted = false;
  }

  #collect(bytes: Uint8Array, start: number, end: number, timeUs: number): void {
    const need = this.#have + end - start;
    if (need > MAX_MESSAGE_BYTES) {
      this.#deliverPart(timeUs);
      if (this.#remaining === 0) this.#headerHave = 0;
      return;
    }
    let buffer = this.#buffer;
    if (buffer === null || buffer.length < need) {
      const larger = this.#takeBuffer(Math.max(need, Math.min(this.#length, 2 * need)));
      if (larger === null) {
        this.#deliverPart(timeUs);
        if (this.#remaining === 0) this.#headerHave = 0;
        return;
      }
      if (buffer !== null) {
        larger.set(buffer.subarray(0, this.#have));
        this.#giveBuffer(buffer);
      }
      buffer = larger;
      this.#buffer = buffer;
    }
    buffer.set(bytes.subarray(start, end), this.#have);
    this.#have = need;
    if (this.#remaining === 0) this.#finish(buffer, 0, need, true, timeUs);
  }

  /** Hands on what there is of a message whose next bytes will not be had, and skips the rest of it. */
  #deliverPart(timeUs: number): void {
    this.#wanted = false;
    const buffer = this.#buffer;
    this.#buffer = null;
    if (buffer === null) return;
    this.#handler.message(this.#side, this.#type, buffer, 0, this.#have, false, timeUs);
    this.#giveBuffer(buffer);
  }

  #finish(bytes: Uint8Array, start: number, end: number, whole: boolean, timeUs: number): void {
    this.#headerHave = 0;
    const buffer = this.#buffer;
    this.#buffer = null;
    if (this.#wanted) this.#handler.message(this.#side, this.#type, bytes, start, end, whole, timeUs);
    if (buffer !== null) this.#giveBuffer(buffer);
  }

  #takeBuffer(bytes: number): Uint8Array | null {
    const length = Math.max(bytes, FIRST_BUFFER_BYTES);
    if (!this.#budget.take(length)) return null;
    return (length === FIRST_BUFFER_BYTES ? spareBuffers.pop() : undefined) ?? new Uint8Array(length);
  }

  #giveBuffer(buffer: Uint8Array): void {
    this.#budget.give(buffer.length);
    if (buffer.length === FIRST_BUFFER_BYTES && spareBuffers.length < MAX_SPARE_BUFFERS) spareBuffers.push(buffer);
  }
}
