/**
 * The record of a connection: 384 bytes, six cache lines, in one big buffer that is seen as 32-bit words and as
 * doubles. No garbage collector walks over a million of them, and a data packet touches only the first two lines and
 * the fourth.
 *
 * Everything here is a plain number: only then does the bundler put it into the code that uses it (ADR 0006).
 *
 * Positions named here are in words from the record's start (`WORDS_PER_RECORD * slot`), or, where the name ends in
 * `At`, in doubles (`TIMES_PER_RECORD * slot`). Times are microseconds since 1970-01-01 UTC.
 */
export const WORDS_PER_RECORD = 96;
export const TIMES_PER_RECORD = 48;

// Line 0: who it is, and when somebody last looked.
/** Four words, network order; an IPv4 address is the first, the rest is 0. */
export const INITIATOR_ADDRESS = 0;
export const RESPONDER_ADDRESS = 4;
/** Initiator's port in the upper half, responder's in the lower. */
export const PORTS = 8;
export const HASH = 9;
export const STATE = 10;
/** How often the initiator repeated its SYN before an answer; in the upper half, how often the SYN-ACK was repeated. */
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
/** How long nothing had moved before the turn of the side that moved the last new byte, in microseconds. */
export const REST_AT = 15;

// Line 2: what is needed when it begins and ends.
export const BEGIN_AT = 16;
export const SYN_ACK_AT = 17;
export const ESTABLISHED_AT = 18;
export const TLS_DONE_AT = 19;
export const END_AT = 20;
/** While it is open: where the first bytes are missing that the initiator sent; the responder's is the next word. */
export const HOLE = 40;
/** Initial sequence number of the initiator; the responder's is the next word. */
export const ISN = 42;
/** Bytes that the initiator must have sent and that were not captured; the responder's are the next word. */
export const MISSING = 44;
/**
 * How long the responder's first byte took, in microseconds; while it is awaited, minus the time of the initiator's
 * first byte; 0 when that was not seen.
 */
export const FIRST_BYTE_AT = 23;

// Line 3: what is noted of messages, and with each segment and acknowledgment; `QUALITY_WORDS * side` is added to five.
// Times that end in `SINCE` are the lower 32 bits of microseconds: differences of up to 35 minutes can be told.
/** Further state, see the bits below. */
export const FLAGS = 48;
/** State of the above, see the bits below. */
export const QUALITY = 49;
export const QUALITY_WORDS = 5;
/** Segments with new payload that a side sent. */
export const SEGMENTS = 50;
/** Shortest time from a segment of a side to its acknowledgment, in microseconds; 0 when none was seen. */
export const ROUND_TRIP_US = 51;
/** Acknowledgments up to this sequence number may be of segments that were sent twice. */
export const SENT_AGAIN_TO = 52;
/** The segment whose acknowledgment is waited for: the sequence number behind it, and when it was sent. */
export const AWAITED_END = 53;
export const AWAITED_SINCE = 54;
/** Where the message that a side is sending ends, as a sequence number; the responder's is the next word. */
export const MESSAGE_END = 60;
/** The last four bytes that the responder sent of a body in chunks; with HTTP/2 the requests without a whole answer. */
export const LAST_BYTES = 62;
export const OTHER_WINDOW = 63;
/** With HTTP/2: the highest stream that the initiator has begun. */
export const HIGHEST_STREAM = 63;

// Line 4: what is needed when something is out of the ordinary.
/** Initial sequence number of a second SYN-ACK with another number than the first, and its window fields. */
export const OTHER_ISN = 64;
/** Once it is established: from the last new byte to the first FIN, in milliseconds. */
export const WAITED_MS = 64;
/** Hop limits (TTL) that both sides' packets came with: initiator's in bits 0–7, responder's in bits 8–15; 0 unknown. */
export const HOP_LIMITS = 65;
/** Beside the hop limits, shifted left by the side: that side spoke from behind bytes that never came. */
export const SPOKE_AHEAD = 0x1000000;
/** Likewise: the RST that answered the SYN had a sequence number, as if there had been a SYN-ACK before. */
export const RST_NUMBERED = 0x4000000;
/** Keep-alive probes without an answer: initiator's in the lower half, responder's in the upper. */
export const KEEP_ALIVES = 66;
/** Maximum segment sizes that the SYNs named: initiator's in the lower half, responder's in the upper; 0 unknown. */
export const SEGMENT_SIZES = 67;
/** How often the first unacknowledged segment was sent again: initiator's in the lower half, responder's in the upper. */
export const REPEATS = 68;
/** Answers that were errors of the server: HTTP 5xx, gRPC. */
export const HTTP_ERRORS = 69;
/** Number of the connection since the table was made. */
export const SERIAL_AT = 35;
/** When the first FIN came. */
export const FIN_AT = 36;
/** When a RST came that waits for its receiver's silence; before the handshake is complete, when the other SYN-ACK came. */
export const RST_AT = 37;
export const OTHER_SYN_ACK_AT = 37;
/** When the request was sent that waits for its answer; 0 when none does. */
export const REQUEST_SINCE = 76;
/** Number of the service whose answers it has, as whoever counts them has it; 0 none yet. */
export const ANSWERING = 77;
/** How long the initiator's window has been closed this time, in milliseconds; the responder's is the next word. */
export const CLOSED_MS = 78;

// Line 5: what is noted of segments that are sent again; `LOSS_WORDS * side` is added.
export const LOSS_WORDS = 8;
/** Segments of a side that were sent again, and their payload bytes. */
export const RESENT = 80;
export const RESENT_BYTES = 81;
/** Segments of a side that came behind later ones. */
export const OUT_OF_ORDER = 82;
/** Of those sent again: in the lower half, lost before the capture; in the upper, such as the other side had already. */
export const RESENT_KINDS = 83;
/** When bytes of a side were passed over. */
export const HOLE_SINCE = 84;
/** When its first unacknowledged segment was last sent again. */
export const RESENT_SINCE = 85;
/** How long its window was closed before, in milliseconds. */
export const ZERO_WINDOW_MS = 86;
/** Up to when the present closing is counted. */
export const CLOSED_SINCE = 87;

/** Bits of `QUALITY`, each shifted left by the side. Segments were sent again that may not be acknowledged yet. */
export const RECOVERING = 0x1;
/** A round trip is being measured. */
export const AWAITED = 0x4;
/** Its window is closed. */
export const WINDOW_CLOSED = 0x10;
/** The other side has probed its closed window, more than once. */
export const PROBED = 0x40;
/** 00017 was told of this closing. */
export const ZERO_WINDOW_TOLD = 0x100;
/** Segments were sent again. */
export const RESENT_SEEN = 0x400;
/** 00016 was told of its segments. */
export const LOSS_TOLD = 0x1000;
/** The other side has probed its closed window. */
export const PROBED_ONCE = 0x4000;
/** How often in a row its first unacknowledged segment was sent again by time-out: 4 bits, shifted by 4 more for the responder. */
export const TIMEOUTS_SHIFT = 16;
export const TIMEOUTS_MASK = 0xf;

/** What went wrong with it, as the number of its event code, in bits 0–4 of `FLAGS`; 0 nothing. */
export const FAILURE_MASK = 0x1f;
/** Its SYN was answered by an ACK of an older connection. */
export const OLDER_ANSWER = 0x20;
/** Packets that belong to it came from an address that was not asked. */
export const FOREIGN_SEEN = 0x40;
/** It was let go as stale and went on after that. */
export const RESUMED = 0x80;
/** 00022 was due and has been told. */
export const HALF_CLOSED_EMITTED = 0x100;
/** The initiator sent new bytes after the responder's FIN. */
export const LATE_REQUEST = 0x200;
/** The responder sent the RST that waits. */
export const RST_BY_RESPONDER = 0x400;
/** The first packet seen of that side may have been a keep-alive probe. Shifted left by the side. */
export const MAYBE_PROBE = 0x800;
/** Shifted left by the side: `MESSAGE_END` is known. */
export const MESSAGE_KNOWN = 0x2000;
/** The responder's body comes in chunks. */
export const CHUNKED = 0x8000;
/** The responder's next bytes are the head of a message, whoever spoke before. */
export const HEAD_EXPECTED = 0x10000;
/** The initiator has asked for something. */
export const ASKED = 0x20000;
/** What it asked for has no body in its answer. */
export const BODILESS = 0x40000;
/** The responder's message ends with its FIN. */
export const UNTIL_CLOSE = 0x80000;
/** No messages are followed any more: the connection became a tunnel, or another protocol. */
export const TUNNELLED = 0x100000;
/** The responder declined to speak TLS. */
export const DECLINED = 0x200000;
/** The initiator closed while it waited for an answer. */
export const GAVE_UP = 0x400000;
/** The responder closed while an answer was owed. */
export const HUNG_UP = 0x800000;
/** The initiator had asked for something when it closed. */
export const ASKED_AT_FIN = 0x4000000;
/** 00021 was due before the connection ended. */
export const NO_ANSWER_EMITTED = 0x8000000;
/** The connection ended by a RST of the initiator, whatever came before it. */
export const RESET_BY_INITIATOR = 0x10000000;
/** The initiator said goodbye by an encrypted TLS alert, which is taken for close_notify. */
export const GOODBYE_BY_INITIATOR = -0x80000000;
/** An ICMP error quoted one of its packets. */
export const ICMP_SEEN = 0x20000000;
/** 00015 was told. */
export const MTU_EMITTED = 0x40000000;
/** The initiator asked for a tunnel: CONNECT. */
export const TUNNEL_ASKED = 0x2000000;
/** What the initiator asks cannot be read: perhaps it asks nothing. */
export const OPAQUE = 0x1000000;

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
export const HALF_OPEN_EMITTED = 0x2000;
/** 00007 was due in this stillness and has been told. */
export const STALE_EMITTED = 0x4000;
/** The side that ended it. */
export const ENDED_BY_SHIFT = 15;
export const END_TYPE_SHIFT = 16; // 3 bits
export const POD_SIDE_SHIFT = 19; // 2 bits
export const CONNECTION_TYPE_SHIFT = 21; // 2 bits
/** The side that moved the last new byte. */
export const LAST_SPEAKER_SHIFT = 23;
/** Messages of its sides are followed (`dialogues.ts`). */
export const DIALOGUE = 0x1000000;
/** The side whose FIN came first, once a FIN was sent. */
export const FIRST_FIN_SHIFT = 25;
/** Somebody reads its payload. */
export const READING = 0x4000000;
/** Nobody wants to hear of it: no events, no pcap. */
export const SILENCED = 0x8000000;
/** It is read again, though bytes of it were passed over: a search began in the middle of it. */
export const READ_AGAIN = 0x10000000;
/** Something in the fourth line is to be looked at with each packet: keep-alive probes. */
export const WATCHED = 0x20000000;
/** HTTP/2 frames of its sides are followed. */
export const FRAMED = -0x80000000;
/** A RST within the window was seen; whether it ended the connection is not known yet. */
export const RST_WAITS = 0x40000000;
