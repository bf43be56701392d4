import { Side } from '../model/connection.ts';
import type { Packet } from '../model/packet.ts';
import type { ConnectionTable } from './connection-table.ts';
import {
  ACKED,
  FIN_AT,
  FLAGS,
  IPV6,
  ISN,
  LAST_PROGRESS_AT,
  MIDSTREAM,
  MISSING,
  MTU_EMITTED,
  NEXT_SEQUENCE,
  REPEATS,
  SEEN,
  SIDE_WORDS,
  STATE,
  SYN_ACK_AT,
  TIMES_PER_RECORD,
  WORDS_PER_RECORD,
} from './record.ts';

/** Smaller segments pass everywhere: an IPv6 link takes 1280 bytes (RFC 8200 §5), tunnels take less than 500 from that. */
const LARGE_BYTES = 900;
/** The same bytes sent so often again, each time after a time-out. */
const MANY_REPEATS = 3;
/** No stack sends again sooner for want of an acknowledgment (RFC 6298 §2.4: a second; Linux 200 ms). */
const SOONEST_REPEAT_US = 150_000;
/** What was sent and is not here by then is not only late. */
const LOST_AFTER_US = 2_000_000;

/** A size that does not get through, and what did. */
export interface PathMtuTrouble {
  /** Whose packets do not get through. */
  readonly side: Side;
  /** The largest IP packet of that side that can have passed, bytes. */
  readonly passedBytes: number;
  /** The IP packet that did not pass, bytes; of what was never seen, what is missing at most. */
  readonly lostBytes: number;
}

/**
 * Finds connections whose large segments do not get through though small ones do: a segment larger than all that was
 * ever acknowledged is sent again and again, or a side acknowledges from behind bytes that never came by.
 */
export class PathMtu {
  readonly #words: Int32Array;
  readonly #times: Float64Array;

  constructor(table: ConnectionTable) {
    this.#words = table.words;
    this.#times = table.times;
  }

  /** A segment of bytes that were seen before: what it tells; null for nothing. */
  repeated(slot: number, side: Side, packet: Packet): PathMtuTrouble | null {
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    const other = word + SIDE_WORDS * (1 - side);
    if (packet.sequence !== words[other + ACKED]) return null;
    const count = this.countRepeat(slot, side, packet);
    if (packet.payloadLengthBytes < LARGE_BYTES || count < MANY_REPEATS || !this.#mayTell(slot, side)) return null;
    const passed = this.#acknowledgedBytes(word, side);
    return passed < 0 || passed >= packet.payloadLengthBytes
      ? null
      : this.#trouble(word, side, passed, packet.payloadLengthBytes);
  }

  /** Counts how often a segment was sent again that begins with a side's first unacknowledged byte. */
  countRepeat(slot: number, side: Side, packet: Packet): number {
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    const time = slot * TIMES_PER_RECORD;
    const shift = side * 16;
    const key = packet.sequence & 0xff;
    const before = (words[word + REPEATS] >>> shift) & 0xffff;
    // sooner it is a second copy of the same packet
    const sentUs = Math.max(this.#times[time + LAST_PROGRESS_AT], this.#times[time + FIN_AT]);
    if (packet.timeUs - sentUs < SOONEST_REPEAT_US) return before >>> 8 === key ? before & 0xff : 0;
    const count = before >>> 8 === key ? Math.min((before & 0xff) + 1, 0xff) : 1;
    words[word + REPEATS] = (words[word + REPEATS] & ~(0xffff << shift)) | (((key << 8) | count) << shift);
    return count;
  }

  /** `closer` closes: whether it still misses large segments of the other side, though a small one behind them came. */
  closing(slot: number, closer: Side, timeUs: number): PathMtuTrouble | null {
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    const sender = (1 - closer) as Side;
    const missing = words[word + MISSING + sender];
    if (missing < LARGE_BYTES || missing > 0xffff || !this.#mayTell(slot, sender)) return null;
    const acknowledged = words[word + SIDE_WORDS * closer + ACKED];
    const unacknowledged = (words[word + SIDE_WORDS * sender + NEXT_SEQUENCE] - acknowledged) | 0;
    const isLate = timeUs - this.#times[slot * TIMES_PER_RECORD + LAST_PROGRESS_AT] < LOST_AFTER_US;
    const passed = this.#acknowledgedBytes(word, sender);
    if (isLate || unacknowledged < missing || passed < 0 || passed >= LARGE_BYTES) return null;
    return this.#trouble(word, sender, Math.max(passed, unacknowledged - missing), missing);
  }

  /** A segment without payload from behind bytes that were not seen: what it tells; null for nothing. */
  ahead(slot: number, side: Side, packet: Packet): PathMtuTrouble | null {
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    const missing = (packet.sequence - words[word + SIDE_WORDS * side + NEXT_SEQUENCE]) | 0;
    if (missing < LARGE_BYTES || missing > 0xffff || !this.#mayTell(slot, side)) return null;
    const isLate = packet.timeUs - this.#times[slot * TIMES_PER_RECORD + LAST_PROGRESS_AT] < LOST_AFTER_US;
    const passed = this.#acknowledgedBytes(word, side);
    return isLate || passed < 0 || passed >= LARGE_BYTES ? null : this.#trouble(word, side, passed, missing);
  }

  #mayTell(slot: number, side: Side): boolean {
    const word = slot * WORDS_PER_RECORD;
    const state = this.#words[word + STATE];
    if ((this.#words[word + FLAGS] & MTU_EMITTED) !== 0 || (state & MIDSTREAM) !== 0) return false;
    if ((state & (SEEN * 3)) !== SEEN * 3) return false;
    return side === Side.initiator || this.#times[slot * TIMES_PER_RECORD + SYN_ACK_AT] !== 0;
  }

  /** Bytes of a side that the other has acknowledged since the beginning. */
  #acknowledgedBytes(word: number, side: Side): number {
    const words = this.#words;
    return (words[word + SIDE_WORDS * (1 - side) + ACKED] - words[word + ISN + side] - 1) | 0;
  }

  #trouble(word: number, side: Side, passed: number, lost: number): PathMtuTrouble {
    this.#words[word + FLAGS] |= MTU_EMITTED;
    const headerBytes = (this.#words[word + STATE] & IPV6) !== 0 ? 60 : 40;
    return { side, passedBytes: headerBytes + Math.max(0, passed), lostBytes: headerBytes + lost };
  }
}
