import { recordedHandshakes } from '../protocols/tls/recorded-handshakes.ts';
import type { Message } from './content.ts';
import type { Random } from './random.ts';

/** Handshakes of which every connection takes one: full and resumed, of both versions. */
const HANDSHAKES = [
  'TLS 1.2 ECDHE-ECDSA-AES128-CCM',
  'TLS 1.3 TLS_AES_128_GCM_SHA256',
  'TLS 1.3 TLS_AES_128_GCM_SHA256',
  'TLS 1.3 session ticket',
].map(handshakeMessages);

const APPLICATION_DATA = 23;
const HEADER_BYTES = 5;
/** Plaintext in a record at most (RFC 8446 §5.1). */
const MAX_PLAINTEXT_BYTES = 16_384;
/** What AES-GCM adds: the content type and the tag (RFC 8446 §5.2). */
const OVERHEAD_BYTES = 17;
/** Bytes that look encrypted: the same for all, as nobody looks into them. */
const CIPHERTEXT = Buffer.alloc(MAX_PLAINTEXT_BYTES + OVERHEAD_BYTES);
for (let at = 0, state = 1; at < CIPHERTEXT.length; at++) {
  state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
  CIPHERTEXT[at] = state >>> 24;
}

/** A handshake between real programs. The same random bytes each time: nobody takes them for a repetition. */
export function tlsHandshake(random: Random): readonly Message[] {
  return random.pick(HANDSHAKES);
}

/** `plaintextBytes` of application data in records. */
export function protectedRecords(plaintextBytes: number): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let left = plaintextBytes; left > 0; left -= MAX_PLAINTEXT_BYTES) {
    const length = Math.min(left, MAX_PLAINTEXT_BYTES) + OVERHEAD_BYTES;
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt8(APPLICATION_DATA);
    header.writeUInt16BE(0x0303, 1);
    header.writeUInt16BE(length, 3);
    parts.push(header, CIPHERTEXT.subarray(0, length));
  }
  return Buffer.concat(parts);
}

/** What was recorded of a handshake, flights put together. */
function handshakeMessages(name: string): readonly Message[] {
  const flights: { fromClient: boolean; parts: Buffer[] }[] = [];
  for (const line of recordedHandshakes[name] ?? []) {
    const [direction, digits = ''] = line.split(' ');
    if (!/^[0-9a-f]+$/.test(digits)) continue; // FIN or RST
    const fromClient = direction === '>';
    const last = flights.at(-1);
    if (last?.fromClient === fromClient) last.parts.push(Buffer.from(digits, 'hex'));
    else flights.push({ fromClient, parts: [Buffer.from(digits, 'hex')] });
  }
  return flights.map(({ fromClient, parts }) => ({ fromClient, bytes: Buffer.concat(parts) }));
}
