import { Side } from '../model/connection.ts';
import type { TlsFacts } from '../model/event.ts';
import type { Certificate } from '../protocols/tls/certificate.ts';
import type { CertificateChain, TlsSession } from '../protocols/tls/tls-session.ts';

const VERSION_NAMES: ReadonlyMap<number, string> = new Map([
  [2, 'SSL 2.0'],
  [0x0300, 'SSL 3.0'],
  [0x0301, 'TLS 1.0'],
  [0x0302, 'TLS 1.1'],
  [0x0303, 'TLS 1.2'],
  [0x0304, 'TLS 1.3'],
]);

/** Cipher suites listed before the rest is only counted. */
const MAX_SUITES_LISTED = 8;

/** `TLS 1.3` for 772; the number in hexadecimal for a version nobody knows. */
export function versionName(version: number): string {
  return VERSION_NAMES.get(version) ?? `version 0x${version.toString(16)}`;
}

/** The other side. */
export function otherSide(side: Side): Side {
  return side === Side.initiator ? Side.responder : Side.initiator;
}

/** What an event says of the session, as far as it is known. */
export function tlsFacts(session: TlsSession, more: Pick<TlsFacts, 'alert' | 'handshakeUs'> = {}): TlsFacts {
  // one by one, not spread: every second connection may be told, and spreading costs more than the rest of it
  const facts: { -readonly [Key in keyof TlsFacts]: TlsFacts[Key] } = {};
  const fields = session.serverChain?.leaf.fields;
  const alpn = alpnText(session);
  if (session.version !== 0) facts.version = versionName(session.version);
  if (session.cipherSuite >= 0) facts.cipher = session.cipherSuiteName;
  if (session.serverName !== '') facts.serverName = session.serverName;
  if (alpn !== '') facts.alpn = alpn;
  if (more.alert !== undefined) facts.alert = more.alert;
  if (more.handshakeUs !== undefined) facts.handshakeUs = more.handshakeUs;
  if (fields != null) facts.certificate = { subject: fields.subject, issuer: fields.issuer, notAfter: fields.notAfter };
  return facts;
}

/** The negotiated protocol; where the answer is encrypted, what was offered, and that it was only offered. */
export function alpnText(session: TlsSession): string {
  if (session.alpn !== '') return session.alpn;
  const offered = session.offeredAlpn.join(',');
  return offered === '' || session.version !== 0x0304 ? '' : `${offered} (offered)`;
}

/** What the client offered, for when the two have nothing in common. */
export function offerText(session: TlsSession): string {
  const { offeredVersions, offeredCipherSuites, offeredAlpn } = session;
  const parts: string[] = [];
  if (offeredVersions.length > 0) parts.push(offeredVersions.map(versionName).join(', '));
  if (offeredCipherSuites.length > 0) {
    const names = session.offeredCipherSuiteNames(MAX_SUITES_LISTED);
    const rest = offeredCipherSuites.length - names.length;
    parts.push(`cipher suites ${names.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`);
  }
  if (offeredAlpn.length > 0) parts.push(`ALPN ${offeredAlpn.join(', ')}`);
  return parts.length === 0 ? '' : `the client offered ${parts.join('; ')}`;
}

/** `; SNI shop.example`, or nothing. */
export function sniText(session: TlsSession): string {
  return session.serverName === '' ? '' : `; SNI ${session.serverName}`;
}

/** The certificate chain of a side; null when it was not read. */
export function chainOf(session: TlsSession, side: Side): CertificateChain | null {
  return side === Side.responder ? session.serverChain : session.clientChain;
}

/** What is plainly wrong with a certificate at a time: its dates. Empty when nothing is. */
export function validityText(certificate: Certificate, timeUs: number): string {
  const fields = certificate.fields;
  if (fields === null) return 'cannot be read';
  const timeMs = timeUs / 1000;
  if (timeMs > fields.notAfterMs) return `expired on ${fields.notAfter}`;
  if (timeMs < fields.notBeforeMs) return `is not valid before ${fields.notBefore}`;
  return '';
}
