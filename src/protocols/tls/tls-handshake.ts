import { Side } from '../../model/connection.ts';
import { type CertificateCache, readCertificateChain } from './certificate.ts';
import { tls13Lengths } from './cipher-suite.ts';
import { firstText } from './first-text.ts';
import { placeOf } from './handshake-order.ts';
import { ALERT_IN_CLEAR, type AlertFacts, ENCRYPTED_ALERT, HandshakeSignals } from './handshake-signals.ts';
import { HelloResult, readClientHello, readServerHello } from './hello.ts';
import { RecordBody, type RecordHandler, RecordReader } from './record-reader.ts';
import { ContentType, HandshakeType, MAX_CLEAR_RECORD_BYTES, MAX_RECORD_BYTES, TlsVersion } from './tls-constants.ts';
import type { TlsContext } from './tls-context.ts';
import { TlsSession } from './tls-session.ts';
import type { TlsSignal, ViolationKind } from './tls-signal.ts';
import { Ending, Tls13Ending } from './tls13-ending.ts';

/** A ClientHello has at least version, random and the lengths of three lists. */
const MIN_CLIENT_HELLO_BYTES = 38;
/** More would not fit what a client can say; also what makes plain garbage that begins like a record unlikely. */
const MAX_CLIENT_HELLO_BYTES = 128 * 1024;
/** An alert in clear: level and description (RFC 8446 §6). */
const ALERT_BYTES = 2;
const MISSED = 'bytes of the handshake were not captured';

/**
 * Follows the handshake of one connection on which TLS was begun, from the records of both sides to its end: completed,
 * broken off by an alert, or not TLS after all.
 */
export class TlsHandshake implements RecordHandler {
  readonly session = new TlsSession();
  readonly #signals: HandshakeSignals;
  readonly #certificates: CertificateCache;
  readonly #records: readonly [RecordReader, RecordReader];
  /** The first bytes look like TLS, but no ClientHello has come yet. */
  tentative: boolean;
  /** Nothing more is to be learned. */
  ended = false;
  /** It was not TLS: what was tentative is taken back. */
  notTls = false;
  /** Who sent a fatal alert, or -1. */
  fatalAlertBy: Side | -1 = -1;
  /** Who said goodbye by an alert that is encrypted, or -1. */
  goodbyeBy: Side | -1 = -1;
  /** The client's first bytes were text. */
  plainTextClient = false;
  /** Place of each side's last message, see `placeOf`. */
  readonly #place: [number, number] = [0, 0];
  /** Sides whose ChangeCipherSpec was seen up to TLS 1.2: what they send is protected. */
  readonly #protected: [boolean, boolean] = [false, false];
  /** Sides whose Finished was seen up to TLS 1.2. */
  readonly #finished: [boolean, boolean] = [false, false];
  readonly #closed: [boolean, boolean] = [false, false];
  /** Whole records of each side. */
  readonly #recordCounts: [number, number] = [0, 0];
  #ending: Tls13Ending | null = null;

  /** Signals are appended to `signals`. */
  constructor(signals: TlsSignal[], { certificates, messageBudget }: TlsContext, tentative: boolean) {
    this.#signals = new HandshakeSignals(signals, this.session);
    this.#certificates = certificates;
    this.tentative = tentative;
    this.#records = [
      new RecordReader(Side.initiator, this, messageBudget),
      new RecordReader(Side.responder, this, messageBudget),
    ];
  }

  /** Nothing more will be read: gives back what is held. */
  release(): void {
    for (const records of this.#records) records.release();
  }

  /** The beginning was not seen: reading starts at what looks like a record, and nothing is called a violation. */
  startAnywhere(): void {
    for (const records of this.#records) {
      records.lost = true;
      records.hasGaps = true;
    }
  }

  /** Bytes of a side were missed, or come late: nothing is concluded from what is there. */
  missed(side: Side): void {
    this.#records[side].hasGaps = true;
    this.#ending?.missed();
  }

  /** The client began with an SSLv2-compatible hello of so many bytes, which the caller has read into the session. */
  startWithSsl2Hello(lengthBytes: number, timeUs: number): void {
    this.#records[0].skip(lengthBytes);
    this.#place[0] = placeOf(Side.initiator, HandshakeType.clientHello);
    this.session.helloUs = timeUs;
  }

  data(side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): void {
    this.#records[side].feed(bytes, start, end, timeUs);
  }

  gap(side: Side, lengthBytes: number): void {
    this.#records[side].gap(lengthBytes);
    if (this.#hasGaps()) this.#ending?.missed();
  }

  closed(side: Side, reset: boolean, timeUs: number): void {
    this.#closed[side] = true;
    if (side === Side.initiator && !reset) this.#clientCloses(timeUs);
    if (this.#ending !== null) this.#conclude(this.#ending.closed(side, reset), timeUs);
    if (reset || (this.#closed[0] && this.#closed[1])) this.ended = true;
  }

  recordStart(
    side: Side,
    type: number,
    version: number,
    length: number,
    timeUs: number,
    bytes: Uint8Array,
    at: number,
    end: number,
  ): RecordBody {
    if (this.ended) return RecordBody.stop;
    if (type < ContentType.changeCipherSpec || type > ContentType.heartbeat) {
      const header = [type, version >> 8, version & 0xff, length >> 8, length & 0xff];
      const text = firstText(header, bytes, at, end);
      return this.#violation(side, text.startsWith('HTTP/') ? 'http' : 'recordType', type, timeUs, text);
    }
    if (version >> 8 !== 3) return this.#violation(side, 'version', version >> 8, timeUs);
    if ((version & 0xff) > 4) return this.#violation(side, 'version', version & 0xff, timeUs);
    const clear = type !== ContentType.applicationData && !this.#protected[side];
    if (length > (clear ? MAX_CLEAR_RECORD_BYTES : MAX_RECORD_BYTES)) {
      return this.#violation(side, 'length', length, timeUs);
    }
    switch (type) {
      case ContentType.handshake:
        if (!clear) return RecordBody.skip;
        return length > 0 ? RecordBody.handshake : this.#violation(side, 'length', length, timeUs);
      case ContentType.alert:
        if (!clear) return RecordBody.skip;
        if (length === 0) return this.#violation(side, 'length', length, timeUs);
        if (length === ALERT_BYTES && (this.#sawHello() || this.plainTextClient || this.tentative))
          return RecordBody.alert;
        this.ended = true; // its keys were there before the capture: an encrypted alert is taken for close_notify
        this.goodbyeBy = side;
        return RecordBody.stop;
      case ContentType.changeCipherSpec:
        return !clear || length === 1 ? RecordBody.skip : this.#violation(side, 'length', length, timeUs);
      case ContentType.applicationData:
        return this.#mayBeData(side) || this.#hasGaps()
          ? RecordBody.skip
          : this.#violation(side, 'handshakeOrder', type, timeUs);
      default:
        return RecordBody.skip;
    }
  }

  recordEnd(side: Side, type: number, length: number, timeUs: number): void {
    if (this.ended) return;
    this.#recordCounts[side]++;
    const tls13 = this.session.version === TlsVersion.tls13;
    switch (type) {
      case ContentType.changeCipherSpec:
        if (tls13) return; // there it only pleases middleboxes (RFC 8446 appendix D.4)
        this.#protected[side] = true;
        return;
      case ContentType.handshake:
        if (this.#protected[side] && this.session.version !== 0) this.#sawFinished(side, timeUs);
        return;
      case ContentType.alert:
        if (!this.#protected[side] || this.session.version === 0) return;
        if (!this.#hasGaps()) this.#alert(side, timeUs, ENCRYPTED_ALERT);
        this.ended = true;
        return;
      case ContentType.applicationData:
        if (this.#ending !== null) this.#conclude(this.#ending.record(side, length, timeUs), timeUs);
        else if (!tls13 && this.#hasGaps()) this.#dataAfterGap(side, timeUs);
        return;
      default:
    }
  }

  alert(side: Side, level: number, description: number, timeUs: number): boolean {
    if (this.tentative) return this.#isNotTls();
    if (level !== 1 && level !== 2) {
      this.ended = true; // no alert in clear
      return false;
    }
    this.#alert(side, timeUs, { ...ALERT_IN_CLEAR, level, description });
    if (level === 2) this.ended = true;
    return !this.ended;
  }

  messageStart(side: Side, type: number, length: number, timeUs: number): boolean {
    if (this.ended) return false;
    if (this.tentative) {
      const hello = side === Side.initiator && type === HandshakeType.clientHello;
      if (!hello || length < MIN_CLIENT_HELLO_BYTES || length > MAX_CLIENT_HELLO_BYTES) return this.#isNotTls();
      this.tentative = false;
    }
    if (type === HandshakeType.helloRequest && side === Side.responder) return false; // may come at any time
    const place = placeOf(side, type);
    if (place === 0 || place <= this.#place[side] || this.#ending !== null) {
      this.#violation(side, 'handshakeOrder', type, timeUs);
      return false;
    }
    this.#place[side] = place;
    if (type === HandshakeType.clientHello && Number.isNaN(this.session.helloUs)) this.session.helloUs = timeUs;
    if (type === HandshakeType.certificateRequest) this.session.clientCertificateRequested = true;
    return (
      type === HandshakeType.clientHello || type === HandshakeType.serverHello || type === HandshakeType.certificate
    );
  }

  message(
    side: Side,
    type: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    whole: boolean,
    timeUs: number,
  ): void {
    if (this.ended) return;
    switch (type) {
      case HandshakeType.clientHello: {
        const result = readClientHello(bytes, start, end, this.session);
        if (result === HelloResult.malformed && whole) this.#violation(side, 'length', end - start, timeUs);
        return;
      }
      case HandshakeType.serverHello:
        this.#serverHello(bytes, start, end, whole, timeUs);
        return;
      default: {
        const chain = readCertificateChain(bytes, start, end, this.#certificates);
        if (side === Side.responder) {
          this.session.serverChain = chain;
        } else {
          this.session.clientChain = chain;
          this.session.clientCertificateSent = end - start > 3;
        }
      }
    }
  }

  #serverHello(bytes: Uint8Array, start: number, end: number, whole: boolean, timeUs: number): void {
    const session = this.session;
    const result = readServerHello(bytes, start, end, session);
    if (result === HelloResult.malformed) {
      if (whole) this.#violation(Side.responder, 'length', end - start, timeUs);
      return;
    }
    const { version } = session;
    if (version < TlsVersion.ssl3 || version > TlsVersion.tls13) {
      this.#violation(Side.responder, 'version', version >> 8 === 3 ? version & 0xff : version >> 8, timeUs);
      return;
    }
    if (result === HelloResult.retry) {
      session.helloRetried = true;
      this.#place[0] = 0; // both say hello again
      this.#place[1] = 0;
    } else if (version === TlsVersion.tls13) {
      this.#ending = new Tls13Ending(tls13Lengths(session.cipherSuite), session.earlyDataOffered);
      if (this.#hasGaps()) this.#ending.missed();
    }
    if (version === TlsVersion.tls13) this.#protected[0] = false; // a ChangeCipherSpec meant for middleboxes
  }

  /** Up to TLS 1.2 the first protected handshake record of a side ends with its Finished (RFC 5246 §7.3). */
  #sawFinished(side: Side, timeUs: number): void {
    if (side === Side.responder && this.#place[1] < placeOf(Side.responder, HandshakeType.serverHelloDone)) {
      this.session.resumed = !this.#records[1].hasGaps;
    }
    this.#finished[side] = true;
    if (this.#finished[0] && this.#finished[1]) this.#complete(timeUs, timeUs, '');
  }

  /** Where records were missed, data of the server up to TLS 1.2 still proves that the handshake was completed. */
  #dataAfterGap(side: Side, timeUs: number): void {
    if (this.session.version === 0) this.ended = true;
    else if (side === Side.responder) this.#complete(timeUs, Number.NaN, '');
  }

  #mayBeData(side: Side): boolean {
    const { version, earlyDataOffered } = this.session;
    if (version === TlsVersion.tls13 || this.#protected[side]) return true;
    return version === 0 && side === Side.initiator && earlyDataOffered;
  }

  #conclude(ending: Ending, timeUs: number): void {
    const state = this.#ending;
    if (ending === Ending.open || state === null || this.ended) return;
    if (state.clientCertificate !== null) {
      this.session.clientCertificateRequested = true;
      this.session.clientCertificateSent = state.clientCertificate;
    }
    if (ending === Ending.completed) {
      this.#complete(timeUs, state.finishedUs, state.confidence);
    } else if (ending !== Ending.unknown) {
      const side = ending === Ending.alertByInitiator ? Side.initiator : Side.responder;
      // Without a certificate of the server there is none to reject.
      const reason =
        side === Side.initiator && !this.session.resumed ? ('serverCertificateRejected' as const) : state.reason;
      const { confidence, certain } = state;
      this.#alert(side, timeUs, { ...ENCRYPTED_ALERT, inferred: true, reason, confidence, certain });
    }
    this.ended = true;
  }

  /** A client that says nothing but its hello, has heard the server, and closes, does not want what it heard. */
  #clientCloses(timeUs: number): void {
    if (this.ended || this.tentative || this.#hasGaps() || this.#closed[1]) return;
    if (this.#recordCounts[0] !== 1 || this.#recordCounts[1] === 0 || this.session.version === 0) return;
    this.ended = true;
    this.#signals.abandoned(timeUs);
  }

  #complete(timeUs: number, finishedUs: number, confidence: string): void {
    this.ended = true;
    this.#signals.completed(timeUs, finishedUs, this.#hasGaps() ? MISSED : confidence);
  }

  #alert(side: Side, timeUs: number, alert: AlertFacts): void {
    if (alert.level !== 1) this.fatalAlertBy = side;
    this.#signals.alert(side, timeUs, alert, this.plainTextClient);
  }

  #violation(side: Side, violation: ViolationKind, value: number, timeUs: number, text = ''): typeof RecordBody.stop {
    if (this.tentative) {
      this.#isNotTls();
    } else if (this.#hasGaps()) {
      this.#records[side].lost = true; // missing bytes alone may explain it: look for the next record
    } else {
      this.ended = true;
      this.#signals.violation(side, timeUs, violation, value, text);
    }
    return RecordBody.stop;
  }

  #isNotTls(): false {
    this.ended = true;
    this.notTls = true;
    return false;
  }

  #sawHello(): boolean {
    return this.#place[0] > 0 || this.#place[1] > 0;
  }

  #hasGaps(): boolean {
    return this.#records[0].hasGaps || this.#records[1].hasGaps;
  }
}
