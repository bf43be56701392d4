/** The largest window there is (RFC 7323 §2.3), and so the farthest a byte can be ahead of an acknowledgment. */
export const LARGEST_WINDOW_BYTES = 1 << 30;
