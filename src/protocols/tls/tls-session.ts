import type { Certificate } from './certificate.ts';
import { cipherSuiteName } from './cipher-suite.ts';

/** The two certificates of a chain that matter for a cause: the end entity's, and the last one that was sent. */
export interface CertificateChain {
  readonly leaf: Certificate;
  /** The same as `leaf` when only one was sent. */
  readonly last: Certificate;
}

/**
 * What has been read of a TLS session so far. The reader fills it as the handshake goes on; others only read it, and
 * copy what they want to keep.
 */
export class TlsSession {
  /** Negotiated version, e.g. 772 for TLS 1.3; 0 as long as no ServerHello was read. */
  version = 0;
  /** Negotiated cipher suite by its number; -1 as long as no ServerHello was read. */
  cipherSuite = -1;
  /** Server name indication (RFC 6066 §3), empty when the client sent none. */
  serverName = '';
  /** Negotiated application protocol (RFC 7301); empty when none, and always in TLS 1.3, where it is encrypted. */
  alpn = '';
  /** What the client offered; reserved values left out. */
  offeredAlpn: readonly string[] = [];
  offeredVersions: readonly number[] = [];
  offeredCipherSuites: readonly number[] = [];
  /** True when an earlier session was taken up: an abbreviated handshake, or a PSK in TLS 1.3. */
  resumed = false;
  /** The client offered early data (0-RTT). */
  earlyDataOffered = false;
  /** The server asked for another ClientHello (HelloRetryRequest). */
  helloRetried = false;
  /** The server asked for a certificate of the client; in TLS 1.3 concluded from the client's answer. */
  clientCertificateRequested = false;
  /** What the client answered: a certificate, the empty one, or not known. */
  clientCertificateSent: boolean | null = null;
  /** Only up to TLS 1.2; later ones are encrypted. */
  serverChain: CertificateChain | null = null;
  clientChain: CertificateChain | null = null;
  /** The protocol that was spoken before TLS began, e.g. `SMTP`; empty when it began with the connection. */
  startedFrom = '';
  /** Time of the first ClientHello, microseconds since 1970-01-01 UTC; `NaN` when it was not seen. */
  helloUs = Number.NaN;
  /** Time of the packet that completed the handshake; `NaN` until then. */
  finishedUs = Number.NaN;

  /** IANA name of the negotiated cipher suite; empty as long as there is none. */
  get cipherSuiteName(): string {
    return this.cipherSuite < 0 ? '' : cipherSuiteName(this.cipherSuite);
  }

  /** IANA names of the first `count` cipher suites the client offered. */
  offeredCipherSuiteNames(count: number): string[] {
    return this.offeredCipherSuites.slice(0, count).map(cipherSuiteName);
  }
}
