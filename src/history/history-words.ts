/*
 * How the packet history lays out its records. Plain numbers in a file of nothing else: the bundler puts them into the
 * code.
 */

// Words of a slot's record: two of them are one cache line.
export const WORDS_PER_SLOT = 8;
export const BYTES_PER_SLOT = 32;
/** Goes up whenever what was noted for the slot is void. */
export const EPOCH = 0;
/** Packets in the log, or `MUTED`. */
export const PACKETS = 1;
/** Their bytes, as records of a capture file. */
export const BYTES = 2;
/** The newest reference. */
export const LAST = 3;
/** Packets that were not even noted. */
export const OMITTED = 4;
/** Link type of the first packet plus 1; 0 before it. */
export const LINK_TYPE = 5;
/** What became of its packets that left the log: 0 while none did, else one of the two below. */
export const MOVED = 6;
/** Some may be in the chunks. */
export const MOVED_SOME = 1;
/** All were let go, as everybody else holds as little as can be held. */
export const MOVED_NONE = 2;

// Words of a reference. The first two are its time, a double in microseconds.
/** Where the packet begins in the log. */
export const REFERENCE_START = 2;
/** Bytes that are kept of it. */
export const REFERENCE_LENGTH = 3;
export const REFERENCE_WIRE_LENGTH = 4;
export const REFERENCE_SLOT = 5;
/** The slot's epoch when the packet was noted. */
export const REFERENCE_EPOCH = 6;
/** The reference before it of the same slot. */
export const REFERENCE_PREVIOUS = 7;
