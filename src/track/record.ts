/**
 * The record of a connection: 256 bytes, four cache lines, in one big buffer that is seen as 32-bit words and as
 * doubles. No garbage collector walks over a million of them, and a data packet touches only the first two lines.
 *
 * Everything here is a plain number: only then does the bundler put it into the code that uses it (ADR 0006).
 *
 * Positions named here are in words from the record's start (`WORDS_PER_RECORD * slot`), or, where the name ends in
 * `At`, in doubles (`TIMES_PER_RECORD * slot`). Times are microseconds since 1970-01-01 UTC.
 */
export const WORDS_PER_RECORD = 64;
export const TIMES_PER_RECORD = 32;

// Line 0: who it is, and when somebody last looked.
/** Four words, network order; an IPv4 address is the first, the rest is 0. */
export const INITIATOR_ADDRESS = 0;
export const RESPONDER_ADDRESS = 4;
/** Initiator's port in the upper half, responder's in the lower. */
export const PORTS = 8;
export const HASH = 9;
export const STATE = 10;
/** How often the initiator repeated its SYN before an answer. */
export const SYN_REPEATS = 11;
/** Nothing needs to be checked before this time. */
export const DEADLINE_AT = 6;
export const LAST_SEEN_AT = 7;

// Line 1: the sequence state of each side; `SIDE_WORDS * side` is added to these.
export const SIDE_WORDS = 8;
/** The sequence number after the last byte (or SYN, or FIN) this side was seen to send. */
export const NEXT_SEQUENCE = 16;
/** The highest acknowledgment this side sent. */
export const ACKED = 17;
/** The window this side last advertised, in bytes. */
export const WINDOW = 18;
/** Its window shift; -1 while unknown. */
export const WINDOW_SHIFT = 19;
/** Stream bytes this side sent, as a double; `SIDE_TIMES * side` is added. */
export const STREAM_BYTES_AT = 10;
export const SIDE_TIMES = 4;
/** When a new byte last moved in either direction (initiator's half of the line). */
export const LAST_PROGRESS_AT = 11;
/** Number of the connection since the table was made (responder's half of the line). */
export const SERIAL_AT = 15;

// Line 2: what is needed when it begins and ends.
export const BEGIN_AT = 16;
export const SYN_ACK_AT = 17;
export const ESTABLISHED_AT = 18;
export const TLS_DONE_AT = 19;
export const END_AT = 20;
/** Initial sequence number of the initiator; the responder's is the next word. */
export const ISN = 42;
/** Bytes that the initiator must have sent and that were not captured; the responder's are the next word. */
export const MISSING = 44;
/**
 * How long the responder's first byte took, in microseconds; while it is awaited, minus the time of the initiator's
 * first byte; 0 when that was not seen.
 */
export const FIRST_BYTE_AT = 23;

// Line 3: what is needed when something is out of the ordinary.
/** Further state, see the bits below. */
export const FLAGS = 48;

/** What went wrong with it, as the number of its event code, in bits 0–4 of `FLAGS`; 0 nothing. */
export const FAILURE_MASK = 0x1f;

/** Where the connection is (`Phase`), in bits 0–2 of `STATE`. */
export const PHASE_MASK = 0x7;
export const PHASE_SYN_SENT = 0;
export const PHASE_SYN_ACKED = 1;
export const PHASE_ESTABLISHED = 2;
export const PHASE_CLOSED = 3;
export const PHASE_LET_GO = 4;
export const IPV6 = 0x8;
export const MIDSTREAM = 0x10;
/** Shifted left by the side: that side has sent a FIN. */
export const FIN_SENT = 0x20;
/** Shifted left by the side: packets of that side were seen. */
export const SEEN = 0x80;
/** Shifted left by the side: that side has sent payload. */
export const SPOKE = 0x200;
/** Shifted left by the side: that side has sent a fatal TLS alert. */
export const FATAL_ALERT = 0x800;
/** 00006 was due and has been told. */
export const HALF_OPEN_TOLD = 0x2000;
/** 00007 was due in this stillness and has been told. */
export const STALE_TOLD = 0x4000;
/** The side that ended it. */
export const ENDED_BY_SHIFT = 15;
export const END_TYPE_SHIFT = 16; // 3 bits
export const POD_SIDE_SHIFT = 19; // 2 bits
export const CONNECTION_TYPE_SHIFT = 21; // 2 bits
/** The side that moved the last new byte. */
export const LAST_SPEAKER_SHIFT = 23;
/** The side whose FIN came first, once a FIN was sent. */
export const FIRST_FIN_SHIFT = 25;
/** Somebody reads its payload. */
export const READING = 0x4000000;
/** Nobody wants to hear of it: no events, no pcap. */
export const SILENCED = 0x8000000;
/** It is read again, though bytes of it were passed over: a search began in the middle of it. */
export const READ_AGAIN = 0x10000000;
