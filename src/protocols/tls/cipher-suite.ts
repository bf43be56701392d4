import { CIPHER_SUITE_NAMES } from './cipher-suite-names.ts';

/** IANA name of a cipher suite; `0x1a2b` for one the registry does not have. */
export function cipherSuiteName(suite: number): string {
  return CIPHER_SUITE_NAMES.get(suite) ?? `0x${suite.toString(16).padStart(4, '0')}`;
}

/** Lengths of the protected records that end a TLS 1.3 handshake, when nothing is padded. */
export interface Tls13Lengths {
  /** An alert: two bytes, content type and tag (RFC 8446 §5.2, §6). */
  readonly alert: number;
  /** A Finished alone in its record (RFC 8446 §4.4.4). */
  readonly finished: number;
  /** An EndOfEarlyData alone in its record (RFC 8446 §4.5). */
  readonly endOfEarlyData: number;
  /** A Certificate message without a certificate (RFC 8446 §4.4.2). */
  readonly emptyCertificate: number;
  /** The same and a Finished in one record. */
  readonly emptyCertificateAndFinished: number;
}

const HANDSHAKE_HEADER_BYTES = 4;
const CONTENT_TYPE_BYTES = 1;

function lengthsFor(hashBytes: number, tagBytes: number): Tls13Lengths {
  const around = CONTENT_TYPE_BYTES + tagBytes;
  const finished = HANDSHAKE_HEADER_BYTES + hashBytes;
  const emptyCertificate = HANDSHAKE_HEADER_BYTES + 4; // empty context, empty list
  return {
    alert: 2 + around,
    finished: finished + around,
    endOfEarlyData: HANDSHAKE_HEADER_BYTES + around,
    emptyCertificate: emptyCertificate + around,
    emptyCertificateAndFinished: emptyCertificate + finished + around,
  };
}

const SHA256_TAG16 = lengthsFor(32, 16);
const SHA384_TAG16 = lengthsFor(48, 16);
const SHA256_TAG8 = lengthsFor(32, 8);

/**
 * Record lengths under a TLS 1.3 suite: RFC 8446 appendix B.4, RFC 8998 (SM4), RFC 9150 (integrity only), RFC 9367
 * (GOST). Null for a suite whose lengths are not known: then nothing can be concluded from lengths.
 */
export function tls13Lengths(suite: number): Tls13Lengths | null {
  switch (suite) {
    case 0x1301: // AES_128_GCM_SHA256
    case 0x1303: // CHACHA20_POLY1305_SHA256
    case 0x1304: // AES_128_CCM_SHA256
    case 0x00c6: // SM4_GCM_SM3
    case 0x00c7: // SM4_CCM_SM3
    case 0xc103: // KUZNYECHIK_MGM_L
    case 0xc105: // KUZNYECHIK_MGM_S
      return SHA256_TAG16;
    case 0x1302: // AES_256_GCM_SHA384
      return SHA384_TAG16;
    case 0x1305: // AES_128_CCM_8_SHA256
    case 0xc104: // MAGMA_MGM_L
    case 0xc106: // MAGMA_MGM_S
      return SHA256_TAG8;
    case 0xc0b4: // SHA256_SHA256
      return lengthsFor(32, 32);
    case 0xc0b5: // SHA384_SHA384
      return lengthsFor(48, 48);
    default:
      return null;
  }
}
