import { Side } from '../model/connection.ts';
import type { Packet } from '../model/packet.ts';
import { TCP_ACK } from '../model/tcp-bits.ts';
import { FLAGS, KEEP_ALIVES, MAYBE_PROBE, NEXT_SEQUENCE, SIDE_WORDS, STATE, WATCHED } from './record.ts';

/* Keep-alive probes (RFC 9293 §3.8.4). `word` is where the connection's record begins in `words`. */

/** Counts a probe of a side, until the other side shows that it is there. */
export function countKeepAlive(words: Int32Array, word: number, side: Side): void {
  words[word + STATE] |= WATCHED;
  const shift = side * 16;
  if (((words[word + KEEP_ALIVES] >>> shift) & 0xffff) < 0xffff) words[word + KEEP_ALIVES] += 1 << shift;
}

/** Notes what a packet of a watched connection tells of probes: the other side's have their answer. */
export function noteSignOfLife(words: Int32Array, word: number, side: Side, packet: Packet): void {
  words[word + KEEP_ALIVES] &= side === Side.initiator ? 0xffff : 0xffff0000;
  const maybeProbe = MAYBE_PROBE << side;
  if ((words[word + FLAGS] & maybeProbe) !== 0 && packet.payloadLengthBytes > 0) {
    alignBehindProbe(words, word, side, packet.sequence);
  }
  if ((words[word + FLAGS] & (MAYBE_PROBE << (1 - side))) !== 0 && (packet.flags & TCP_ACK) !== 0) {
    alignBehindProbe(words, word, (1 - side) as Side, packet.acknowledgment);
  }
  if (words[word + KEEP_ALIVES] === 0 && (words[word + FLAGS] & (MAYBE_PROBE * 3)) === 0) {
    words[word + STATE] &= ~WATCHED;
  }
}

/** The first packet seen of a side proves to be a probe where its stream goes on one behind it. */
function alignBehindProbe(words: Int32Array, word: number, side: Side, sequence: number): void {
  const own = word + SIDE_WORDS * side;
  if (((sequence - words[own + NEXT_SEQUENCE]) | 0) === 1) words[own + NEXT_SEQUENCE] = sequence;
  words[word + FLAGS] &= ~(MAYBE_PROBE << side);
}
