/** Bytes of a MiB. */
export const MEBIBYTE = 1_048_576;
