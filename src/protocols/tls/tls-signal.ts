import type { Side } from '../../model/connection.ts';
import type { TlsSession } from './tls-session.ts';

/** Value of an alert that cannot be read: fatal (2), and 255, which no description has. */
export const UNREADABLE_ALERT = 2 * 256 + 255;

/** The handshake is complete (00003). Exactly once a connection, or never. */
export interface TlsCompleted {
  readonly kind: 'completed';
  readonly timeUs: number;
  /** From the ClientHello to the last Finished, in microseconds; 0 when one of them was not seen. */
  readonly handshakeUs: number;
  /** Why it is in doubt; empty when it is not. */
  readonly confidence: string;
  readonly session: TlsSession;
}

/** What an alert nobody can read is probably about. */
export type AlertReason =
  | 'read'
  | 'serverCertificateRejected'
  | 'clientCertificateMissing'
  | 'clientCertificateRejected'
  | 'unknown';

/** An alert (00004), read in clear or concluded. */
export interface TlsAlert {
  readonly kind: 'alert';
  readonly timeUs: number;
  /** Who sent it. */
  readonly side: Side;
  /** level × 256 + description, `UNREADABLE_ALERT` when it is encrypted. */
  readonly value: number;
  /** 1 warning, 2 fatal (RFC 8446 §6). */
  readonly level: number;
  /** RFC 8446 §6, 255 when it cannot be read. */
  readonly description: number;
  /** False when it stood on the wire in clear, or in a record whose type says alert. */
  readonly inferred: boolean;
  /** Why it is taken for an alert, and what is in doubt; empty when nothing is. */
  readonly confidence: string;
  /** False when there is another way to read it. */
  readonly certain: boolean;
  /** `read` when the description says it. */
  readonly reason: AlertReason;
  /** The client's first bytes were plain text: the alert is the answer of a TLS port to that. */
  readonly plainTextClient: boolean;
  readonly session: TlsSession;
}

/** In which way something was not TLS. */
export type ViolationKind = 'http' | 'recordType' | 'version' | 'length' | 'handshakeOrder';

/** What came where TLS was begun is not TLS (00005). At most one a connection. */
export interface TlsViolation {
  readonly kind: 'violation';
  readonly timeUs: number;
  /** Who sent it. */
  readonly side: Side;
  readonly violation: ViolationKind;
  /** The byte or the length that is out of range. */
  readonly value: number;
  /** The first bytes as text when they are printable, else empty. */
  readonly text: string;
  readonly session: TlsSession;
}

/** The client closed after the server's part of the handshake, without a word. At most once a connection. */
export interface TlsAbandoned {
  readonly kind: 'abandoned';
  readonly timeUs: number;
  readonly session: TlsSession;
}

/** What a TLS reader has to say. */
export type TlsSignal = TlsCompleted | TlsAlert | TlsViolation | TlsAbandoned;
