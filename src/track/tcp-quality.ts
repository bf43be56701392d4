import { Side } from '../model/connection.ts';
import type { Packet } from '../model/packet.ts';
import type { ConnectionTable } from './connection-table.ts';
import { duplicateAcknowledged } from './duplicate-sack.ts';
import {
  ACKED,
  AWAITED,
  AWAITED_END,
  AWAITED_SINCE,
  BEGIN_AT,
  CLOSED_MS,
  CLOSED_SINCE,
  ESTABLISHED_AT,
  FLAGS,
  HOLE_SINCE,
  ISN,
  LAST_PROGRESS_AT,
  LAST_SPEAKER_SHIFT,
  LOSS_WORDS,
  MIDSTREAM,
  MTU_EMITTED,
  NEXT_SEQUENCE,
  OUT_OF_ORDER,
  PROBED,
  PROBED_ONCE,
  QUALITY,
  QUALITY_WORDS,
  RECOVERING,
  RESENT,
  RESENT_BYTES,
  RESENT_KINDS,
  RESENT_SEEN,
  RESENT_SINCE,
  ROUND_TRIP_US,
  SEEN,
  SEGMENTS,
  SENT_AGAIN_TO,
  SIDE_WORDS,
  STATE,
  SYN_ACK_AT,
  SYN_REPEATS,
  TIMEOUTS_MASK,
  TIMEOUTS_SHIFT,
  TIMES_PER_RECORD,
  WINDOW,
  WINDOW_CLOSED,
  WORDS_PER_RECORD,
  ZERO_WINDOW_MS,
  ZERO_WINDOW_TOLD,
} from './record.ts';
import { TrackedConnection } from './tracked-connection.ts';
import type { TrackerListener } from './tracker-listener.ts';

/** No stack sends again sooner for want of an acknowledgment (RFC 6298 §2.4: a second; Linux 200 ms). */
const SOONEST_TIMEOUT_US = 150_000;
/** Where the round trip is not known, what comes so late was sent again, and is not only out of order (as Wireshark has it). */
const REORDERED_WITHIN_US = 3_000;
/** The same bytes sent so often again by time-out are lost, whatever the pauses between. */
const MANY_TIMEOUTS = 3;
/** Larger segments may be too large for the way: what becomes of those is told by `PathMtu`, at the third time-out. */
const LARGE_BYTES = 900;
/** The first probe of a closed window comes after the retransmission time-out (RFC 9293 §3.8.6.1): what is later is a keep-alive. */
const FIRST_PROBE_WITHIN_MS = 5_000;
const MOST_OF_KIND = 0xffff;

/**
 * How well TCP gets through: what is sent again and where it was lost, what comes out of order, how long round trips
 * take towards both sides, and closed windows. As seen from where the capture is: a segment that came by twice was lost
 * beyond it, a hole that is filled later was lost before it.
 */
export class TcpQuality {
  readonly #words: Int32Array;
  readonly #times: Float64Array;
  readonly #listener: TrackerListener;
  readonly #connection: TrackedConnection;
  /** Segments that were sent again: by the initiators, and by the responders. */
  readonly resent: [number, number] = [0, 0];

  constructor(table: ConnectionTable, listener: TrackerListener) {
    this.#words = table.words;
    this.#times = table.times;
    this.#listener = listener;
    this.#connection = new TrackedConnection(table);
  }

  /** A segment of a side brought new bytes, up to what is now its next sequence number. */
  sent(word: number, side: Side, timeUs: number): void {
    const words = this.#words;
    const own = word + QUALITY_WORDS * side;
    words[own + SEGMENTS]++;
    if ((words[word + QUALITY] & ((AWAITED | RECOVERING) << side)) !== 0) return;
    words[word + QUALITY] |= AWAITED << side;
    words[own + AWAITED_END] = words[word + SIDE_WORDS * side + NEXT_SEQUENCE];
    words[own + AWAITED_SINCE] = timeUs | 0;
  }

  /**
   * A side acknowledges, before that is noted: something new, or when the other has sent segments again. Measures the
   * round trip by segments that were sent once (RFC 6298 §3, Karn's algorithm): the first of a flight and the last.
   */
  acknowledged(slot: number, side: Side, packet: Packet): void {
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    const sender = (1 - side) as Side;
    const quality = words[word + QUALITY];
    if ((quality & (RESENT_SEEN << sender)) !== 0) {
      if (duplicateAcknowledged(packet)) this.#wasNeedless(word, sender);
      if ((quality & (RECOVERING << sender)) !== 0) this.#recovered(word, side, packet.acknowledgment);
    }
    const own = word + QUALITY_WORDS * sender;
    if ((quality & (AWAITED << sender)) === 0) return;
    const past = (packet.acknowledgment - words[own + AWAITED_END]) | 0;
    if (past < 0) return;
    words[word + QUALITY] = quality & ~(AWAITED << sender);
    const us =
      past > 0 ? this.#sinceLast(slot, sender, packet) : ((packet.timeUs | 0) - words[own + AWAITED_SINCE]) | 0;
    const leastUs = words[own + ROUND_TRIP_US];
    // captured in another order than it was sent, it tells nothing
    if (us > 0 && (leastUs === 0 || us < leastUs)) words[own + ROUND_TRIP_US] = us;
  }

  /** Bytes of a side were passed over. */
  holeBegan(word: number, side: Side, timeUs: number): void {
    this.#words[word + LOSS_WORDS * side + HOLE_SINCE] = timeUs | 0;
  }

  /**
   * A side sends bytes that lie before others. `fillsHole`: they were passed over before, so that the capture had not
   * seen them. What the other side had acknowledged by then was captured late, and tells nothing.
   */
  again(slot: number, side: Side, packet: Packet, fillsHole: boolean): void {
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    const other = word + SIDE_WORDS * (1 - side);
    const { sequence, payloadLengthBytes, timeUs } = packet;
    const isOtherSeen = (words[word + STATE] & (SEEN << (1 - side))) !== 0;
    const isAcknowledged = isOtherSeen && ((sequence + payloadLengthBytes - words[other + ACKED]) | 0) <= 0;
    const loss = word + LOSS_WORDS * side;
    if (fillsHole) {
      if (isAcknowledged) return;
      if ((((timeUs | 0) - words[loss + HOLE_SINCE]) | 0) < this.#reorderedWithinUs(slot)) {
        words[loss + OUT_OF_ORDER]++;
        return;
      }
    } else if (isOtherSeen && !isAcknowledged && words[other + WINDOW] === 0) {
      this.probed(word, (1 - side) as Side, timeUs); // by a stack that probes with what it has (RFC 9293 §3.8.6.1)
      return;
    }
    this.resent[side]++;
    words[loss + RESENT]++;
    words[loss + RESENT_BYTES] += payloadLengthBytes;
    words[word + QUALITY] = (words[word + QUALITY] & ~(AWAITED << side)) | ((RECOVERING | RESENT_SEEN) << side);
    words[word + QUALITY_WORDS * side + SENT_AGAIN_TO] = words[word + SIDE_WORDS * side + NEXT_SEQUENCE];
    if (fillsHole) this.#count(loss, 0);
    else if (isAcknowledged) this.#count(loss, 16);
    if (isAcknowledged) return;
    const isFirst = isOtherSeen && !fillsHole && sequence === words[other + ACKED];
    const isStuck = isFirst && this.#countTimeout(slot, side, packet);
    this.#listener.resent(this.#connection.at(slot), side, isStuck, timeUs);
  }

  /** A side says what window it has, before that is noted: it is closed now, or was. */
  window(slot: number, side: Side, window: number, packet: Packet): void {
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    const { timeUs } = packet;
    const closed = WINDOW_CLOSED << side;
    if ((words[word + QUALITY] & closed) === 0) {
      if (window !== 0) return;
      words[word + QUALITY] = (words[word + QUALITY] & ~((PROBED_ONCE | PROBED | ZERO_WINDOW_TOLD) << side)) | closed;
      words[word + CLOSED_MS + side] = 0;
      words[word + LOSS_WORDS * side + CLOSED_SINCE] = timeUs | 0;
      return;
    }
    this.#countClosed(word, side, timeUs);
    const unacknowledged = words[word + SIDE_WORDS * (1 - side) + NEXT_SEQUENCE] - packet.acknowledgment;
    if ((words[word + QUALITY] & (PROBED << side)) !== 0 || (unacknowledged | 0) > 0) {
      this.#listener.zeroWindow(this.#connection.at(slot), side, timeUs);
    }
    if (window === 0) return;
    words[word + QUALITY] &= ~closed;
    words[word + LOSS_WORDS * side + ZERO_WINDOW_MS] += words[word + CLOSED_MS + side];
    words[word + CLOSED_MS + side] = 0;
  }

  /** The closed window of a side is probed: the other side has more to send. */
  probed(word: number, side: Side, timeUs: number): void {
    const words = this.#words;
    if ((words[word + QUALITY] & (WINDOW_CLOSED << side)) === 0) return;
    this.#countClosed(word, side, timeUs);
    if ((words[word + QUALITY] & (PROBED_ONCE << side)) !== 0) words[word + QUALITY] |= PROBED << side;
    else if (words[word + CLOSED_MS + side] <= FIRST_PROBE_WITHIN_MS) words[word + QUALITY] |= PROBED_ONCE << side;
  }

  /** The clock was set by `deltaUs`. */
  shiftTimes(word: number, deltaUs: number): void {
    const words = this.#words;
    for (let side = 0; side < 2; side++) {
      words[word + QUALITY_WORDS * side + AWAITED_SINCE] += deltaUs | 0;
      const loss = word + LOSS_WORDS * side;
      for (const at of [HOLE_SINCE, RESENT_SINCE, CLOSED_SINCE]) words[loss + at] += deltaUs | 0;
    }
  }

  /** How long ago the last segment of a flight was sent, of which the first was acknowledged; its own where that is another. */
  #sinceLast(slot: number, sender: Side, { acknowledgment, timeUs }: Packet): number {
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    const isLast = acknowledgment === words[word + SIDE_WORDS * sender + NEXT_SEQUENCE];
    return isLast && ((words[word + STATE] >>> LAST_SPEAKER_SHIFT) & 1) === sender
      ? timeUs - this.#times[slot * TIMES_PER_RECORD + LAST_PROGRESS_AT]
      : ((timeUs | 0) - words[word + QUALITY_WORDS * sender + AWAITED_SINCE]) | 0;
  }

  /** A side acknowledges while segments of the other may be sent again. */
  #recovered(word: number, side: Side, acknowledgment: number): void {
    const words = this.#words;
    const sender = (1 - side) as Side;
    if (acknowledgment === words[word + SIDE_WORDS * side + ACKED]) return;
    const isThrough = ((acknowledgment - words[word + QUALITY_WORDS * sender + SENT_AGAIN_TO]) | 0) >= 0;
    words[word + QUALITY] &= ~((TIMEOUTS_MASK << timeoutsShift(sender)) | (isThrough ? RECOVERING << sender : 0));
  }

  /** What fills a hole sooner was sent before, and overtaken: nothing can be sent again within one round trip. */
  #reorderedWithinUs(slot: number): number {
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    const time = slot * TIMES_PER_RECORD;
    const synAckUs = this.#times[time + SYN_ACK_AT];
    const isKnown = synAckUs !== 0 && words[word + SYN_REPEATS] === 0 && (words[word + STATE] & MIDSTREAM) === 0;
    const toUs = isKnown ? synAckUs - this.#times[time + BEGIN_AT] : 0;
    const fromUs = isKnown ? this.#times[time + ESTABLISHED_AT] - synAckUs : 0;
    const sumUs = least(words[word + ROUND_TRIP_US], toUs) + least(words[word + QUALITY_WORDS + ROUND_TRIP_US], fromUs);
    return sumUs > 0 ? sumUs : REORDERED_WITHIN_US;
  }

  /**
   * The first unacknowledged segment of a side is sent again. True when that is by time-out for the third time, or the
   * second with twice the pause (RFC 6298 §5.5): not a loss probe before it (RFC 8985 §7).
   */
  #countTimeout(slot: number, side: Side, packet: Packet): boolean {
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    const loss = word + LOSS_WORDS * side;
    const shift = timeoutsShift(side);
    const before = (words[word + QUALITY] >>> shift) & TIMEOUTS_MASK;
    const now = packet.timeUs | 0;
    const stillUs = packet.timeUs - this.#times[slot * TIMES_PER_RECORD + LAST_PROGRESS_AT];
    const pauseUs = before === 0 ? stillUs : (now - words[loss + RESENT_SINCE]) | 0;
    if (pauseUs < SOONEST_TIMEOUT_US) return false;
    words[loss + RESENT_SINCE] = now;
    const timeouts = Math.min(before + 1, TIMEOUTS_MASK);
    words[word + QUALITY] = (words[word + QUALITY] & ~(TIMEOUTS_MASK << shift)) | (timeouts << shift);
    if (timeouts >= MANY_TIMEOUTS) return (words[word + FLAGS] & MTU_EMITTED) === 0;
    const isBackedOff = timeouts === 2 && 2 * pauseUs >= 3 * (stillUs - pauseUs);
    return isBackedOff && !this.#mayBeTooLarge(word, side, packet);
  }

  /** Whether a segment is larger than all that is known to have passed. */
  #mayBeTooLarge(word: number, side: Side, { payloadLengthBytes }: Packet): boolean {
    const words = this.#words;
    if (payloadLengthBytes < LARGE_BYTES) return false;
    return ((words[word + SIDE_WORDS * (1 - side) + ACKED] - words[word + ISN + side] - 1) | 0) < payloadLengthBytes;
  }

  /** One more of a kind of segments that were sent again. */
  #count(loss: number, shift: number): void {
    const kinds = this.#words[loss + RESENT_KINDS];
    if (((kinds >>> shift) & MOST_OF_KIND) < MOST_OF_KIND) this.#words[loss + RESENT_KINDS] = kinds + (1 << shift);
  }

  /** The other side says that it had what a side sent again (RFC 2883). */
  #wasNeedless(word: number, side: Side): void {
    const words = this.#words;
    const loss = word + LOSS_WORDS * side;
    const kinds = words[loss + RESENT_KINDS];
    if ((kinds & MOST_OF_KIND) + (kinds >>> 16) < words[loss + RESENT]) this.#count(loss, 16);
  }

  #countClosed(word: number, side: Side, timeUs: number): void {
    const words = this.#words;
    const loss = word + LOSS_WORDS * side;
    const ms = Math.max(0, Math.trunc((((timeUs | 0) - words[loss + CLOSED_SINCE]) | 0) / 1000));
    words[word + CLOSED_MS + side] += ms;
    words[loss + CLOSED_SINCE] += ms * 1000;
  }
}

/** The lesser of two times, of which those that are not positive are not known. */
function least(one: number, other: number): number {
  if (one <= 0 || other <= 0) return Math.max(0, one, other);
  return Math.min(one, other);
}

function timeoutsShift(side: Side): number {
  return side === Side.initiator ? TIMEOUTS_SHIFT : TIMEOUTS_SHIFT + 4;
}
