import { EndType, Side } from '../model/connection.ts';
import type { Direction } from '../model/frame.ts';
import type { Packet } from '../model/packet.ts';
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from '../model/tcp-bits.ts';
import { ByteStreams } from './byte-streams.ts';
import { type ConnectionTable, NOT_FOUND } from './connection-table.ts';
import { EarlyResets } from './early-resets.ts';
import { ForeignPackets, type Stranger } from './foreign-packets.ts';
import { Handshakes } from './handshakes.ts';
import { hopLimit } from './hop-limit.ts';
import { IcmpErrors } from './icmp-errors.ts';
import { Lifetimes } from './lifetimes.ts';
import { podSideOf } from './pod-side.ts';
import {
  ACKED,
  BEGIN_AT,
  DEADLINE_AT,
  FLAGS,
  HOP_LIMITS,
  ISN,
  LAST_PROGRESS_AT,
  LAST_SEEN_AT,
  MAYBE_PROBE,
  MIDSTREAM,
  NEXT_SEQUENCE,
  PHASE_CLOSED,
  PHASE_ESTABLISHED,
  PHASE_LET_GO,
  PHASE_MASK,
  PHASE_SYN_SENT,
  POD_SIDE_SHIFT,
  READING,
  RESUMED,
  SEEN,
  SEGMENT_SIZES,
  SIDE_WORDS,
  STATE,
  TIMES_PER_RECORD,
  WATCHED,
  WINDOW,
  WINDOW_SHIFT,
  WORDS_PER_RECORD,
} from './record.ts';
import { LARGEST_WINDOW_BYTES } from './sequence-window.ts';
import { shiftRecordTimes } from './shift-record-times.ts';
import { TrackedConnection } from './tracked-connection.ts';
import type { PayloadReader, TrackerDelays, TrackerListener } from './tracker-listener.ts';

/** A SYN that was captured so late is another one. */
const LATEST_SYN_US = 3_000_000;

const NO_READER: PayloadReader = { packet() {}, finished() {}, reset() {}, release() {} };

/**
 * Follows every TCP connection (RFC 9293 §3.3.2, seen from the middle). It holds the state, knows when time makes
 * something due, and tells a listener; what is worth an event is for `detect` to say.
 */
export class Tracker {
  readonly #table: ConnectionTable;
  readonly #words: Int32Array;
  readonly #times: Float64Array;
  readonly #lifetimes: Lifetimes;
  readonly #streams: ByteStreams;
  readonly #handshakes: Handshakes;
  readonly #foreign: ForeignPackets;
  readonly #icmpErrors: IcmpErrors;
  readonly #earlyResets = new EarlyResets();
  readonly #listener: TrackerListener;
  readonly #connection: TrackedConnection;

  /** Follows the connections of `table`, which belongs to the tracker from here on. Without `reader` nobody reads payload. */
  constructor(table: ConnectionTable, delays: TrackerDelays, listener: TrackerListener, reader = NO_READER) {
    this.#table = table;
    this.#words = table.words;
    this.#times = table.times;
    this.#lifetimes = new Lifetimes(table, delays, listener, reader);
    this.#streams = new ByteStreams(table, this.#lifetimes, listener, reader);
    this.#handshakes = new Handshakes(table, this.#lifetimes, this.#streams, listener);
    this.#foreign = new ForeignPackets(table);
    this.#icmpErrors = new IcmpErrors(table);
    this.#listener = listener;
    this.#connection = new TrackedConnection(table);
  }

  /** Connections in the table, closed ones that are still remembered included. */
  get size(): number {
    return this.#table.size;
  }

  /** Open connections whose handshake is not complete. */
  get halfOpen(): number {
    return this.#lifetimes.halfOpen;
  }

  /** RSTs that their receivers ignored, as far as the packets after them tell. */
  get ignoredResets(): number {
    return this.#streams.ignoredResets;
  }

  /** Segments that were sent again, by who sent them. */
  get resent(): readonly [initiators: number, responders: number] {
    return this.#streams.quality.resent;
  }

  /** ICMP errors that quote what was not sent. */
  get unfoundedErrors(): number {
    return this.#icmpErrors.unfounded;
  }

  /**
   * Gives memory of slots that are not in use back to the system, when that is much. Answers the first of them; -1 when
   * nothing was given back.
   */
  trim(): number {
    const slot = this.#table.trim();
    if (slot >= 0) this.#lifetimes.release(slot);
    return slot;
  }

  /** A connection by its slot, while it is in the table. The window moves on with the next packet. */
  connectionAt(slot: number): TrackedConnection {
    return this.#connection.at(slot);
  }

  /** Who sends packets that belong to a connection from an address that was not asked; null when nobody does. */
  strangerOf(slot: number): Stranger | null {
    return this.#foreign.strangerOf(slot);
  }

  /** Open connections that had to make room for others. */
  get evicted(): number {
    return this.#lifetimes.evicted;
  }

  /**
   * Prepares for the first `count` packets, which `segment` will soon be given: computes their hashes, and touches the
   * memory that will be needed, so that the waits for it overlap.
   */
  prefetch(packets: readonly Packet[], count: number): void {
    const table = this.#table;
    for (let i = 0; i < count; i++) packets[i].endpointHash = table.hash(packets[i]);
    table.touch(packets, count);
  }

  /**
   * Takes in a packet that went through `prefetch`. The answer is the connection it belongs to, open or remembered, as `slot * 2 + side`, the side
   * being who sent it; -1 when it belongs to none.
   */
  segment(packet: Packet, direction: Direction): number {
    const hash = packet.endpointHash;
    let found = this.#table.find(packet, hash);
    const timeUs = packet.timeUs;
    if (found >= 0 && timeUs >= this.#times[(found >> 1) * TIMES_PER_RECORD + DEADLINE_AT]) {
      this.#lifetimes.due(found >> 1, timeUs);
      found = this.#table.find(packet, hash);
    }
    if (found === NOT_FOUND) return this.#unknown(packet, direction, hash);

    const slot = found >> 1;
    const side = (found & 1) as Side;
    const word = slot * WORDS_PER_RECORD;
    const flags = packet.flags;
    const state = this.#words[word + STATE];
    this.#times[slot * TIMES_PER_RECORD + LAST_SEEN_AT] = timeUs;
    if ((state & PHASE_MASK) >= PHASE_CLOSED) {
      return this.#onClosed(slot, side, packet, direction, hash);
    }
    if ((state & PHASE_MASK) !== PHASE_ESTABLISHED || (flags & (TCP_SYN | TCP_RST)) !== 0) {
      if (!this.#handshakes.packet(slot, side, packet)) {
        // the endpoints are used anew before the old connection was complete or closed
        this.#lifetimes.end(slot, EndType.halfOpen, side, timeUs);
        this.#lifetimes.forget(slot);
        return this.#begin(packet, direction, hash);
      }
      return found;
    }
    this.#streams.segment(slot, side, packet);
    return found;
  }

  /** Takes in an ICMP error that went through `prefetch`; the answer is as that of `segment`, the side being who sent what it quotes. */
  icmpError(packet: Packet): number {
    const found = this.#table.find(packet, packet.endpointHash);
    if (found === NOT_FOUND) {
      this.#icmpErrors.noteUnfounded();
      return -1;
    }
    const error = this.#icmpErrors.read(found >> 1, (found & 1) as Side, packet);
    if (error === null) return -1;
    this.#listener.icmpError(this.#connection.at(found >> 1), error, packet.timeUs);
    return found;
  }

  /**
   * Shows open connections to `visit`, at most `limit`, from `firstSlot` on, 0 to begin with. Answers where to go on; -1 at
   * the end. Connections that begin between two calls may or may not be shown.
   */
  visitOpen(visit: (connection: TrackedConnection) => void, firstSlot: number, limit: number): number {
    let slot = this.#lifetimes.openFrom(firstSlot);
    for (let shown = 0; slot >= 0 && shown < limit; shown++) {
      visit(this.#connection.at(slot));
      slot = this.#lifetimes.openFrom(slot + 1);
    }
    return slot;
  }

  /** The delays were shortened: a connection may be due earlier than it is waited for. */
  rescheduleEarlier(slot: number): void {
    this.#lifetimes.rescheduleEarlier(slot);
  }

  /** The clock was set by `deltaUs`: what is remembered keeps its age. */
  shiftTimes(deltaUs: number): void {
    shiftRecordTimes(this.#table, this.#streams.quality, deltaUs);
  }

  /** Lets time pass up to `nowUs`: whatever became due by then is told. Stops after about `limit` deadlines; true when more is due. */
  advance(nowUs: number, limit = Number.POSITIVE_INFINITY): boolean {
    return this.#lifetimes.advance(nowUs, limit);
  }

  /**
   * Ends whatever is still open, as the interface is gone or the agent stops. Stops after `limit` connections; true
   * when there are more.
   */
  stop(timeUs: number, limit = Number.POSITIVE_INFINITY): boolean {
    return this.#lifetimes.stop(timeUs, limit);
  }

  /** A packet of a connection that is not in the table. */
  #unknown(packet: Packet, direction: Direction, hash: number): number {
    const { flags } = packet;
    const synOnly = (flags & (TCP_SYN | TCP_ACK | TCP_RST)) === TCP_SYN;
    if (!synOnly) {
      const foreign = this.#foreign.look(packet);
      if (foreign !== null) {
        if (foreign.told !== null) {
          this.#listener.foreignPacket(this.#connection.at(foreign.slot), foreign.told, packet.timeUs);
        }
        return foreign.slot * 2 + ((flags & TCP_RST) === 0 ? Side.responder : Side.initiator);
      }
      if ((flags & TCP_RST) !== 0) {
        this.#earlyResets.add(packet);
        return -1;
      }
    }
    const found = this.#begin(packet, direction, hash);
    if (synOnly && this.#earlyResets.hasAnswered(packet)) {
      this.#lifetimes.reset(found >> 1, Side.responder, packet.timeUs);
    }
    return found;
  }

  /** `resumedBy`: who goes on with a connection that was let go; -1 for one that begins, or is seen for the first time. */
  #begin(packet: Packet, direction: Direction, hash: number, resumedBy: Side | -1 = -1): number {
    const { flags, timeUs } = packet;
    if (this.#table.full) this.#lifetimes.makeRoom(timeUs);
    const synOnly = (flags & (TCP_SYN | TCP_ACK)) === TCP_SYN;
    const sourceIsInitiator =
      resumedBy === -1
        ? synOnly || ((flags & TCP_SYN) === 0 && packet.sourcePort >= packet.destinationPort)
        : resumedBy === Side.initiator;
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
      (podSideOf(direction, side) << POD_SIDE_SHIFT) |
      (synOnly ? PHASE_SYN_SENT : resumedBy === -1 ? PHASE_ESTABLISHED | MIDSTREAM : PHASE_ESTABLISHED);
    if (resumedBy !== -1) words[word + FLAGS] |= RESUMED;
    words[word + HOP_LIMITS] = hopLimit(packet) << (8 * side);
    words[word + SEGMENT_SIZES] = packet.segmentSize << (16 * side);
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
    this.#lifetimes.begin(slot, timeUs);
    this.#foreign.began(slot);
    this.#listener.began(this.#connection.at(slot));
    if ((flags & TCP_SYN) === 0) this.#streams.first(slot, side, packet);
    else this.#streams.synPayload(slot, side, packet);
    return slot * 2 + side;
  }

  /** What one packet says of a connection that was there before: where its sender is, and what the other side sent. */
  #startMidstream(slot: number, side: Side, packet: Packet): void {
    const word = slot * WORDS_PER_RECORD;
    const other = word + SIDE_WORDS * (1 - side);
    this.#words[other + WINDOW] = LARGEST_WINDOW_BYTES;
    if ((packet.flags & TCP_SYN) !== 0) {
      this.#words[word + WINDOW_SHIFT + SIDE_WORDS * side] = packet.windowScale;
    }
    this.#words[other + ACKED] = packet.sequence;
    if (packet.payloadLengthBytes <= 1 && (packet.flags & (TCP_SYN | TCP_FIN)) === 0) {
      this.#words[word + STATE] |= WATCHED; // a keep-alive probe has the sequence number before the next
      this.#words[word + FLAGS] |= MAYBE_PROBE << side;
    }
    if ((packet.flags & TCP_ACK) === 0) {
      this.#words[word + STATE] &= ~(SEEN << side); // not seen in full: its first ACK is still to come
      return;
    }
    this.#words[other + NEXT_SEQUENCE] = packet.acknowledgment;
    this.#words[word + ACKED + SIDE_WORDS * side] = packet.acknowledgment;
  }

  /** A packet between endpoints whose connection has ended: late, or the first of the next one. */
  #onClosed(slot: number, side: Side, packet: Packet, direction: Direction, hash: number): number {
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    const synOnly = (packet.flags & (TCP_SYN | TCP_ACK | TCP_RST)) === TCP_SYN;
    const isLate =
      (words[word + STATE] & MIDSTREAM) !== 0 &&
      packet.timeUs - this.#times[slot * TIMES_PER_RECORD + BEGIN_AT] < LATEST_SYN_US &&
      ((packet.sequence - words[word + NEXT_SEQUENCE + SIDE_WORDS * side]) | 0) < 0;
    if (synOnly && !isLate && packet.sequence !== words[word + ISN + side]) {
      this.#lifetimes.forget(slot);
      return this.#begin(packet, direction, hash);
    }
    if ((words[word + STATE] & PHASE_MASK) !== PHASE_LET_GO) return slot * 2 + side;
    const fresh = (packet.sequence + packet.payloadLengthBytes - words[word + NEXT_SEQUENCE + SIDE_WORDS * side]) | 0;
    const hasNews = packet.payloadLengthBytes > 0 && fresh > 0;
    const unseen = (packet.acknowledgment - words[word + NEXT_SEQUENCE + SIDE_WORDS * (1 - side)]) | 0;
    const hasAckNews = (packet.flags & TCP_ACK) !== 0 && unseen > 0 && unseen < LARGEST_WINDOW_BYTES;
    if ((packet.flags & TCP_RST) !== 0 || ((packet.flags & TCP_FIN) !== 0 && !hasNews)) {
      words[word + STATE] = (words[word + STATE] & ~PHASE_MASK) | PHASE_CLOSED; // what follows is late
    } else if (hasNews || hasAckNews) {
      this.#lifetimes.forget(slot);
      return this.#begin(packet, direction, hash, side);
    }
    this.#lifetimes.remember(slot, packet.timeUs); // still there, still silent: keep-alives are no news
    return slot * 2 + side;
  }
}
