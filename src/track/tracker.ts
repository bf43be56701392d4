import { sequenceDiff } from '../bytes/sequence.ts';
import { EndType, PodSide, Side } from '../model/connection.ts';
import { Direction } from '../model/frame.ts';
import { type Packet, TcpFlag } from '../model/packet.ts';
import { ConnectionTable, NOT_FOUND } from './connection-table.ts';
import { EvictionOrder } from './eviction-order.ts';
import {
  ACKED,
  BEGIN_AT,
  DEADLINE_AT,
  END_AT,
  END_TYPE_SHIFT,
  ENDED_BY_SHIFT,
  ESTABLISHED_AT,
  FATAL_ALERT,
  FIN_SENT,
  FIRST_FIN_SHIFT,
  FIRST_SPEAKER_SHIFT,
  HALF_OPEN_TOLD,
  ISN,
  LAST_PROGRESS_AT,
  LAST_SEEN_AT,
  LAST_SPEAKER_SHIFT,
  MIDSTREAM,
  NEXT_SEQUENCE,
  PHASE_MASK,
  Phase,
  POD_SIDE_SHIFT,
  READING,
  SEEN,
  SIDE_TIMES,
  SIDE_WORDS,
  SPOKE,
  STALE_TOLD,
  STATE,
  STREAM_BYTES_AT,
  SYN_ACK_AT,
  SYN_REPEATS,
  TIMES_PER_RECORD,
  WINDOW,
  WINDOW_SHIFT,
  WORDS_PER_RECORD,
} from './record.ts';
import { TimerWheel } from './timer-wheel.ts';
import { TrackedConnection } from './tracked-connection.ts';

const SECOND_US = 1_000_000;
const REMEMBER_CLOSED_US = 60 * SECOND_US;
/** How long after the end of a connection its last segments are expected. */
const LAST_SEGMENTS_US = 2 * SECOND_US;
const FORGET_HALF_OPEN_US = 130 * SECOND_US;
/** The largest window there is (RFC 7323 §2.3), and so the farthest a byte can be ahead of an acknowledgment. */
const LARGEST_WINDOW_BYTES = 1 << 30;
/** Allowed beyond the advertised window: window probes, and windows that moved while a segment was under way. */
const WINDOW_SLACK_BYTES = 1 << 16;
const NO_READER: PayloadReader = { packet() {}, closed() {}, release() {} };
const { fin: FIN, syn: SYN, rst: RST, ack: ACK } = TcpFlag;

/** The delays after which a connection is talked about, in seconds. May be changed while the tracker runs. */
export interface TrackerDelays {
  halfOpenSeconds: number;
  staleSeconds: number;
  stale2Seconds: number;
}

/**
 * Is told what happens to connections, while it happens. The connection is a window that moves on after the call.
 * `timeUs` is the time of the packet or of the deadline that brought it about.
 */
export interface TrackerListener {
  /** The first packet of a connection was seen. */
  began(connection: TrackedConnection): void;
  /** The initiator repeated its SYN before any answer; `connection.synRepeats` says how often. */
  synRepeated(connection: TrackedConnection, timeUs: number): void;
  /** The handshake is still incomplete after `halfOpenSeconds`. */
  halfOpen(connection: TrackedConnection, timeUs: number): void;
  /** No new byte moved for `staleSeconds`: once a stillness. */
  stale(connection: TrackedConnection, timeUs: number): void;
  /** No new byte moved for `stale2Seconds`; `ended` follows. */
  stale2(connection: TrackedConnection, timeUs: number): void;
  /** A RST ends it; `phase` is what it was before. `ended` follows. */
  reset(connection: TrackedConnection, by: Side, timeUs: number): void;
  /** It ended: `endType`, `endedBy` and `endUs` say how. It is remembered for a while, and then `forgotten`. */
  ended(connection: TrackedConnection): void;
  /** Its slot is about to be used for another connection. */
  forgotten(slot: number): void;
}

/** Reads the payload of the connections that are marked to be read. */
export interface PayloadReader {
  /** A packet of a connection that is being read. */
  packet(slot: number, side: Side, packet: Packet): void;
  /** A side has sent FIN or, with `reset`, RST. */
  closed(slot: number, side: Side, reset: boolean, timeUs: number): void;
  /** The connection ended: nothing more comes. */
  release(slot: number): void;
}

/**
 * Follows every TCP connection (RFC 9293 §3.3.2, seen from the middle). It holds the state, knows when time makes
 * something due, and tells a listener; what is worth an event is for `detect` to say.
 */
export class Tracker {
  readonly connection: TrackedConnection;
  readonly #table: ConnectionTable;
  readonly #words: Int32Array;
  readonly #times: Float64Array;
  readonly #wheel: TimerWheel;
  readonly #order: EvictionOrder;
  readonly #delays: TrackerDelays;
  readonly #listener: TrackerListener;
  #reader: PayloadReader = NO_READER;
  #evicted = 0;

  constructor(capacity: number, seed: number, delays: TrackerDelays, listener: TrackerListener) {
    this.#table = new ConnectionTable(capacity, seed);
    this.#words = this.#table.words;
    this.#times = this.#table.times;
    this.#wheel = new TimerWheel(capacity);
    this.#order = new EvictionOrder(capacity, (slot) => this.#times[slot * TIMES_PER_RECORD + LAST_SEEN_AT]);
    this.#delays = delays;
    this.#listener = listener;
    this.connection = new TrackedConnection(this.#table);
  }

  /** Another window onto this tracker's connections. */
  newWindow(): TrackedConnection {
    return new TrackedConnection(this.#table);
  }

  /** Who reads payload from now on. */
  set payloadReader(reader: PayloadReader) {
    this.#reader = reader;
  }

  /** Connections in the table, closed ones that are still remembered included. */
  get size(): number {
    return this.#table.size;
  }

  /** Open connections that had to make room for others. */
  get evicted(): number {
    return this.#evicted;
  }

  /**
   * Takes in a packet. The answer is the connection it belongs to, open or remembered, as `slot * 2 + side`, the side
   * being who sent it; -1 when it belongs to none.
   */
  segment(packet: Packet, direction: Direction): number {
    const hash = this.#table.hash(packet);
    let found = this.#table.find(packet, hash);
    const timeUs = packet.timeUs;
    if (found >= 0 && timeUs >= this.#times[(found >> 1) * TIMES_PER_RECORD + DEADLINE_AT]) {
      this.#due(found >> 1, timeUs);
      found = this.#table.find(packet, hash);
    }
    if (found === NOT_FOUND) return this.#begin(packet, direction, hash);

    const slot = found >> 1;
    const side = (found & 1) as Side;
    const word = slot * WORDS_PER_RECORD;
    const flags = packet.flags;
    const state = this.#words[word + STATE];
    this.#times[slot * TIMES_PER_RECORD + LAST_SEEN_AT] = timeUs;
    if ((state & PHASE_MASK) >= Phase.closed) {
      return this.#onClosed(slot, side, packet, direction, hash);
    }
    if ((state & PHASE_MASK) !== Phase.established || (flags & (SYN | RST)) !== 0) {
      if (!this.#onHandshake(slot, side, packet)) {
        // the endpoints are used anew before the old connection was complete
        this.#end(slot, EndType.halfOpen, side, timeUs);
        this.#forget(slot);
        return this.#begin(packet, direction, hash);
      }
      return found;
    }
    this.#onStream(slot, side, packet);
    return found;
  }

  /** Lets time pass up to `nowUs`: whatever became due by then is told. Stops after about `limit` deadlines; true when more is due. */
  advance(nowUs: number, limit = Number.POSITIVE_INFINITY): boolean {
    for (let n = 0; n < limit; n++) {
      const slot = this.#wheel.takeDue(nowUs);
      if (slot >= 0) this.#wake(slot, nowUs);
      else if (!this.#forgetClosed(nowUs)) return false;
    }
    return true;
  }

  /**
   * Ends whatever is still open, as the interface is gone or the agent stops. Stops after `limit` connections; true
   * when there are more.
   */
  stop(timeUs: number, limit = Number.POSITIVE_INFINITY): boolean {
    for (let n = 0; n < limit; n++) {
      const open = this.#order.longestIdle();
      const slot = open >= 0 ? open : this.#order.oldestClosed();
      if (slot < 0) return false;
      if (timeUs >= this.#times[slot * TIMES_PER_RECORD + DEADLINE_AT]) {
        this.#due(slot, timeUs);
        continue;
      }
      if (open >= 0) this.#end(slot, EndType.stopped, Side.initiator, timeUs);
      this.#forget(slot);
    }
    return true;
  }

  // ---- beginning

  #begin(packet: Packet, direction: Direction, hash: number): number {
    const { flags, timeUs } = packet;
    if ((flags & RST) !== 0) return -1;
    if (this.#table.full) this.#makeRoom(timeUs);
    const synOnly = (flags & (SYN | ACK)) === SYN;
    const sourceIsInitiator = synOnly || ((flags & SYN) === 0 && packet.sourcePort >= packet.destinationPort);
    const slot = this.#table.insert(packet, hash, sourceIsInitiator);
    const side = sourceIsInitiator ? Side.initiator : Side.responder;
    const word = slot * WORDS_PER_RECORD;
    const time = slot * TIMES_PER_RECORD;
    const words = this.#words;
    const times = this.#times;
    const own = word + SIDE_WORDS * side;
    words[word + STATE] |=
      READING |
      (SEEN << side) |
      (podSide(direction, side) << POD_SIDE_SHIFT) |
      (synOnly ? Phase.synSent : Phase.established | MIDSTREAM);
    words[word + WINDOW_SHIFT] = -1;
    words[word + WINDOW_SHIFT + SIDE_WORDS] = -1;
    times[time + BEGIN_AT] = timeUs;
    times[time + LAST_SEEN_AT] = timeUs;
    times[time + LAST_PROGRESS_AT] = timeUs;
    words[own + NEXT_SEQUENCE] = packet.sequence;
    words[own + WINDOW] = packet.window;
    if (synOnly) {
      words[word + ISN] = packet.sequence;
      words[word + WINDOW_SHIFT] = packet.windowScale;
    } else {
      this.#startMidstream(slot, side, packet);
    }
    times[time + DEADLINE_AT] = this.#nextDeadline(slot);
    this.#wheel.notBefore(timeUs);
    this.#wheel.schedule(slot, times[time + DEADLINE_AT]);
    this.#order.add(slot);
    this.#listener.began(this.connection.at(slot));
    if ((flags & SYN) === 0) this.#onStream(slot, side, packet);
    else this.#onSynPayload(slot, side, packet);
    return slot * 2 + side;
  }

  /** What one packet says of a connection that was there before: where its sender is, and what the other side sent. */
  #startMidstream(slot: number, side: Side, packet: Packet): void {
    const word = slot * WORDS_PER_RECORD;
    const other = word + SIDE_WORDS * (1 - side);
    this.#words[other + WINDOW] = LARGEST_WINDOW_BYTES;
    if ((packet.flags & SYN) !== 0) {
      this.#words[word + WINDOW_SHIFT + SIDE_WORDS * side] = packet.windowScale;
    }
    this.#words[other + ACKED] = packet.sequence;
    if ((packet.flags & ACK) === 0) {
      this.#words[word + STATE] &= ~(SEEN << side); // not seen in full: its first ACK is still to come
      return;
    }
    this.#words[other + NEXT_SEQUENCE] = packet.acknowledgment;
    this.#words[word + ACKED + SIDE_WORDS * side] = packet.acknowledgment;
  }

  // ---- packets

  /**
   * A packet of a handshake, or one with SYN or RST. False when it is the SYN of another connection between the same
   * endpoints.
   */
  #onHandshake(slot: number, side: Side, packet: Packet): boolean {
    const { flags, timeUs } = packet;
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    const phase = words[word + STATE] & PHASE_MASK;
    if ((flags & RST) !== 0) {
      if (phase === Phase.synSent && !this.#resetsSyn(word, side, packet)) return true;
      words[word + STATE] |= SEEN << side;
      this.#reset(slot, side, timeUs);
    } else if ((flags & SYN) === 0) {
      this.#completeHandshake(slot, side, packet);
    } else if (phase === Phase.established) {
      // a late copy of a SYN or SYN-ACK, or one out of place: neither moves anything
    } else if ((flags & ACK) !== 0) {
      this.#onSynAck(slot, side, packet);
    } else if (side === Side.responder) {
      this.#onSynAck(slot, side, packet); // simultaneous open, RFC 9293 §3.5: the other side's SYN answers ours
    } else if (packet.sequence !== words[word + ISN]) {
      return false;
    } else if (phase === Phase.synSent) {
      words[word + SYN_REPEATS]++;
      this.#listener.synRepeated(this.connection.at(slot), timeUs);
    }
    return true;
  }

  /** Whether the responder's packet acknowledges the initiator's SYN, and perhaps the data in it (RFC 7413). */
  #acknowledgesSyn(word: number, packet: Packet): boolean {
    const sent = this.#words[word + NEXT_SEQUENCE];
    const isStream = packet.payloadLengthBytes > 0 || (packet.flags & FIN) !== 0;
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
    if (side === Side.responder) return (packet.flags & ACK) === 0 || this.#acknowledgesSyn(word, packet);
    const past = sequenceDiff(packet.sequence, this.#words[word + ISN]);
    return past >= 0 && sequenceDiff(packet.sequence, this.#words[word + NEXT_SEQUENCE]) <= 0;
  }

  /** The payload of a SYN or SYN-ACK (RFC 7413); the SYN itself takes a sequence number. */
  #onSynPayload(slot: number, side: Side, packet: Packet): void {
    this.#advanceSide(slot, side, packet, 1);
    if (packet.payloadLengthBytes === 0) return;
    if ((this.#words[slot * WORDS_PER_RECORD + STATE] & READING) !== 0) this.#reader.packet(slot, side, packet);
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
      if (phase === Phase.synAcked) this.#completeHandshake(slot, side, packet);
      return;
    }
    if ((packet.flags & ACK) !== 0 && !this.#acknowledgesSyn(word, packet)) return;
    if (phase !== Phase.synSent) {
      if (packet.sequence === words[word + ISN + 1] || (words[word + STATE] & (SPOKE << side)) !== 0) return; // repeated
      // a SYN cookie was made anew (RFC 4987 §3.6), or the first answer came from elsewhere: the latest one counts
    } else {
      words[word + STATE] = (words[word + STATE] & ~PHASE_MASK) | Phase.synAcked | (SEEN << side);
      this.#times[slot * TIMES_PER_RECORD + SYN_ACK_AT] = packet.timeUs;
    }
    const own = word + SIDE_WORDS;
    words[own + WINDOW_SHIFT] = packet.windowScale;
    if (packet.windowScale < 0 || words[word + WINDOW_SHIFT] < 0) {
      // both sides must offer scaling, or neither uses it (RFC 7323 §2.2)
      words[own + WINDOW_SHIFT] = 0;
      words[word + WINDOW_SHIFT] = 0;
    }
    words[word + ISN + 1] = packet.sequence;
    words[own + NEXT_SEQUENCE] = packet.sequence;
    words[own + WINDOW] = packet.window;
    // the SYN of a simultaneous open acknowledges nothing yet
    words[own + ACKED] = (packet.flags & ACK) !== 0 ? packet.acknowledgment : words[word + ISN];
    words[word + ACKED] = packet.sequence;
    this.#onSynPayload(slot, side, packet);
  }

  /** A packet without SYN before the handshake is complete. */
  #completeHandshake(slot: number, side: Side, packet: Packet): void {
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    const phase = words[word + STATE] & PHASE_MASK;
    if (phase === Phase.synSent) {
      // the SYN-ACK went by unseen: what follows shows that there was one
      if ((packet.flags & ACK) === 0) return;
      if (side === Side.responder && !this.#acknowledgesSyn(word, packet)) return;
      if (side === Side.initiator && !this.#followsSyn(word, packet)) return;
      words[word + STATE] |= SEEN << side;
      const other = word + SIDE_WORDS * (1 - side);
      words[word + SIDE_WORDS * side + ACKED] = packet.acknowledgment;
      words[other + WINDOW] = LARGEST_WINDOW_BYTES;
      words[other + ACKED] = packet.sequence;
      if (side === Side.initiator) words[other + NEXT_SEQUENCE] = packet.acknowledgment;
      else words[word + SIDE_WORDS + NEXT_SEQUENCE] = packet.sequence;
    } else if (side === Side.responder) {
      // data right behind the SYN-ACK (TCP Fast Open, RFC 7413), before the last ACK of the handshake
      this.#onStream(slot, side, packet);
      return;
    } else if ((packet.flags & ACK) === 0 || sequenceDiff(packet.acknowledgment, words[word + ISN + 1]) <= 0) {
      return;
    }
    this.#times[slot * TIMES_PER_RECORD + ESTABLISHED_AT] = packet.timeUs;
    words[word + STATE] = (words[word + STATE] & ~PHASE_MASK) | Phase.established;
    this.#progress(slot, packet.timeUs);
    this.#hasten(slot);
    this.#onStream(slot, side, packet);
  }

  /** Data, acknowledgments and FINs: the packets of an established connection. The hot path. */
  #onStream(slot: number, side: Side, packet: Packet): void {
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    const own = word + SIDE_WORDS * side;
    const other = word + SIDE_WORDS * (1 - side);
    if ((words[word + STATE] & (SEEN << side)) === 0) this.#firstSight(slot, side, packet);
    if ((packet.flags & ACK) !== 0) {
      const acknowledgment = packet.acknowledgment;
      const unseen = (acknowledgment - words[other + NEXT_SEQUENCE]) | 0;
      if (unseen < LARGEST_WINDOW_BYTES && ((acknowledgment - words[own + ACKED]) | 0) >= 0) {
        words[own + ACKED] = acknowledgment;
        const shift = words[own + WINDOW_SHIFT];
        words[own + WINDOW] = shift < 0 ? packet.window << 14 : packet.window << shift;
      }
      if (unseen > 0 && unseen < LARGEST_WINDOW_BYTES) {
        // acknowledged, so it was sent; where that side is never seen, this is all there is to know of its progress
        this.#move(slot, (1 - side) as Side, unseen);
        if ((words[word + STATE] & (SEEN << (1 - side))) === 0) this.#progress(slot, packet.timeUs);
      }
    }
    if (packet.payloadLengthBytes !== 0) this.#advanceSide(slot, side, packet, 0);
    if ((words[word + STATE] & READING) !== 0) this.#reader.packet(slot, side, packet);
    if ((packet.flags & FIN) !== 0) this.#onFin(slot, side, packet);
  }

  /** The first packet with an ACK of a side of an established connection. */
  #firstSight(slot: number, side: Side, packet: Packet): void {
    if ((packet.flags & ACK) === 0) return;
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    const own = word + SIDE_WORDS * side;
    const other = word + SIDE_WORDS * (1 - side);
    words[word + STATE] |= SEEN << side;
    // nothing acknowledged this side's bytes so far: they begin here
    if (words[own + NEXT_SEQUENCE] === 0) words[own + NEXT_SEQUENCE] = packet.sequence;
    if (words[other + NEXT_SEQUENCE] === 0) words[other + NEXT_SEQUENCE] = packet.acknowledgment;
    if (words[own + ACKED] === 0) words[own + ACKED] = packet.acknowledgment;
  }

  /**
   * Moves a side on to the end of a packet's payload, as far as the other side can take it. `synBytes` is 1 for a SYN,
   * which takes a sequence number but is no byte of the stream.
   */
  #advanceSide(slot: number, side: Side, packet: Packet, synBytes: number): void {
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    const own = word + SIDE_WORDS * side;
    if (synBytes !== 0) words[own + NEXT_SEQUENCE] = (words[own + NEXT_SEQUENCE] + synBytes) | 0;
    const length = packet.payloadLengthBytes;
    if (length === 0) return;
    const end = (packet.sequence + synBytes + length) | 0;
    const fresh = (end - words[own + NEXT_SEQUENCE]) | 0;
    if (fresh <= 0) return;
    // bytes were passed over: lost by the capture, or reordered, or never meant to be taken
    if (fresh > length && !this.#isWithinWindow(word, side, end, fresh)) return;
    this.#move(slot, side, fresh);
    this.#progress(slot, packet.timeUs);
  }

  /** Whether a side may have sent up to `end`, which is `fresh` past what was seen of it. */
  #isWithinWindow(word: number, side: Side, end: number, fresh: number): boolean {
    const words = this.#words;
    if ((words[word + STATE] & (SEEN << (1 - side))) === 0) return fresh < LARGEST_WINDOW_BYTES;
    const other = word + SIDE_WORDS * (1 - side);
    return ((end - words[other + ACKED]) | 0) <= words[other + WINDOW] + WINDOW_SLACK_BYTES;
  }

  /** `bytes` new bytes of a side are known to have moved. */
  #move(slot: number, side: Side, bytes: number): void {
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    const own = word + SIDE_WORDS * side;
    words[own + NEXT_SEQUENCE] = (words[own + NEXT_SEQUENCE] + bytes) | 0;
    this.#times[slot * TIMES_PER_RECORD + STREAM_BYTES_AT + SIDE_TIMES * side] += bytes;
    let state = words[word + STATE];
    if ((state & (SPOKE * 3)) === 0) state |= side << FIRST_SPEAKER_SHIFT;
    words[word + STATE] = (state & ~(1 << LAST_SPEAKER_SHIFT)) | (SPOKE << side) | (side << LAST_SPEAKER_SHIFT);
  }

  /** A stillness, if there was one, is over. */
  #progress(slot: number, timeUs: number): void {
    const time = slot * TIMES_PER_RECORD;
    this.#times[time + LAST_PROGRESS_AT] = timeUs;
    const word = slot * WORDS_PER_RECORD;
    if ((this.#words[word + STATE] & STALE_TOLD) === 0) return;
    this.#words[word + STATE] &= ~STALE_TOLD;
    this.#hasten(slot);
  }

  /** Something may be due earlier than what is waited for. */
  #hasten(slot: number): void {
    const time = slot * TIMES_PER_RECORD;
    const deadline = this.#nextDeadline(slot);
    if (deadline >= this.#times[time + DEADLINE_AT]) return;
    this.#times[time + DEADLINE_AT] = deadline;
    this.#wheel.cancel(slot);
    this.#wheel.schedule(slot, deadline);
  }

  #onFin(slot: number, side: Side, packet: Packet): void {
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    if ((words[word + STATE] & (FIN_SENT << side)) !== 0) return;
    const own = word + SIDE_WORDS * side;
    const end = (packet.sequence + packet.payloadLengthBytes) | 0;
    const ahead = (end - words[own + NEXT_SEQUENCE]) | 0;
    if (ahead > 0) {
      if (!this.#isWithinWindow(word, side, end, ahead)) return;
      this.#move(slot, side, ahead); // what was sent before it went by unseen
      this.#progress(slot, packet.timeUs);
    } else if (ahead === -1) {
      // it was acknowledged before it was seen, and taken for a byte
      const bytesAt = slot * TIMES_PER_RECORD + STREAM_BYTES_AT + SIDE_TIMES * side;
      this.#times[bytesAt] = Math.max(0, this.#times[bytesAt] - 1);
    } else if (ahead < 0) {
      return; // data came after it: it is of an older connection
    }
    words[own + NEXT_SEQUENCE] = (end + 1) | 0;
    this.#reader.closed(slot, side, false, packet.timeUs);
    const state = words[word + STATE];
    if ((state & (FIN_SENT << (1 - side))) === 0) {
      words[word + STATE] = state | (FIN_SENT << side) | (side << FIRST_FIN_SHIFT);
      return;
    }
    words[word + STATE] = state | (FIN_SENT << side);
    this.#end(slot, EndType.fin, side, packet.timeUs);
  }

  #reset(slot: number, side: Side, timeUs: number): void {
    this.#reader.closed(slot, side, true, timeUs);
    this.#listener.reset(this.connection.at(slot), side, timeUs);
    this.#end(slot, EndType.reset, side, timeUs);
  }

  /** A packet between endpoints whose connection has ended: late, or the first of the next one. */
  #onClosed(slot: number, side: Side, packet: Packet, direction: Direction, hash: number): number {
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    const synOnly = (packet.flags & (SYN | ACK | RST)) === SYN;
    if (synOnly && packet.sequence !== words[word + ISN + side]) {
      this.#forget(slot);
      return this.#begin(packet, direction, hash);
    }
    if ((words[word + STATE] & PHASE_MASK) !== Phase.letGo) return slot * 2 + side;
    const fresh = (packet.sequence + packet.payloadLengthBytes - words[word + NEXT_SEQUENCE + SIDE_WORDS * side]) | 0;
    const hasNews = packet.payloadLengthBytes > 0 && fresh > 0;
    const unseen = (packet.acknowledgment - words[word + NEXT_SEQUENCE + SIDE_WORDS * (1 - side)]) | 0;
    const hasAckNews = (packet.flags & ACK) !== 0 && unseen > 0 && unseen < LARGEST_WINDOW_BYTES;
    if ((packet.flags & RST) !== 0 || ((packet.flags & FIN) !== 0 && !hasNews)) {
      words[word + STATE] = (words[word + STATE] & ~PHASE_MASK) | Phase.closed; // what follows is late
    } else if (hasNews || hasAckNews) {
      this.#forget(slot);
      return this.#begin(packet, direction, hash);
    }
    this.#remember(slot, packet.timeUs); // still there, still silent: keep-alives are no news
    return slot * 2 + side;
  }

  // ---- time

  /** The earliest time at which something may be due for an open connection. */
  #nextDeadline(slot: number): number {
    const time = slot * TIMES_PER_RECORD;
    const state = this.#words[slot * WORDS_PER_RECORD + STATE];
    if ((state & PHASE_MASK) < Phase.established) {
      const tellUs = this.#times[time + BEGIN_AT] + this.#delays.halfOpenSeconds * SECOND_US;
      if ((state & HALF_OPEN_TOLD) === 0) return tellUs;
      return Math.max(tellUs, this.#times[time + LAST_SEEN_AT] + FORGET_HALF_OPEN_US);
    }
    const halfClosed = (state & (FIN_SENT * 3)) !== 0;
    const delay = halfClosed || (state & STALE_TOLD) !== 0 ? this.#delays.stale2Seconds : this.#delays.staleSeconds;
    return this.#times[time + LAST_PROGRESS_AT] + delay * SECOND_US;
  }

  /** A slot that the wheel handed out. */
  #wake(slot: number, nowUs: number): void {
    const time = slot * TIMES_PER_RECORD;
    this.#wheel.schedule(slot, this.#times[time + DEADLINE_AT]);
    if (nowUs >= this.#times[time + DEADLINE_AT]) this.#due(slot, nowUs);
  }

  /** Tells whatever is due for a slot up to `nowUs`, each at its own time. */
  #due(slot: number, nowUs: number): void {
    const time = slot * TIMES_PER_RECORD;
    const word = slot * WORDS_PER_RECORD;
    if ((this.#words[word + STATE] & PHASE_MASK) >= Phase.closed) {
      this.#forget(slot);
      return;
    }
    let deadline = this.#nextDeadline(slot);
    for (; deadline <= nowUs; deadline = this.#nextDeadline(slot)) {
      const state = this.#words[word + STATE];
      if ((state & PHASE_MASK) < Phase.established) {
        if ((state & HALF_OPEN_TOLD) !== 0) {
          this.#end(slot, EndType.halfOpen, Side.initiator, deadline);
          return;
        }
        this.#words[word + STATE] = state | HALF_OPEN_TOLD;
        this.#listener.halfOpen(this.connection.at(slot), deadline);
      } else if ((state & (FIN_SENT * 3)) !== 0) {
        this.#end(slot, EndType.stale, Side.initiator, deadline); // half-closed and silent: nobody waits for it
        return;
      } else if ((state & STALE_TOLD) === 0) {
        this.#words[word + STATE] = state | STALE_TOLD;
        this.#listener.stale(this.connection.at(slot), deadline);
      } else {
        this.#listener.stale2(this.connection.at(slot), deadline);
        this.#end(slot, EndType.stale, Side.initiator, deadline);
        return;
      }
    }
    this.#times[time + DEADLINE_AT] = deadline;
    this.#wheel.cancel(slot);
    this.#wheel.schedule(slot, deadline);
  }

  // ---- ending

  /**
   * Ends an open connection and remembers it. Where a side had already said goodbye (a fatal TLS alert, a FIN), that is
   * the end, whatever came after it.
   */
  #end(slot: number, cause: EndType, causedBy: Side, timeUs: number): void {
    const word = slot * WORDS_PER_RECORD;
    const state = this.#words[word + STATE];
    const finished = (state & (FIN_SENT * 3)) !== 0;
    let endType: EndType = finished ? EndType.fin : cause;
    let endedBy = finished ? (state >>> FIRST_FIN_SHIFT) & 1 : causedBy;
    if ((state & (FATAL_ALERT * 3)) !== 0 && (endType === EndType.fin || endType === EndType.reset)) {
      endType = EndType.tlsAlert;
      endedBy = (state & FATAL_ALERT) !== 0 ? Side.initiator : Side.responder;
    }
    const phase = endType === EndType.stale ? Phase.letGo : Phase.closed;
    this.#words[word + STATE] =
      (state & ~PHASE_MASK) | phase | (endType << END_TYPE_SHIFT) | (endedBy << ENDED_BY_SHIFT);
    this.#times[slot * TIMES_PER_RECORD + END_AT] = timeUs;
    this.#wheel.cancel(slot);
    this.#reader.release(slot);
    this.#remember(slot, timeUs);
    this.#listener.ended(this.connection.at(slot));
  }

  #remember(slot: number, timeUs: number): void {
    this.#times[slot * TIMES_PER_RECORD + DEADLINE_AT] = timeUs + REMEMBER_CLOSED_US;
    this.#order.close(slot);
  }

  /** Forgets a connection that has ended. */
  #forget(slot: number): void {
    this.#listener.forgotten(slot);
    this.#order.remove(slot);
    this.#table.remove(slot);
  }

  /** Forgets the connection closed longest ago if its time is over. */
  #forgetClosed(nowUs: number): boolean {
    const slot = this.#order.oldestClosed();
    if (slot < 0 || this.#times[slot * TIMES_PER_RECORD + DEADLINE_AT] > nowUs) return false;
    this.#forget(slot);
    return true;
  }

  /**
   * Frees a slot of the full table: that of a closed connection, unless its last segments may still be under way, else
   * that of the open one idle longest.
   */
  #makeRoom(timeUs: number): void {
    const closed = this.#order.oldestClosed();
    const slot = this.#order.longestIdle();
    if (closed >= 0 && (slot < 0 || timeUs - this.#times[closed * TIMES_PER_RECORD + END_AT] > LAST_SEGMENTS_US)) {
      this.#forget(closed);
      return;
    }
    const established = (this.#words[slot * WORDS_PER_RECORD + STATE] & PHASE_MASK) === Phase.established;
    this.#evicted++;
    this.#end(slot, established ? EndType.stale : EndType.halfOpen, Side.initiator, timeUs);
    this.#forget(slot);
  }
}

/** Which end the pod is, from the direction of a packet that `sender` sent. */
function podSide(direction: Direction, sender: Side): PodSide {
  if (direction === Direction.unknown) return PodSide.unknown;
  const podIsSender = direction === Direction.fromPod;
  return podIsSender === (sender === Side.initiator) ? PodSide.initiator : PodSide.responder;
}
