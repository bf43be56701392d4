import { Side } from '../../model/connection.ts';
import { PreambleResult, type TlsPreamble } from './tls-preamble.ts';

/** Collects the first bytes of a side, so that a message may come in any pieces. */
class Prefix {
  readonly bytes: Uint8Array;
  have = 0;

  constructor(limitBytes: number) {
    this.bytes = new Uint8Array(limitBytes);
  }

  /** Takes bytes until `want` are there; how many were taken. */
  take(from: Uint8Array, start: number, end: number, want: number): number {
    const count = Math.max(0, Math.min(want, this.bytes.length) - this.have);
    const taken = Math.min(count, end - start);
    for (let i = 0; i < taken; i++) this.bytes[this.have + i] = from[start + i] as number;
    this.have += taken;
    return taken;
  }
}

/**
 * PostgreSQL: an SSLRequest and the answer `S` (documentation "Message Formats", "SSL Session Encryption"); a GSSENCRequest
 * that was refused may come before.
 */
export class PostgresPreamble implements TlsPreamble {
  static readonly #sslRequest = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
  readonly name = 'PostgreSQL';
  upgraded = false;
  #at = 0;
  #ssl = false;
  #gss = false;

  /** True when the bytes are, or begin, such a request. */
  static begins(bytes: Uint8Array, start: number, end: number): boolean {
    const count = Math.min(end - start, 7);
    for (let i = 0; i < count; i++) if (bytes[start + i] !== PostgresPreamble.#sslRequest[i]) return false;
    return true;
  }

  feed(side: Side, bytes: Uint8Array, start: number, end: number): number {
    if (side === Side.initiator) {
      for (let at = start; at < end; at++) {
        const byte = bytes[at] as number;
        if (this.#at === 7) {
          this.#ssl = byte === 0x2f;
          this.#gss = byte === 0x30;
          if (!this.#ssl && !this.#gss) return PreambleResult.none;
        } else if (byte !== PostgresPreamble.#sslRequest[this.#at]) {
          return PreambleResult.none;
        }
        this.#at++;
      }
      return PreambleResult.more;
    }
    const answer = bytes[start];
    if (this.#at !== 8) return PreambleResult.none;
    if (this.#gss && answer === 0x4e && end - start === 1) {
      this.#at = 0; // refused: the client may ask for TLS now
      return PreambleResult.more;
    }
    this.upgraded = this.#ssl && answer === 0x53;
    if (this.upgraded) return start + 1;
    return this.#ssl && answer === 0x4e && end - start === 1 ? PreambleResult.declined : PreambleResult.none;
  }
}

/**
 * MySQL and MariaDB: the server's greeting, then the client's SSLRequest, which is the start of a login with the
 * capability flag CLIENT_SSL (documentation "Protocol::SSLRequest").
 */
export class MysqlPreamble implements TlsPreamble {
  readonly name = 'MySQL';
  upgraded = false;
  readonly #request = new Prefix(36);

  /** True for a greeting: packet number 0, protocol version 10, and a length that fits. */
  static begins(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start < 5) return false;
    const length = (bytes[start] as number) | ((bytes[start + 1] as number) << 8);
    return length >= 20 && length < 512 && bytes[start + 2] === 0 && bytes[start + 3] === 0 && bytes[start + 4] === 10;
  }

  feed(side: Side, bytes: Uint8Array, start: number, end: number): number {
    if (side === Side.responder) return PreambleResult.more;
    const request = this.#request;
    const taken = request.take(bytes, start, end, 36);
    const [length0, length1, length2, number, flags0, flags1] = request.bytes;
    // 32 bytes of flags and sizes are an SSLRequest, more are a login.
    if (request.have >= 4 && (length0 !== 32 || length1 !== 0 || length2 !== 0 || number !== 1)) {
      return PreambleResult.none;
    }
    if (request.have < 36) return PreambleResult.more;
    this.upgraded = flags0 !== undefined && ((flags1 as number) & 0x08) !== 0;
    return this.upgraded ? start + taken : PreambleResult.none;
  }
}

/** LDAP: the extended request 1.3.6.1.4.1.1466.20037 and its answer "success" (RFC 4511 §4.14). */
export class LdapPreamble implements TlsPreamble {
  static readonly #startTls = Buffer.from('1.3.6.1.4.1.1466.20037', 'latin1');
  readonly name = 'LDAP';
  upgraded = false;
  readonly #request = new Prefix(64);
  readonly #response = new Prefix(256);
  #asked = false;

  feed(side: Side, bytes: Uint8Array, start: number, end: number): number {
    if (side === Side.initiator) {
      if (this.#asked) return PreambleResult.none;
      this.#request.take(bytes, start, end, 64);
      const message = berMessage(this.#request);
      if (message === null) return PreambleResult.more;
      const { bytes: request, operation, length } = message;
      // ExtendedRequest is [APPLICATION 23]; the name in it is found without taking the rest apart.
      if (operation !== 0x77 || length > 64) return PreambleResult.none;
      if (this.#request.have < length) return PreambleResult.more;
      this.#asked = Buffer.from(request.buffer, 0, length).includes(LdapPreamble.#startTls);
      return this.#asked ? PreambleResult.more : PreambleResult.none;
    }
    if (!this.#asked) return PreambleResult.none;
    const before = this.#response.have;
    this.#response.take(bytes, start, end, 256);
    const message = berMessage(this.#response);
    if (message === null) return PreambleResult.more;
    if (message.operation !== 0x78 || message.length > 256) return PreambleResult.none;
    if (this.#response.have < message.length) return PreambleResult.more;
    this.upgraded = message.resultCode === 0;
    if (this.upgraded) return start + (message.length - before);
    return message.resultCode > 0 ? PreambleResult.declined : PreambleResult.none;
  }
}

interface BerMessage {
  readonly bytes: Uint8Array;
  /** Tag of the operation in the LDAPMessage. */
  readonly operation: number;
  /** Value of the ENUMERATED the operation begins with, -1 when it begins with something else. */
  readonly resultCode: number;
  /** Bytes of the whole message. */
  readonly length: number;
}

/** The head of an LDAPMessage (RFC 4511 §4.1.1); null when not all of it is there. Garbage has operation 0. */
function berMessage(prefix: Prefix): BerMessage | null {
  const { bytes, have } = prefix;
  let at = 0;
  /** A definite length at `at`, in its short or long form (X.690 §8.1.3); -1 when it is incomplete. */
  const berLength = (): number => {
    if (at >= have) return -1;
    const first = bytes[at++] as number;
    if (first < 0x80) return first;
    let length = 0;
    for (let i = 0; i < (first & 0x7f) && i < 4; i++) {
      if (at >= have) return -1;
      length = length * 256 + (bytes[at++] as number);
    }
    return length;
  };
  at = 1;
  const length = berLength();
  if (length < 0) return null;
  const total = at + length;
  if (at + 2 > have) return null;
  const messageIdBytes = bytes[at + 1] as number;
  if (bytes[at] !== 0x02 || messageIdBytes > 4) return { bytes, operation: 0, resultCode: -1, length: total };
  at += 2 + messageIdBytes;
  if (at >= have) return have >= total ? { bytes, operation: 0, resultCode: -1, length: total } : null;
  const operation = bytes[at++] as number;
  if (berLength() < 0 || at + 3 > have) {
    return have >= Math.min(total, bytes.length) ? { bytes, operation, resultCode: -1, length: total } : null;
  }
  const resultCode = bytes[at] === 0x0a && bytes[at + 1] === 1 ? (bytes[at + 2] as number) : -1;
  return { bytes, operation, resultCode, length: total };
}
