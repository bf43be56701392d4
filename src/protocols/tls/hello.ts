import { finalVersion, isGrease, TlsVersion } from './tls-constants.ts';
import type { TlsSession } from './tls-session.ts';

/** Extension types (IANA "TLS ExtensionType Values"). */
const Extension = {
  serverName: 0,
  alpn: 16,
  preSharedKey: 41,
  earlyData: 42,
  supportedVersions: 43,
} as const;

/** Bounds on what is kept of a list that the other end may fill as it likes. */
const MAX_CIPHER_SUITES = 128;
const MAX_VERSIONS = 16;
const MAX_ALPN = 8;
const MAX_SERVER_NAME_BYTES = 255;

/** SHA-256 of "HelloRetryRequest", the random of a ServerHello that is one (RFC 8446 §4.1.3). */
const HELLO_RETRY_RANDOM = Buffer.from('cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c', 'hex');

/** What a hello tells beside what goes into the session. */
export const HelloResult = {
  /** Understood as far as it was there. */
  ok: 0,
  /** A length in it points behind its end. */
  malformed: 1,
  /** A ServerHello that asks for another ClientHello. */
  retry: 2,
} as const;

export type HelloResult = (typeof HelloResult)[keyof typeof HelloResult];

function uint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

/** Text from the wire for people: bytes that are not printable ASCII become `?`. */
export function printable(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number;
    text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '?';
  }
  return text;
}

/**
 * Reads a ClientHello (RFC 8446 §4.1.2), `bytes[start..end)` its body, into the session. One whose end is missing is
 * read as far as it goes; `malformed` means that a length points behind the end of a whole one.
 */
export function readClientHello(bytes: Uint8Array, start: number, end: number, session: TlsSession): HelloResult {
  session.offeredVersions = [];
  session.offeredAlpn = [];
  session.earlyDataOffered = false; // a second ClientHello may no longer offer it (RFC 8446 §4.1.2)
  let at = start + 34;
  if (at >= end) return HelloResult.malformed;
  const legacyVersion = uint16(bytes, start);
  at += 1 + (bytes[at] as number);
  if (at + 2 > end) return HelloResult.malformed;
  const suitesEnd = at + 2 + uint16(bytes, at);
  session.offeredCipherSuites = uint16List(bytes, at + 2, Math.min(suitesEnd, end), MAX_CIPHER_SUITES);
  at = suitesEnd;
  if (at + 1 > end) return HelloResult.malformed;
  at += 1 + (bytes[at] as number);
  const complete = at <= end && readExtensions(bytes, at, end, session, readClientExtension);
  if (session.offeredVersions.length === 0) session.offeredVersions = versionsUpTo(legacyVersion);
  return complete ? HelloResult.ok : HelloResult.malformed;
}

/** A ClientHello without supported_versions offers everything up to the one it names (RFC 5246 appendix E.1). */
function versionsUpTo(highest: number): number[] {
  const versions: number[] = [];
  for (let version = Math.min(finalVersion(highest), TlsVersion.tls13); version >= TlsVersion.tls10; version--) {
    versions.push(version);
  }
  return versions.length > 0 ? versions : [highest];
}

/** Reads a ServerHello (RFC 8446 §4.1.3), `bytes[start..end)` its body, into the session. */
export function readServerHello(bytes: Uint8Array, start: number, end: number, session: TlsSession): HelloResult {
  let at = start + 34;
  if (at > end) return HelloResult.malformed;
  const legacyVersion = uint16(bytes, start);
  // Drafts of TLS 1.3 before the 22nd have neither session id nor compression method.
  const draft = legacyVersion >> 8 === 0x7f;
  if (!draft) {
    if (at >= end || (bytes[at] as number) > 32) return HelloResult.malformed;
    at += 1 + (bytes[at] as number);
  }
  if (at + 2 > end) return HelloResult.malformed;
  session.version = finalVersion(legacyVersion);
  session.cipherSuite = uint16(bytes, at);
  at += draft ? 2 : 3;
  if (!readExtensions(bytes, at, end, session, readServerExtension)) return HelloResult.malformed;
  return isHelloRetry(bytes, start + 2) ? HelloResult.retry : HelloResult.ok;
}

function isHelloRetry(bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < 32; i++) if (bytes[at + i] !== HELLO_RETRY_RANDOM[i]) return false;
  return true;
}

type ReadExtension = (type: number, bytes: Uint8Array, start: number, end: number, session: TlsSession) => void;

/** Walks the extensions; false when one, or the list, points behind the end. No extensions at all are fine. */
function readExtensions(bytes: Uint8Array, at: number, end: number, session: TlsSession, read: ReadExtension): boolean {
  if (at >= end) return at === end;
  if (at + 2 > end) return false;
  const listEnd = at + 2 + uint16(bytes, at);
  const limit = Math.min(listEnd, end);
  let next = at + 2;
  while (next + 4 <= limit) {
    const type = uint16(bytes, next);
    const bodyEnd = next + 4 + uint16(bytes, next + 2);
    if (bodyEnd > limit) return false;
    read(type, bytes, next + 4, bodyEnd, session);
    next = bodyEnd;
  }
  return listEnd <= end;
}

function readClientExtension(type: number, bytes: Uint8Array, start: number, end: number, session: TlsSession): void {
  switch (type) {
    case Extension.serverName: {
      // A list with one entry: its length, type 0 (host_name), length, name.
      if (start + 5 > end || bytes[start + 2] !== 0) return;
      const nameEnd = Math.min(start + 5 + uint16(bytes, start + 3), end, start + 5 + MAX_SERVER_NAME_BYTES);
      session.serverName = printable(bytes, start + 5, nameEnd);
      return;
    }
    case Extension.alpn:
      session.offeredAlpn = alpnList(bytes, start + 2, end);
      return;
    case Extension.supportedVersions:
      session.offeredVersions = uint16List(bytes, start + 1, end, MAX_VERSIONS).map(finalVersion);
      return;
    case Extension.earlyData:
      session.earlyDataOffered = true;
      return;
    default:
  }
}

function readServerExtension(type: number, bytes: Uint8Array, start: number, end: number, session: TlsSession): void {
  switch (type) {
    case Extension.supportedVersions:
      if (start + 2 <= end) session.version = finalVersion(uint16(bytes, start));
      return;
    case Extension.alpn:
      session.alpn = alpnList(bytes, start + 2, end)[0] ?? '';
      return;
    case Extension.preSharedKey:
      session.resumed = true;
      return;
    default:
  }
}

function alpnList(bytes: Uint8Array, start: number, end: number): string[] {
  const names: string[] = [];
  for (let at = start; at < end && names.length < MAX_ALPN; ) {
    const nameEnd = at + 1 + (bytes[at] as number);
    if (nameEnd > end) break;
    const grease = nameEnd - at === 3 && isGrease(uint16(bytes, at + 1));
    if (!grease && nameEnd > at + 1) names.push(printable(bytes, at + 1, nameEnd));
    at = nameEnd;
  }
  return names;
}

function uint16List(bytes: Uint8Array, start: number, end: number, limit: number): number[] {
  const values: number[] = [];
  for (let at = start; at + 2 <= end && values.length < limit; at += 2) {
    const value = uint16(bytes, at);
    if (!isGrease(value)) values.push(value);
  }
  return values;
}

/**
 * Length on the wire of an SSLv2-compatible ClientHello (RFC 5246 appendix E.2) that begins at `start`, or 0 when the
 * bytes are not one. Its first bytes must be in one segment, as they are in practice.
 */
export function readSsl2ClientHello(bytes: Uint8Array, start: number, end: number, session: TlsSession): number {
  if (end - start < 11 || ((bytes[start] as number) & 0x80) === 0 || bytes[start + 2] !== 1) return 0;
  const length = uint16(bytes, start) & 0x7fff;
  const version = uint16(bytes, start + 3);
  const suites = uint16(bytes, start + 5);
  const sessionId = uint16(bytes, start + 7);
  const challenge = uint16(bytes, start + 9);
  if (version !== TlsVersion.ssl2 && (version < TlsVersion.ssl3 || version > TlsVersion.tls12)) return 0;
  if (suites % 3 !== 0 || (sessionId !== 0 && sessionId !== 16) || challenge < 16 || challenge > 32) return 0;
  if (9 + suites + sessionId + challenge !== length) return 0;
  session.offeredVersions = versionsUpTo(version);
  const offered: number[] = [];
  const suitesEnd = Math.min(start + 11 + suites, end);
  for (let at = start + 11; at + 3 <= suitesEnd && offered.length < MAX_CIPHER_SUITES; at += 3) {
    if (bytes[at] === 0) offered.push(uint16(bytes, at + 1)); // others are suites of SSL 2.0 itself
  }
  session.offeredCipherSuites = offered;
  return 2 + length;
}
