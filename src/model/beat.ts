/**
 * The thread wakes up at whole multiples of this much of the monotonic clock, in milliseconds: whoever can choose when to
 * be called chooses one of them, so that one wake-up does for all.
 */
export const BEAT_MS = 20;

/** Milliseconds from `nowMs`, of the monotonic clock, to the first whole multiple of `periodMs` that is at least half of it away. */
export function msToBeat(nowMs: number, periodMs = BEAT_MS): number {
  const leftMs = periodMs - (nowMs % periodMs);
  return leftMs < periodMs / 2 ? leftMs + periodMs : leftMs;
}
