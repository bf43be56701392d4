/** Microseconds of a second. */
export const SECOND_US = 1_000_000;
