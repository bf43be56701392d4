import type { Side } from '../model/connection.ts';
import { HOLE, HOP_LIMITS, MISSING, NEXT_SEQUENCE, SIDE_WORDS, SPOKE_AHEAD } from './record.ts';
import { LARGEST_WINDOW_BYTES } from './sequence-window.ts';

/*
 * Bytes of a side that must have been sent and were not captured. `word` is where the connection's record begins in
 * `words`.
 */

/** Notes that bytes of a side were passed over, from `sequence` on. */
export function noteMissing(words: Int32Array, word: number, side: Side, sequence: number, bytes: number): void {
  if (words[word + MISSING + side] === 0) words[word + HOLE + side] = sequence;
  words[word + MISSING + side] += bytes;
}

/** Notes bytes that lie before others; returns true for some that were passed over, false for what is sent again. */
export function noteFound(words: Int32Array, word: number, side: Side, sequence: number, length: number): boolean {
  if (words[word + MISSING + side] === 0) return false;
  const past = (sequence + length - words[word + HOLE + side]) | 0;
  if (past <= 0) return false; // seen before
  if (((sequence - words[word + HOLE + side]) | 0) <= 0) words[word + HOLE + side] = (sequence + length) | 0;
  words[word + MISSING + side] = Math.max(0, words[word + MISSING + side] - Math.min(past, length));
  return true;
}

/** Notes that a side speaks from behind bytes that did not come: they were sent. */
export function noteAhead(words: Int32Array, word: number, side: Side, sequence: number): void {
  const ahead = (sequence - words[word + SIDE_WORDS * side + NEXT_SEQUENCE]) | 0;
  if (ahead > 0 && ahead < LARGEST_WINDOW_BYTES) words[word + HOP_LIMITS] |= SPOKE_AHEAD << side;
}
