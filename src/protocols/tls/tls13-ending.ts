import { Side } from '../../model/connection.ts';
import type { Tls13Lengths } from './cipher-suite.ts';
import type { AlertReason } from './tls-signal.ts';

/** What the encrypted records say so far. */
export const Ending = { open: 0, completed: 1, alertByInitiator: 2, alertByResponder: 3, unknown: 4 } as const;

export type Ending = (typeof Ending)[keyof typeof Ending];

/**
 * A server that does not like the client's certificate says so within a round trip; a short record that comes later
 * than this is the end of a good session.
 */
const VERDICT_WITHIN_US = 2_000_000;
/** As many records of the client without an answer, and the server has had nothing against its certificate. */
const VERDICT_WITHIN_RECORDS = 16;

/** An alert under the longest tag any suite has (RFC 9150). */
const MAX_ALERT_BYTES = 2 + 1 + 48;

/** Where the client is in its last flight (RFC 8446 §2, figure 1). */
const ClientState = {
  /** Nothing but early data yet. */
  silent: 0,
  /** It has sent something longer or shorter than a Finished: it answers a CertificateRequest. */
  certificate: 1,
  /** And then a Finished: what the server thinks of the certificate is still to come. */
  finished: 2,
} as const;

/**
 * Concludes from the lengths of encrypted TLS 1.3 records how the handshake ends (RFC 8446 §4.4, §5.2, §6.2): after the
 * ServerHello everything is application data to the eye, but an alert, a Finished and a Certificate differ in length
 * under a given cipher suite. Where two readings are possible it waits for the next record or the end of the connection.
 */
export class Tls13Ending {
  readonly #lengths: Tls13Lengths | null;
  /** False when records were missed or the suite is unknown: no length proves anything. */
  #exact: boolean;
  readonly #earlyData: boolean;
  #client: (typeof ClientState)[keyof typeof ClientState] = ClientState.silent;
  #clientRecords = 0;
  #lastClientLength = 0;
  /** A record of the client as long as a Finished that may still be early data. */
  #candidate = false;
  /** A record as long as an alert that may still be something else, by whom. */
  #shortBy: Side | -1 = -1;
  #shortAfterClientEnd = false;
  #serverRecords = 0;
  #clientEnding = false;
  #closed = false;
  /** Time of the client's Finished, as far as it is known. */
  finishedUs = Number.NaN;
  /** What the alert is probably about; set with an `alertBy…` ending. */
  reason: AlertReason = 'unknown';
  /** Why it is taken for an alert, or what is in doubt about a completed handshake. */
  confidence = '';
  /** False when there is another way to read the records. */
  certain = true;
  /** The client answered a request for a certificate: with one, or without. Null: it was not asked. */
  clientCertificate: boolean | null = null;

  /** `lengths` null: of an unknown cipher suite. `earlyData`: the client offered it, so it may have sent any lengths. */
  constructor(lengths: Tls13Lengths | null, earlyData: boolean) {
    this.#lengths = lengths;
    this.#exact = lengths !== null;
    this.#earlyData = earlyData;
  }

  /** A whole record of application data after the ServerHello. */
  record(side: Side, lengthBytes: number, timeUs: number): Ending {
    if (this.#lengths === null || !this.#exact) return this.#inexact(side, lengthBytes, timeUs);
    return side === Side.initiator
      ? this.#clientRecord(lengthBytes, timeUs, this.#lengths)
      : this.#serverRecord(lengthBytes, timeUs, this.#lengths);
  }

  /** Records were missed: from now on no length proves anything. */
  missed(): void {
    this.#exact = false;
    this.#shortBy = -1;
    this.#candidate = false;
  }

  /** A side has sent FIN or RST, and all its bytes were told before. */
  closed(side: Side, reset: boolean): Ending {
    if (!this.#exact) return reset ? Ending.unknown : Ending.open;
    this.#closed = true;
    if (this.#shortBy !== -1 && this.#client === ClientState.silent && !this.#candidate) {
      return this.#alert(this.#shortBy, 'a record as long as an alert, then the end of the connection');
    }
    if (this.#candidate) return Ending.completed;
    if (this.#client === ClientState.silent) return reset ? Ending.unknown : Ending.open;
    if (this.#shortBy === Side.responder) {
      // Both have ended it: the server's short record may be its answer to the client's close_notify. But who answers
      // that has read everything, and its end is no RST.
      if (this.#shortAfterClientEnd && !(reset && side === Side.responder)) {
        return side === Side.responder || reset ? this.#completedWithoutVerdict() : Ending.open;
      }
      return this.#alertOnClientCertificate(this.#shortAfterClientEnd);
    }
    if (side === Side.initiator) {
      this.#clientEnding = true;
      return reset ? Ending.unknown : Ending.open;
    }
    return !reset && this.#client === ClientState.finished ? this.#completedWithoutVerdict() : Ending.unknown;
  }

  #clientRecord(length: number, timeUs: number, lengths: Tls13Lengths): Ending {
    const before = this.#lastClientLength;
    this.#lastClientLength = length;
    if (this.#client !== ClientState.silent) return this.#laterClientRecord(length, timeUs, lengths);
    if (this.#shortBy !== -1) this.#shortBy = -1; // it was not the end: early data, or data of the server
    if (this.#candidate) {
      if (length !== lengths.endOfEarlyData) return Ending.completed;
      this.#candidate = false;
    }
    if (length === lengths.finished) {
      this.finishedUs = timeUs;
      if (!this.#earlyData || before === lengths.endOfEarlyData) return Ending.completed;
      this.#candidate = true;
      return Ending.open;
    }
    if (length === lengths.alert) {
      if (!this.#earlyData) {
        return this.#alert(Side.initiator, 'an encrypted record in place of the Finished that can only be an alert');
      }
      this.#shortBy = Side.initiator;
      return Ending.open;
    }
    if (this.#earlyData) return Ending.open;
    this.#client = ClientState.certificate;
    this.finishedUs = timeUs;
    this.clientCertificate = length !== lengths.emptyCertificate && length !== lengths.emptyCertificateAndFinished;
    return Ending.open;
  }

  #laterClientRecord(length: number, timeUs: number, lengths: Tls13Lengths): Ending {
    if (this.#shortBy === Side.responder) return Ending.open; // sent before it had read the alert
    if (length === lengths.finished && this.#client === ClientState.certificate) {
      this.#client = ClientState.finished;
      this.finishedUs = timeUs;
      return Ending.open;
    }
    if (length === lengths.alert) this.#clientEnding = true;
    const patient = timeUs - this.finishedUs <= VERDICT_WITHIN_US && ++this.#clientRecords < VERDICT_WITHIN_RECORDS;
    return this.#client === ClientState.finished && !patient ? Ending.completed : Ending.open;
  }

  #serverRecord(length: number, timeUs: number, lengths: Tls13Lengths): Ending {
    this.#serverRecords++;
    const short = length === lengths.alert;
    if (this.#client === ClientState.silent) {
      if (short && this.#serverRecords === 1) {
        return this.#alert(
          Side.responder,
          'an encrypted record in place of the first message that can only be an alert',
        );
      }
      if (short) this.#shortBy = Side.responder;
      else if (this.#shortBy === Side.responder) this.#shortBy = -1;
      return Ending.open;
    }
    if (!short || timeUs - this.finishedUs > VERDICT_WITHIN_US) return Ending.completed;
    if (this.#shortBy === Side.responder) return Ending.open; // a close_notify may follow the alert
    this.#shortBy = Side.responder;
    this.#shortAfterClientEnd = this.#clientEnding;
    return this.#closed && !this.#clientEnding ? this.#alertOnClientCertificate(false) : Ending.open;
  }

  /** Where lengths prove nothing: who gets an answer to what it sent has finished, unless the answer may be an alert. */
  #inexact(side: Side, length: number, timeUs: number): Ending {
    if (length <= (this.#lengths?.alert ?? MAX_ALERT_BYTES)) return Ending.open;
    if (side === Side.responder) return this.#clientRecords > 0 && !this.#earlyData ? Ending.completed : Ending.open;
    if (this.#clientRecords++ === 0) this.finishedUs = timeUs;
    return Ending.open;
  }

  #completedWithoutVerdict(): Ending {
    this.confidence = "the connection ended before the server showed what it thinks of the client's certificate";
    return Ending.completed;
  }

  #alertOnClientCertificate(doubtful: boolean): Ending {
    const missing = this.clientCertificate === false;
    this.certain = false; // a server without session tickets that closes at once looks the same
    const ending = this.#alert(
      Side.responder,
      `the server's only answer to the client's last handshake messages is a record as long as an alert${
        doubtful ? ', then a reset; the client had ended the connection before' : ', then the connection ends'
      }`,
    );
    this.reason = missing ? 'clientCertificateMissing' : 'clientCertificateRejected';
    return ending;
  }

  #alert(side: Side, confidence: string): Ending {
    this.confidence = `concluded from the record's length: ${confidence}`;
    return side === Side.initiator ? Ending.alertByInitiator : Ending.alertByResponder;
  }
}
