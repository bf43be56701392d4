// Words of a slot's record, which is one cache line. A slot is in use when it has packets or omitted some; the
// connection's beginning and the rest are two chains.
export const WORDS_PER_SLOT = 16;
export const PACKETS = 0;
export const OMITTED = 1;
export const HEAD_FIRST = 2;
export const HEAD_BYTES = 3;
export const HEAD_CLOSED = 4;
export const TAIL_FIRST = 5;
/** Where the oldest record begins in the first chunk. */
export const TAIL_SKIP = 6;
export const TAIL_BYTES = 7;
/** Chunk that is being filled, of whichever chain. */
export const LAST = 8;
export const LAST_USED = 9;
