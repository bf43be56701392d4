import { type ConnectionType, ConnectionType as ConnectionTypes, Side } from '../../model/connection.ts';
import { beginPreamble } from './begin-preamble.ts';
import { readSsl2ClientHello } from './hello.ts';
import { looksLikeRecord } from './record-reader.ts';
import { ContentType, HandshakeType, RECORD_HEADER_BYTES } from './tls-constants.ts';
import type { TlsContext } from './tls-context.ts';
import { TlsHandshake } from './tls-handshake.ts';
import { PreambleResult, type TlsPreamble } from './tls-preamble.ts';
import type { TlsSession } from './tls-session.ts';
import type { TlsSignal } from './tls-signal.ts';

/** How far the reading of a connection is. */
const TlsPhase = {
  /** No byte was seen, or too few to tell. */
  detecting: 0,
  /** Plain text that may lead to TLS. */
  preamble: 1,
  /** The client began with plain text; only an alert of a TLS server is waited for. */
  plainClient: 2,
  /** TLS: the handshake is under way. */
  reading: 3,
  /** TLS, and nothing more is to be learned: bytes need no longer be fed. */
  done: 4,
  /** Not TLS: bytes need no longer be fed. */
  notTls: 5,
} as const;

type TlsPhase = (typeof TlsPhase)[keyof typeof TlsPhase];

const NO_SIGNALS: readonly TlsSignal[] = [];

/**
 * Reads TLS on one connection (SSL 3.0 to TLS 1.3) from the in-order bytes of both sides, as they come. It says early
 * when there is no TLS, and again when there is nothing more to read, and it keeps no reference to what it was fed.
 */
export class TlsReader {
  readonly #context: TlsContext;
  #phase: TlsPhase = TlsPhase.detecting;
  #handshake: TlsHandshake | null = null;
  #preamble: TlsPreamble | null = null;
  #signals: TlsSignal[] = [];
  #missedStart = false;
  /** Sides whose first bytes may have been missed. */
  readonly #missed: [boolean, boolean] = [false, false];
  /** The server declined to speak TLS. */
  declined = false;

  constructor(context: TlsContext) {
    this.#context = context;
  }

  get phase(): TlsPhase {
    return this.#phase;
  }

  /** False when bytes need no longer be fed. */
  get wantsBytes(): boolean {
    return this.#phase < TlsPhase.done;
  }

  /** True when TLS was spoken, or at least begun. */
  get isTls(): boolean {
    return this.#phase === TlsPhase.done || (this.#phase === TlsPhase.reading && this.#handshake?.tentative === false);
  }

  /** What the connection carries, as far as this reader knows. */
  get connectionType(): ConnectionType {
    return this.isTls ? ConnectionTypes.tls : ConnectionTypes.unknown;
  }

  /** What was read of the session; null when there is none. */
  get session(): TlsSession | null {
    return this.#handshake?.session ?? null;
  }

  /** Time of the packet that completed the handshake (latency3 counts to here); `NaN` when it is not complete. */
  get finishedUs(): number {
    return this.#handshake?.session.finishedUs ?? Number.NaN;
  }

  /** Who sent a fatal alert (endType 1); -1 when nobody did. */
  get fatalAlertBy(): Side | -1 {
    return this.#handshake?.fatalAlertBy ?? -1;
  }

  /** Who said goodbye by an alert that is encrypted; -1 when nobody did. */
  get goodbyeBy(): Side | -1 {
    return this.#handshake?.goodbyeBy ?? -1;
  }

  /** What there is to say since the last call; usually nothing. */
  takeSignals(): readonly TlsSignal[] {
    if (this.#signals.length === 0) return NO_SIGNALS;
    return this.#signals.splice(0);
  }

  /** The next bytes of a side, `bytes[start..end)`, in order. Valid during the call only. */
  data(side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): void {
    if (start >= end) return;
    switch (this.#phase) {
      case TlsPhase.reading:
        this.#read(side, bytes, start, end, timeUs);
        return;
      case TlsPhase.detecting:
        this.#detect(side, bytes, start, end, timeUs);
        return;
      case TlsPhase.preamble:
        this.#readPreamble(side, bytes, start, end, timeUs);
        return;
      case TlsPhase.plainClient:
        if (side === Side.responder) this.#answerToPlainText(bytes, start, end, timeUs);
        return;
      default:
    }
  }

  /** Nobody knows whether the first bytes of a side that will be fed are those it began with. */
  missedBeginning(side: Side): void {
    this.#missed[side] = true;
    if (side === Side.initiator) this.#missedStart = true;
  }

  /** Bytes of a side are known to exist that were not fed, and may be fed late: from here on the order proves nothing. */
  outOfOrder(side: Side): void {
    this.#missed[side] = true;
    this.#handshake?.missed(side);
  }

  /** The next `lengthBytes` bytes of a side were not captured. */
  gap(side: Side, lengthBytes: number): void {
    if (this.#phase === TlsPhase.reading) {
      this.#handshake?.gap(side, lengthBytes);
      this.#settle();
    } else if (this.#phase === TlsPhase.detecting) {
      this.missedBeginning(side);
      this.#missedStart = true;
    } else if (this.#phase < TlsPhase.done) {
      this.#end(TlsPhase.notTls);
    }
  }

  /** A side has sent FIN or, with `reset`, RST, behind the bytes that were fed. */
  closed(side: Side, reset: boolean, timeUs: number): void {
    if (this.#phase === TlsPhase.reading) {
      this.#handshake?.closed(side, reset, timeUs);
      this.#settle();
    } else if (this.#phase < TlsPhase.done && reset) {
      this.#end(TlsPhase.notTls);
    }
  }

  /** Nothing more will be fed: gives back what is held of messages that are not whole. */
  release(): void {
    this.#handshake?.release();
  }

  #detect(side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): void {
    const first = bytes[start] as number;
    if (first >= ContentType.changeCipherSpec && first <= ContentType.applicationData) {
      this.#beginRecords(side, bytes, start, end, timeUs);
      return;
    }
    if (this.#missedStart) {
      this.#end(TlsPhase.notTls);
      return;
    }
    if (side === Side.initiator && first >= 0x80) {
      const handshake = new TlsHandshake(this.#signals, this.#context, false);
      const hello = readSsl2ClientHello(bytes, start, end, handshake.session);
      if (hello > 0) {
        handshake.startWithSsl2Hello(hello, timeUs);
        this.#start(handshake);
        this.#read(side, bytes, start, end, timeUs);
        return;
      }
    }
    this.#preamble = beginPreamble(side, bytes, start, end);
    if (this.#preamble !== null) {
      this.#phase = TlsPhase.preamble;
      this.#readPreamble(side, bytes, start, end, timeUs);
    } else {
      this.#end(side === Side.initiator && isTextByte(first) ? TlsPhase.plainClient : TlsPhase.notTls);
    }
  }

  /** The first byte may be that of a record. */
  #beginRecords(side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): void {
    const whole = end - start >= RECORD_HEADER_BYTES;
    if (whole && !looksLikeRecord(bytes, start, end)) {
      this.#end(TlsPhase.notTls);
      return;
    }
    const type = bytes[start] as number;
    if (type === ContentType.applicationData) {
      this.#end(whole ? TlsPhase.done : TlsPhase.notTls); // TLS, and its handshake was before the capture
      return;
    }
    const message = end - start > RECORD_HEADER_BYTES ? bytes[start + RECORD_HEADER_BYTES] : undefined;
    const maybeHello =
      side === Side.initiator &&
      type === ContentType.handshake &&
      (message === undefined || message === HandshakeType.clientHello);
    if (!maybeHello && !whole) {
      this.#end(TlsPhase.notTls);
      return;
    }
    if (maybeHello) this.#missed[Side.initiator] = false; // a ClientHello is a beginning
    const handshake = new TlsHandshake(this.#signals, this.#context, maybeHello);
    // A ClientHello is a beginning, whatever was missed before it.
    if (!maybeHello || (this.#missedStart && message === undefined)) handshake.startAnywhere();
    this.#start(handshake);
    this.#read(side, bytes, start, end, timeUs);
  }

  #readPreamble(side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): void {
    const preamble = this.#preamble;
    if (preamble === null) return;
    // A client may also speak TLS at once to a server that greets in clear: then the server's next words are not TLS.
    const result = isClientHello(side, bytes, start, end) ? start : preamble.feed(side, bytes, start, end);
    if (result === PreambleResult.more) return;
    if (result === PreambleResult.none || result === PreambleResult.declined) {
      this.declined = result === PreambleResult.declined;
      this.#end(TlsPhase.notTls);
      return;
    }
    const handshake = new TlsHandshake(this.#signals, this.#context, true);
    handshake.session.startedFrom = preamble.upgraded ? preamble.name : '';
    this.#start(handshake);
    if (result < end) this.#read(side, bytes, result, end, timeUs);
  }

  #answerToPlainText(bytes: Uint8Array, start: number, end: number, timeUs: number): void {
    if (bytes[start] !== ContentType.alert || !looksLikeRecord(bytes, start, end)) {
      this.#end(TlsPhase.notTls);
      return;
    }
    const handshake = new TlsHandshake(this.#signals, this.#context, false);
    handshake.startAnywhere();
    handshake.plainTextClient = true;
    this.#start(handshake);
    this.#read(Side.responder, bytes, start, end, timeUs);
    this.#end(TlsPhase.done);
  }

  #start(handshake: TlsHandshake): void {
    this.#preamble = null;
    this.#handshake = handshake;
    for (const side of [Side.initiator, Side.responder]) if (this.#missed[side]) handshake.missed(side);
    this.#phase = TlsPhase.reading;
  }

  #read(side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): void {
    this.#handshake?.data(side, bytes, start, end, timeUs);
    this.#settle();
  }

  #settle(): void {
    const handshake = this.#handshake;
    if (handshake?.ended) this.#end(handshake.notTls ? TlsPhase.notTls : TlsPhase.done);
  }

  #end(phase: TlsPhase): void {
    this.#phase = phase;
    this.#preamble = null;
    this.release();
    if (phase === TlsPhase.notTls) this.#handshake = null;
  }
}

function isTextByte(byte: number): boolean {
  return byte >= 0x20 && byte < 0x7f;
}

function isClientHello(side: Side, bytes: Uint8Array, start: number, end: number): boolean {
  return (
    side === Side.initiator &&
    bytes[start] === ContentType.handshake &&
    looksLikeRecord(bytes, start, end) &&
    bytes[start + RECORD_HEADER_BYTES] === HandshakeType.clientHello
  );
}

/**
 * Whether the first bytes of a side may begin TLS, or a dialogue that leads to it: what `TlsReader` would go on reading
 * for more than a server's answer to plain text.
 */
export function mayLeadToTls(side: Side, bytes: Uint8Array, start: number, end: number): boolean {
  const first = bytes[start] as number;
  if (first >= ContentType.changeCipherSpec && first <= ContentType.applicationData) return true;
  if (side === Side.initiator && first >= 0x80) return true; // an SSLv2-compatible ClientHello
  return beginPreamble(side, bytes, start, end) !== null;
}
