import { X509Certificate } from 'node:crypto';
import type { CertificateChain } from './tls-session.ts';

/** Longer certificates are not looked at: a parser's time is bounded by its input. */
const MAX_CERTIFICATE_BYTES = 32 * 1024;

/** What of a certificate serves a cause (RFC 5280 §4.1.2). */
export interface CertificateFields {
  /** Distinguished names on one line, most specific part last: `C=US, O=Example, CN=www.example.com`. */
  readonly subject: string;
  readonly issuer: string;
  /** Subject alternative names as Node writes them, e.g. `DNS:www.example.com, IP Address:10.0.0.1`. */
  readonly subjectAltNames: string;
  /** Validity, milliseconds since 1970-01-01 UTC; NaN for a date nobody can read. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** The same as text, e.g. `2026-01-31T23:59:59Z`; `?` for a date nobody can read. */
  readonly notBefore: string;
  readonly notAfter: string;
}

/** Subjects may hold anything: control characters would break lines, and a cause is for reading. */
function oneLine(text: string): string {
  return text
    .replaceAll('\n', ', ')
    .replace(/\p{Cc}/gu, '?')
    .slice(0, 512);
}

function dateText(timeMs: number): string {
  return Number.isNaN(timeMs) ? '?' : new Date(timeMs).toISOString().replace('.000Z', 'Z');
}

/** A certificate as it was on the wire; parsed when somebody asks for a field, once. */
export class Certificate {
  readonly der: Uint8Array;
  #fields: CertificateFields | null | undefined;

  constructor(der: Uint8Array) {
    this.der = der;
  }

  /** Null when it is not a certificate that can be read. */
  get fields(): CertificateFields | null {
    if (this.#fields === undefined) this.#fields = this.#parse();
    return this.#fields;
  }

  /** True when it is for the host `name` (RFC 6125); also when it cannot be read, as then nobody can tell. */
  isFor(name: string): boolean {
    try {
      return new X509Certificate(this.der).checkHost(name) !== undefined;
    } catch {
      return true;
    }
  }

  #parse(): CertificateFields | null {
    try {
      const parsed = new X509Certificate(this.der);
      const notBeforeMs = Date.parse(parsed.validFrom);
      const notAfterMs = Date.parse(parsed.validTo);
      return {
        subject: oneLine(parsed.subject ?? ''),
        issuer: oneLine(parsed.issuer ?? ''),
        subjectAltNames: oneLine(parsed.subjectAltName ?? ''),
        notBeforeMs,
        notAfterMs,
        notBefore: dateText(notBeforeMs),
        notAfter: dateText(notAfterMs),
      };
    } catch {
      return null; // garbage from the wire: said by being null
    }
  }
}

/**
 * Remembers the certificates seen last, so that the thousandth connection to a server neither copies nor parses its
 * certificate again. The oldest goes first.
 */
export class CertificateCache {
  readonly #limit: number;
  readonly #byHash = new Map<number, Certificate>();

  constructor(limit = 64) {
    this.#limit = limit;
  }

  /** The certificate `bytes[start..end)`; bytes are copied when it is a new one. */
  get(bytes: Uint8Array, start: number, end: number): Certificate {
    const hash = sampleHash(bytes, start, end);
    const known = this.#byHash.get(hash);
    const view = bytes.subarray(start, end);
    if (known !== undefined && Buffer.compare(known.der, view) === 0) return known;
    const certificate = new Certificate(view.slice());
    this.#byHash.delete(hash);
    this.#byHash.set(hash, certificate);
    if (this.#byHash.size > this.#limit) {
      for (const oldest of this.#byHash.keys()) {
        this.#byHash.delete(oldest);
        break;
      }
    }
    return certificate;
  }
}

/** FNV-1a over the length and some 64 bytes all over: enough to find a candidate, which is then compared whole. */
function sampleHash(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  const step = Math.max(1, length >> 6);
  let hash = 0x811c9dc5 ^ length;
  for (let i = start; i < end; i += step) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
  return hash;
}

/**
 * First and last certificate of a Certificate message of TLS 1.2 or before (RFC 5246 §7.4.2), `bytes[start..end)` its
 * body. Null when it holds none, as of a client that has none.
 */
export function readCertificateChain(
  bytes: Uint8Array,
  start: number,
  end: number,
  cache: CertificateCache,
): CertificateChain | null {
  let leaf: Certificate | null = null;
  let last: Certificate | null = null;
  let lastStart = 0;
  let lastEnd = 0;
  for (let at = start + 3; at + 3 <= end; ) {
    const length = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
    const certificateEnd = at + 3 + length;
    if (length === 0 || length > MAX_CERTIFICATE_BYTES || certificateEnd > end) break;
    if (leaf === null) leaf = cache.get(bytes, at + 3, certificateEnd);
    lastStart = at + 3;
    lastEnd = certificateEnd;
    at = certificateEnd;
  }
  if (leaf === null) return null;
  last = lastStart === start + 6 ? leaf : cache.get(bytes, lastStart, lastEnd);
  return { leaf, last };
}
