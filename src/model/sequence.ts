/**
 * Arithmetic on TCP sequence numbers (RFC 9293 §3.4): they wrap at 2^32, so only differences mean something. All
 * values are signed 32-bit integers; a difference is right as long as the two are less than 2^31 apart.
 */

/** How far `a` is past `b`; negative when it is before. */
export function sequenceDiff(a: number, b: number): number {
  return (a - b) | 0;
}

/** `sequence` moved on by `bytes`. */
export function sequenceAdd(sequence: number, bytes: number): number {
  return (sequence + bytes) | 0;
}
