import { Side } from '../model/connection.ts';
import type { Packet } from '../model/packet.ts';
import { sequenceDiff } from '../model/sequence.ts';
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from '../model/tcp-bits.ts';
import type { ByteStreams } from './byte-streams.ts';
import type { ConnectionTable } from './connection-table.ts';
import { hopLimit } from './hop-limit.ts';
import type { Lifetimes } from './lifetimes.ts';
import {
  ACKED,
  BEGIN_AT,
  FIN_SENT,
  FLAGS,
  HOP_LIMITS,
  ISN,
  MIDSTREAM,
  NEXT_SEQUENCE,
  OLDER_ANSWER,
  OTHER_ISN,
  OTHER_SYN_ACK_AT,
  OTHER_WINDOW,
  PHASE_ESTABLISHED,
  PHASE_MASK,
  PHASE_SYN_ACKED,
  PHASE_SYN_SENT,
  RST_NUMBERED,
  SEEN,
  SEGMENT_SIZES,
  SIDE_WORDS,
  SPOKE,
  SPOKE_AHEAD,
  STATE,
  SYN_ACK_AT,
  SYN_REPEATS,
  TIMES_PER_RECORD,
  WINDOW,
  WINDOW_SHIFT,
  WORDS_PER_RECORD,
} from './record.ts';
import { judgeReset, ResetVerdict } from './reset-check.ts';
import { LARGEST_WINDOW_BYTES } from './sequence-window.ts';
import { TrackedConnection } from './tracked-connection.ts';
import type { TrackerListener } from './tracker-listener.ts';

/** A SYN that was captured so late is another one. */
const LATEST_SYN_US = 3_000_000;

/** How connections are opened (RFC 9293 §3.5), and how a RST ends them. */
export class Handshakes {
  readonly #words: Int32Array;
  readonly #times: Float64Array;
  readonly #lifetimes: Lifetimes;
  readonly #streams: ByteStreams;
  readonly #listener: TrackerListener;
  readonly #connection: TrackedConnection;

  constructor(table: ConnectionTable, lifetimes: Lifetimes, streams: ByteStreams, listener: TrackerListener) {
    this.#words = table.words;
    this.#times = table.times;
    this.#lifetimes = lifetimes;
    this.#streams = streams;
    this.#listener = listener;
    this.#connection = new TrackedConnection(table);
  }

  /**
   * A packet of a handshake, or one with SYN or RST. False when it is the SYN of another connection between the same
   * endpoints, of which the present one is not yet complete, or is being closed.
   */
  packet(slot: number, side: Side, packet: Packet): boolean {
    const { flags, timeUs } = packet;
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    const phase = words[word + STATE] & PHASE_MASK;
    if ((flags & TCP_RST) !== 0) {
      this.#onReset(slot, side, packet);
    } else if ((flags & TCP_SYN) === 0) {
      this.#completeHandshake(slot, side, packet);
    } else if (phase === PHASE_ESTABLISHED) {
      // a late copy of a SYN or SYN-ACK, or one out of place: neither moves anything. But who has sent FIN and begins
      // anew is done with this connection, whatever became of the other side's FIN
      if (this.#isLateSyn(slot, side, packet)) return true;
      const isFinished = (words[word + STATE] & (FIN_SENT << side)) !== 0;
      const isAnother = (flags & TCP_ACK) === 0 && packet.sequence !== words[word + ISN + side];
      if (isAnother) words[word + HOP_LIMITS] |= SPOKE_AHEAD << side; // the end of this one may have been missed
      return !(isFinished && isAnother);
    } else if ((flags & TCP_ACK) !== 0) {
      this.#onSynAck(slot, side, packet);
    } else if (side === Side.responder) {
      this.#onSynAck(slot, side, packet); // simultaneous open, RFC 9293 §3.5: the other side's SYN answers ours
    } else if (packet.sequence !== words[word + ISN]) {
      return false;
    } else if (phase === PHASE_SYN_SENT) {
      words[word + SYN_REPEATS]++;
      this.#listener.synRepeated(this.#connection.at(slot), timeUs);
    }
    return true;
  }

  /** Whether a SYN was captured behind packets that came after it: it lies before all that was seen of its side. */
  #isLateSyn(slot: number, side: Side, packet: Packet): boolean {
    const word = slot * WORDS_PER_RECORD;
    if ((this.#words[word + STATE] & MIDSTREAM) === 0) return false;
    if (packet.timeUs - this.#times[slot * TIMES_PER_RECORD + BEGIN_AT] > LATEST_SYN_US) return false;
    return sequenceDiff(packet.sequence, this.#words[word + SIDE_WORDS * side + NEXT_SEQUENCE]) < 0;
  }

  /** Whether the responder's packet acknowledges the initiator's SYN, and perhaps the data in it (RFC 7413). */
  #acknowledgesSyn(word: number, packet: Packet): boolean {
    const sent = this.#words[word + NEXT_SEQUENCE];
    const isStream = packet.payloadLengthBytes > 0 || (packet.flags & TCP_FIN) !== 0;
    const acknowledged = sequenceDiff(packet.acknowledgment, this.#words[word + ISN]);
    if (acknowledged <= 0) return false;
    // data may answer data that was not captured; anything else beyond what was sent is of an older connection
    // (RFC 9293 §3.10.7.3: a host that remembers one answers the SYN with an ACK of its own)
    return isStream ? acknowledged < LARGEST_WINDOW_BYTES : sequenceDiff(packet.acknowledgment, sent) <= 0;
  }

  /**
   * Whether a RST before any SYN-ACK is about this connection: it acknowledges the SYN, or comes from the initiator and
   * follows its SYN. Another is about an older connection between the same endpoints (RFC 9293 §3.5.1): whose SYN is
   * answered by an ACK out of place sends such a RST, and then repeats its SYN.
   */
  #resetsSyn(word: number, side: Side, packet: Packet): boolean {
    if (side === Side.responder) return (packet.flags & TCP_ACK) === 0 || this.#acknowledgesSyn(word, packet);
    const past = sequenceDiff(packet.sequence, this.#words[word + ISN]);
    return past >= 0 && sequenceDiff(packet.sequence, this.#words[word + NEXT_SEQUENCE]) <= 0;
  }

  /** Whether the initiator's packet lies behind its SYN: another is a late one of an older connection. */
  #followsSyn(word: number, packet: Packet): boolean {
    const past = sequenceDiff(packet.sequence, this.#words[word + ISN]);
    return past > 0 && past < LARGEST_WINDOW_BYTES;
  }

  /** The responder's SYN: with an ACK, or without one in a simultaneous open. */
  #onSynAck(slot: number, side: Side, packet: Packet): void {
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    const phase = words[word + STATE] & PHASE_MASK;
    if (side === Side.initiator) {
      // the SYN-ACK of a simultaneous open: it acknowledges the responder's SYN
      if (phase === PHASE_SYN_ACKED) this.#completeHandshake(slot, side, packet);
      return;
    }
    if ((packet.flags & TCP_ACK) !== 0 && !this.#acknowledgesSyn(word, packet)) return;
    if (phase !== PHASE_SYN_SENT) {
      const isRepeated = packet.sequence === words[word + ISN + 1];
      if (isRepeated) words[word + SYN_REPEATS] += 1 << 16;
      if (isRepeated || (words[word + STATE] & (SPOKE << side)) !== 0) return;
      // a SYN cookie was made anew (RFC 4987 §3.6), or somebody else answers too: the one that is acknowledged counts
      words[word + OTHER_ISN] = packet.sequence;
      words[word + OTHER_WINDOW] = (packet.window << 8) | (packet.windowScale & 0xff);
      this.#times[slot * TIMES_PER_RECORD + OTHER_SYN_ACK_AT] = packet.timeUs;
      return;
    }
    words[word + STATE] = (words[word + STATE] & ~PHASE_MASK) | PHASE_SYN_ACKED | (SEEN << side);
    words[word + HOP_LIMITS] |= hopLimit(packet) << 8;
    words[word + SEGMENT_SIZES] |= packet.segmentSize << 16;
    // the SYN of a simultaneous open acknowledges nothing yet
    words[word + SIDE_WORDS + ACKED] = (packet.flags & TCP_ACK) !== 0 ? packet.acknowledgment : words[word + ISN];
    this.#takeSynAck(slot, packet.sequence, packet.window, packet.windowScale, packet.timeUs);
    this.#streams.synPayload(slot, side, packet);
  }

  /** The SYN-ACK that counts: where the responder's bytes begin, and how its windows are to be read. */
  #takeSynAck(slot: number, sequence: number, window: number, scale: number, timeUs: number): void {
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    const own = word + SIDE_WORDS;
    words[own + WINDOW_SHIFT] = scale;
    if (scale < 0 || words[word + WINDOW_SHIFT] < 0) {
      // both sides must offer scaling, or neither uses it (RFC 7323 §2.2)
      words[own + WINDOW_SHIFT] = 0;
      words[word + WINDOW_SHIFT] = 0;
    }
    words[word + ISN + 1] = sequence;
    words[own + NEXT_SEQUENCE] = sequence;
    words[own + WINDOW] = window;
    words[word + ACKED] = sequence;
    this.#times[slot * TIMES_PER_RECORD + SYN_ACK_AT] = timeUs;
  }

  /** Two SYN-ACKs with different numbers came: the one that the initiator acknowledges counts. */
  #chooseSynAck(slot: number, packet: Packet): void {
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    const otherUs = this.#times[slot * TIMES_PER_RECORD + OTHER_SYN_ACK_AT];
    if (otherUs === 0) return;
    const past = sequenceDiff(packet.acknowledgment, words[word + ISN + 1]);
    const pastOther = sequenceDiff(packet.acknowledgment, words[word + OTHER_ISN]);
    if (pastOther > 0 && (past <= 0 || pastOther < past)) {
      const window = words[word + OTHER_WINDOW];
      this.#takeSynAck(slot, words[word + OTHER_ISN], window >>> 8, (window << 24) >> 24, otherUs);
      words[word + SIDE_WORDS + NEXT_SEQUENCE] = (words[word + OTHER_ISN] + 1) | 0;
    }
    this.#times[slot * TIMES_PER_RECORD + OTHER_SYN_ACK_AT] = 0; // what stands there is used for other things now
    words[word + OTHER_ISN] = 0;
  }

  /** A packet without SYN before the handshake is complete. */
  #completeHandshake(slot: number, side: Side, packet: Packet): void {
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    const phase = words[word + STATE] & PHASE_MASK;
    if (phase === PHASE_SYN_SENT) {
      // the SYN-ACK went by unseen: what follows shows that there was one
      if ((packet.flags & TCP_ACK) === 0) return;
      if (side === Side.responder && !this.#acknowledgesSyn(word, packet)) {
        words[word + FLAGS] |= OLDER_ANSWER; // RFC 9293 §3.5.1: a host that remembers an older connection
        return;
      }
      if (side === Side.initiator && !this.#followsSyn(word, packet)) return;
      words[word + STATE] |= SEEN << side;
      // data in the SYN (RFC 7413) may have been answered by data in the SYN-ACK
      if (sequenceDiff(words[word + NEXT_SEQUENCE], words[word + ISN]) > 1)
        words[word + HOP_LIMITS] |= SPOKE_AHEAD << 1;
      const other = word + SIDE_WORDS * (1 - side);
      words[word + SIDE_WORDS * side + ACKED] = packet.acknowledgment;
      words[other + WINDOW] = LARGEST_WINDOW_BYTES;
      words[other + ACKED] = packet.sequence;
      if (side === Side.initiator) words[other + NEXT_SEQUENCE] = packet.acknowledgment;
      else words[word + SIDE_WORDS + NEXT_SEQUENCE] = packet.sequence;
    } else if (side === Side.responder) {
      // data right behind the SYN-ACK (TCP Fast Open, RFC 7413), before the last ACK of the handshake
      this.#streams.segment(slot, side, packet);
      return;
    } else {
      if ((packet.flags & TCP_ACK) !== 0) this.#chooseSynAck(slot, packet);
      if ((packet.flags & TCP_ACK) === 0 || sequenceDiff(packet.acknowledgment, words[word + ISN + 1]) <= 0) return;
    }
    this.#lifetimes.established(slot, packet.timeUs);
    this.#streams.segment(slot, side, packet);
  }

  /** Whether a RST acknowledges the SYN-ACK: its sender had completed the handshake, by an ACK that was missed. */
  #completesHandshake(word: number, side: Side, packet: Packet): boolean {
    if ((this.#words[word + STATE] & PHASE_MASK) !== PHASE_SYN_ACKED || side !== Side.initiator) return false;
    return (packet.flags & TCP_ACK) !== 0 && sequenceDiff(packet.acknowledgment, this.#words[word + ISN + 1]) > 0;
  }

  /** A RST: it ends the connection where its receiver takes it. */
  #onReset(slot: number, side: Side, packet: Packet): void {
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    const isAnswered = (words[word + STATE] & PHASE_MASK) !== PHASE_SYN_SENT;
    const verdict = isAnswered
      ? judgeReset(words, word, side, packet)
      : this.#resetsSyn(word, side, packet)
        ? ResetVerdict.accepted
        : ResetVerdict.ignored;
    if (verdict !== ResetVerdict.ignored) {
      words[word + HOP_LIMITS] = (words[word + HOP_LIMITS] & ~0xff0000) | (hopLimit(packet) << 16);
      if (isAnswered && verdict === ResetVerdict.accepted) this.#streams.reset(slot, side, packet);
      else if (!isAnswered && packet.sequence !== 0) words[word + HOP_LIMITS] |= RST_NUMBERED;
    }
    if (verdict === ResetVerdict.ignored) {
      this.#streams.ignoreReset();
    } else if (verdict === ResetVerdict.challenged) {
      this.#lifetimes.awaitSilence(slot, side, packet.timeUs);
    } else {
      words[word + STATE] |= SEEN << side;
      if (this.#completesHandshake(word, side, packet)) this.#lifetimes.establishedUnseen(slot);
      this.#lifetimes.reset(slot, side, packet.timeUs);
    }
  }
}
