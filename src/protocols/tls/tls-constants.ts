/** Record content types (RFC 8446 §5.1, RFC 6520 §3). */
export const ContentType = {
  changeCipherSpec: 20,
  alert: 21,
  handshake: 22,
  applicationData: 23,
  heartbeat: 24,
} as const;

/** Handshake message types (RFC 8446 §4, RFC 5246 §7.4, RFC 4680, RFC 6066 §8). */
export const HandshakeType = {
  helloRequest: 0,
  clientHello: 1,
  serverHello: 2,
  newSessionTicket: 4,
  certificate: 11,
  serverKeyExchange: 12,
  certificateRequest: 13,
  serverHelloDone: 14,
  certificateVerify: 15,
  clientKeyExchange: 16,
  finished: 20,
  certificateUrl: 21,
  certificateStatus: 22,
  supplementalData: 23,
} as const;

/** Protocol versions as they stand in a hello (RFC 8446 §4.1.2, §4.2.1; 2 is SSL 2.0). */
export const TlsVersion = {
  ssl2: 2,
  ssl3: 0x0300,
  tls10: 0x0301,
  tls11: 0x0302,
  tls12: 0x0303,
  tls13: 0x0304,
} as const;

/** Header of a record: type, version, length (RFC 8446 §5.1). */
export const RECORD_HEADER_BYTES = 5;
/** Largest fragment in clear (RFC 8446 §5.1). */
export const MAX_CLEAR_RECORD_BYTES = 16384;
/** Largest protected fragment of any version (RFC 5246 §6.2.3; TLS 1.3 allows less). */
export const MAX_RECORD_BYTES = 16384 + 2048;

/**
 * The final version a version field stands for: drafts of TLS 1.3 (0x7fXX, and 0xfbXX of one early implementer) count
 * as TLS 1.3.
 */
export function finalVersion(version: number): number {
  const high = version >> 8;
  return high === 0x7f || high === 0xfb ? TlsVersion.tls13 : version;
}

/** True for the reserved values clients sprinkle in to keep servers tolerant (RFC 8701): 0x0a0a, 0x1a1a … 0xfafa. */
export function isGrease(value: number): boolean {
  return (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff);
}
