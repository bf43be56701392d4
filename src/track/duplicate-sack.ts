import type { Packet } from '../model/packet.ts';

const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_SACK = 5;
/** A SACK option with one block. */
const LEAST_OPTION_BYTES = 10;

/**
 * Whether a packet says by D-SACK that a segment came twice: its first SACK block lies before the acknowledgment, or
 * within the second block (RFC 2883 §4).
 */
export function duplicateAcknowledged({ view, tcpHeader, payloadStart, acknowledgment }: Packet): boolean {
  let at = tcpHeader + 20;
  const end = Math.min(payloadStart, view.byteLength);
  if (end - at < LEAST_OPTION_BYTES) return false;
  while (at + 2 <= end) {
    const kind = view.getUint8(at);
    if (kind === OPTION_END) return false;
    if (kind === OPTION_NOP) {
      at++;
      continue;
    }
    const length = view.getUint8(at + 1);
    if (length < 2) return false;
    if (kind !== OPTION_SACK) {
      at += length;
      continue;
    }
    if (length < LEAST_OPTION_BYTES || at + LEAST_OPTION_BYTES > end) return false;
    const left = view.getInt32(at + 2);
    if (((left - acknowledgment) | 0) < 0) return true;
    if (length < LEAST_OPTION_BYTES + 8 || at + LEAST_OPTION_BYTES + 8 > end) return false;
    const within = (left - view.getInt32(at + 10)) | 0;
    return within >= 0 && ((view.getInt32(at + 6) - view.getInt32(at + 14)) | 0) <= 0;
  }
  return false;
}
