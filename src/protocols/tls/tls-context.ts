import type { StreamBudget } from '../stream/stream-budget.ts';
import type { CertificateCache } from './certificate.ts';

/** What the readers of a capture session share. */
export interface TlsContext {
  readonly certificates: CertificateCache;
  /** Bounds what all of them hold of handshake messages that come in pieces. */
  readonly messageBudget: StreamBudget;
}
