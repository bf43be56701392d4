import type { Side } from '../../model/connection.ts';
import type { TlsSession } from './tls-session.ts';
import { type TlsAlert, type TlsSignal, UNREADABLE_ALERT, type ViolationKind } from './tls-signal.ts';

/** Warnings told of one connection; a peer may send as many as it likes. */
const MAX_WARNINGS = 4;
/** Description of an alert that cannot be read; no alert has it (RFC 8446 §6). */
const UNREADABLE_DESCRIPTION = 255;

/** What an alert says, and how it is known. */
export type AlertFacts = Pick<TlsAlert, 'level' | 'description' | 'inferred' | 'reason' | 'confidence' | 'certain'>;

/** An alert that stands on the wire in clear; level and description are to be filled in. */
export const ALERT_IN_CLEAR: Omit<AlertFacts, 'level' | 'description'> = {
  inferred: false,
  reason: 'read',
  confidence: '',
  certain: true,
};

/** A record whose type says that it is an alert, and whose content cannot be read. */
export const ENCRYPTED_ALERT: AlertFacts = {
  level: 2,
  description: UNREADABLE_DESCRIPTION,
  inferred: false,
  reason: 'unknown',
  confidence: 'the alert is encrypted',
  certain: true,
};

/** Appends what becomes of one handshake to the signals of its reader. */
export class HandshakeSignals {
  readonly #signals: TlsSignal[];
  readonly #session: TlsSession;
  #warnings = 0;

  constructor(signals: TlsSignal[], session: TlsSession) {
    this.#signals = signals;
    this.#session = session;
  }

  /** `finishedUs`: when the last Finished came; NaN when it was not seen. */
  completed(timeUs: number, finishedUs: number, confidence: string): void {
    const session = this.#session;
    session.finishedUs = finishedUs;
    const tookUs = finishedUs - session.helloUs;
    this.#signals.push({
      kind: 'completed',
      timeUs,
      handshakeUs: Number.isNaN(tookUs) ? 0 : tookUs,
      confidence,
      session,
    });
  }

  alert(side: Side, timeUs: number, facts: AlertFacts, plainTextClient: boolean): void {
    const { level, description } = facts;
    if (level === 1 && ++this.#warnings > MAX_WARNINGS) return;
    const value = description === UNREADABLE_DESCRIPTION ? UNREADABLE_ALERT : level * 256 + description;
    this.#signals.push({ kind: 'alert', timeUs, side, value, ...facts, plainTextClient, session: this.#session });
  }

  violation(side: Side, timeUs: number, violation: ViolationKind, value: number, text: string): void {
    this.#signals.push({ kind: 'violation', timeUs, side, violation, value, text, session: this.#session });
  }

  abandoned(timeUs: number): void {
    this.#signals.push({ kind: 'abandoned', timeUs, session: this.#session });
  }
}
