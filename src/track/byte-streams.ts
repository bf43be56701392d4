import { EndType, Side } from '../model/connection.ts';
import type { Packet } from '../model/packet.ts';
import { TCP_ACK, TCP_FIN } from '../model/tcp-bits.ts';
import type { ConnectionTable } from './connection-table.ts';
import { Dialogues } from './dialogues.ts';
import { noteAhead, noteFound, noteMissing } from './holes.ts';
import { hopLimit } from './hop-limit.ts';
import { countKeepAlive, noteSignOfLife } from './keep-alives.ts';
import type { Lifetimes } from './lifetimes.ts';
import { PathMtu, type PathMtuTrouble } from './path-mtu.ts';
import {
  ACKED,
  ASKED,
  ASKED_AT_FIN,
  DIALOGUE,
  ESTABLISHED_AT,
  FIN_AT,
  FIN_SENT,
  FIRST_BYTE_AT,
  FIRST_FIN_SHIFT,
  FLAGS,
  GAVE_UP,
  HOP_LIMITS,
  HUNG_UP,
  LAST_PROGRESS_AT,
  LAST_SPEAKER_SHIFT,
  LATE_REQUEST,
  MISSING,
  NEXT_SEQUENCE,
  QUALITY,
  READING,
  RESENT_SEEN,
  REST_AT,
  RST_WAITS,
  SEEN,
  SIDE_TIMES,
  SIDE_WORDS,
  SPOKE,
  STATE,
  STREAM_BYTES_AT,
  TIMES_PER_RECORD,
  WAITED_MS,
  WATCHED,
  WINDOW,
  WINDOW_SHIFT,
  WORDS_PER_RECORD,
} from './record.ts';
import { LARGEST_WINDOW_BYTES } from './sequence-window.ts';
import { TcpQuality } from './tcp-quality.ts';
import { TrackedConnection } from './tracked-connection.ts';
import type { PayloadReader, TrackerListener } from './tracker-listener.ts';

/** Allowed beyond the advertised window: window probes, and windows that moved while a segment was under way. */
export const WINDOW_SLACK_BYTES = 1 << 16;
/** A pause between bytes of one side that makes them two turns. */
const TURN_REST_US = 1_000_000;

/** The byte streams of established connections, both directions: what moved, what was acknowledged, who said goodbye. */
export class ByteStreams {
  readonly #words: Int32Array;
  readonly #times: Float64Array;
  readonly #lifetimes: Lifetimes;
  readonly #reader: PayloadReader;
  readonly #dialogues: Dialogues;
  readonly #pathMtu: PathMtu;
  readonly quality: TcpQuality;
  readonly #listener: TrackerListener;
  readonly #connection: TrackedConnection;
  #ignoredResets = 0;

  constructor(table: ConnectionTable, lifetimes: Lifetimes, listener: TrackerListener, reader: PayloadReader) {
    this.#words = table.words;
    this.#times = table.times;
    this.#lifetimes = lifetimes;
    this.#reader = reader;
    this.#dialogues = new Dialogues(table, listener);
    this.#pathMtu = new PathMtu(table);
    this.quality = new TcpQuality(table, listener);
    this.#listener = listener;
    this.#connection = new TrackedConnection(table);
  }

  /** RSTs that their receivers ignored, as far as the packets after them tell. */
  get ignoredResets(): number {
    return this.#ignoredResets;
  }

  /** Counts a RST that its receiver ignores. */
  ignoreReset(): void {
    this.#ignoredResets++;
  }

  /** Data, acknowledgments and FINs: the packets of an established connection. The hot path. */
  segment(slot: number, side: Side, packet: Packet): void {
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    const own = word + SIDE_WORDS * side;
    const other = word + SIDE_WORDS * (1 - side);
    const state = words[word + STATE];
    if ((state & (SEEN << side)) === 0) this.#firstSight(slot, side, packet);
    if ((state & (WATCHED | RST_WAITS)) !== 0) this.#lookCloser(slot, side, packet);
    if ((packet.flags & TCP_ACK) !== 0) {
      const acknowledgment = packet.acknowledgment;
      const unseen = (acknowledgment - words[other + NEXT_SEQUENCE]) | 0;
      if (unseen < LARGEST_WINDOW_BYTES && ((acknowledgment - words[own + ACKED]) | 0) >= 0) {
        if (acknowledgment !== words[own + ACKED] || (words[word + QUALITY] & (RESENT_SEEN * 3)) !== 0)
          this.quality.acknowledged(slot, side, packet);
        words[own + ACKED] = acknowledgment;
        const shift = words[own + WINDOW_SHIFT];
        const window = shift < 0 ? packet.window << 14 : packet.window << shift;
        if (window === 0 || words[own + WINDOW] === 0) this.quality.window(slot, side, window, packet);
        words[own + WINDOW] = window;
      }
      if (unseen > 0 && unseen < LARGEST_WINDOW_BYTES) {
        // acknowledged, so it was sent; where that side is never seen, this is all there is to know of its progress
        this.#move(slot, (1 - side) as Side, unseen);
        if ((words[word + STATE] & DIALOGUE) !== 0) this.#dialogues.lost(slot, (1 - side) as Side);
        if ((words[word + STATE] & (SEEN << (1 - side))) === 0) this.#lifetimes.progress(slot, packet.timeUs);
        else noteMissing(this.#words, word, (1 - side) as Side, (acknowledgment - unseen) | 0, unseen);
      }
    }
    if (packet.payloadLengthBytes > 1) this.#advanceSide(slot, side, packet, 0);
    else if (((packet.sequence + 1 - words[own + NEXT_SEQUENCE]) | 0) === 0) this.#keepAlive(word, side, packet);
    else if (packet.payloadLengthBytes !== 0) this.#advanceSide(slot, side, packet, 0);
    else if (packet.sequence !== words[own + NEXT_SEQUENCE]) {
      noteAhead(this.#words, word, side, packet.sequence);
      this.#tellMtu(slot, this.#pathMtu.ahead(slot, side, packet), packet.timeUs);
    }
    if ((words[word + STATE] & READING) !== 0) this.#reader.packet(slot, side, packet);
    if ((packet.flags & TCP_FIN) !== 0) this.#onFin(slot, side, packet);
  }

  /** The first packet seen of a connection that was there before. A single byte may be that of a keep-alive probe. */
  first(slot: number, side: Side, packet: Packet): void {
    if (packet.payloadLengthBytes !== 1 || (packet.flags & TCP_FIN) !== 0) this.segment(slot, side, packet);
  }

  /** The payload of a SYN or SYN-ACK (RFC 7413); the SYN itself takes a sequence number. */
  synPayload(slot: number, side: Side, packet: Packet): void {
    this.#advanceSide(slot, side, packet, 1);
    if (packet.payloadLengthBytes === 0) return;
    if ((this.#words[slot * WORDS_PER_RECORD + STATE] & READING) !== 0) this.#reader.packet(slot, side, packet);
  }

  /** The first packet with an ACK of a side of an established connection. */
  #firstSight(slot: number, side: Side, packet: Packet): void {
    if ((packet.flags & TCP_ACK) === 0) return;
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    const own = word + SIDE_WORDS * side;
    const other = word + SIDE_WORDS * (1 - side);
    words[word + STATE] |= SEEN << side;
    if (((words[word + HOP_LIMITS] >>> (8 * side)) & 0xff) === 0)
      words[word + HOP_LIMITS] |= hopLimit(packet) << (8 * side);
    // what the other side acknowledged before went by unseen
    const before = this.#times[slot * TIMES_PER_RECORD + STREAM_BYTES_AT + SIDE_TIMES * side];
    if (before > 0) noteMissing(this.#words, word, side, (words[own + NEXT_SEQUENCE] - before) | 0, before);
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
    if (fresh <= 0) {
      const fillsHole = noteFound(this.#words, word, side, (packet.sequence + synBytes) | 0, length);
      this.#tellMtu(slot, this.#pathMtu.repeated(slot, side, packet), packet.timeUs);
      if (synBytes === 0) this.quality.again(slot, side, packet, fillsHole);
      return;
    }
    if (fresh > length) {
      // bytes were passed over: lost by the capture, or reordered, or never meant to be taken
      if (!this.#isWithinWindow(word, side, end, fresh)) return;
      if (words[word + MISSING + side] === 0) this.quality.holeBegan(word, side, packet.timeUs);
      noteMissing(this.#words, word, side, words[own + NEXT_SEQUENCE], fresh - length);
    } else if (fresh + 1 < length) {
      this.quality.again(slot, side, packet, false); // begins with bytes that were sent before
    } else if ((words[word + STATE] & (SPOKE << side)) === 0) {
      this.#firstBytes(slot, side, packet.timeUs);
      if (side === Side.initiator) this.#dialogues.begin(slot, packet);
    }
    const isTurn = (words[word + STATE] & (SPOKE << side)) === 0 || side !== lastSpeaker(words[word + STATE]);
    const time = slot * TIMES_PER_RECORD;
    const rest = packet.timeUs - this.#times[time + LAST_PROGRESS_AT];
    if (isTurn || rest > TURN_REST_US) this.#times[time + REST_AT] = rest;
    this.#move(slot, side, fresh);
    this.quality.sent(word, side, packet.timeUs);
    this.#lifetimes.progress(slot, packet.timeUs);
    if ((words[word + STATE] & DIALOGUE) !== 0) {
      if (fresh === length) this.#dialogues.message(slot, side, packet, isTurn);
      else this.#dialogues.lost(slot, side);
    }
    if (side === Side.initiator && (words[word + STATE] & (FIN_SENT << 1)) !== 0) words[word + FLAGS] |= LATE_REQUEST;
  }

  /**
   * A side's first bytes were captured. The responder's answer what the initiator asked or, where the responder speaks
   * first, the handshake. Whoever spoke before without that being captured leaves it unknown.
   */
  #firstBytes(slot: number, side: Side, timeUs: number): void {
    const time = slot * TIMES_PER_RECORD;
    const times = this.#times;
    const otherSpoke = (this.#words[slot * WORDS_PER_RECORD + STATE] & (SPOKE << (1 - side))) !== 0;
    if (side === Side.initiator) {
      if (!otherSpoke) times[time + FIRST_BYTE_AT] = -timeUs;
      return;
    }
    const askedUs = otherSpoke ? -times[time + FIRST_BYTE_AT] : times[time + ESTABLISHED_AT];
    if (askedUs !== 0) times[time + FIRST_BYTE_AT] = timeUs - askedUs;
  }

  /** What a RST that ends a connection tells besides: bytes that its sender had sent, or received, and that did not come. */
  reset(slot: number, side: Side, packet: Packet): void {
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    if ((words[word + STATE] & (SEEN << side)) !== 0) noteAhead(this.#words, word, side, packet.sequence);
    if ((packet.flags & TCP_ACK) === 0) return;
    const other = (1 - side) as Side;
    const next = words[word + SIDE_WORDS * other + NEXT_SEQUENCE];
    const unseen = (packet.acknowledgment - next) | 0;
    if (unseen > 0 && unseen < LARGEST_WINDOW_BYTES) noteMissing(this.#words, word, other, next, unseen);
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
    words[word + STATE] =
      (words[word + STATE] & ~(1 << LAST_SPEAKER_SHIFT)) | (SPOKE << side) | (side << LAST_SPEAKER_SHIFT);
  }

  #onFin(slot: number, side: Side, packet: Packet): void {
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    if ((words[word + STATE] & (FIN_SENT << side)) !== 0) {
      this.#pathMtu.countRepeat(slot, side, packet);
      return;
    }
    const own = word + SIDE_WORDS * side;
    const end = (packet.sequence + packet.payloadLengthBytes) | 0;
    const ahead = (end - words[own + NEXT_SEQUENCE]) | 0;
    if (ahead > 0) {
      if (!this.#isWithinWindow(word, side, end, ahead)) return;
      this.#move(slot, side, ahead); // what was sent before it went by unseen
      this.#dialogues.lost(slot, side);
      noteMissing(this.#words, word, side, (end - ahead) | 0, ahead);
      this.#lifetimes.progress(slot, packet.timeUs);
    } else if (ahead === -1) {
      // it was acknowledged before it was seen, and taken for a byte
      const bytesAt = slot * TIMES_PER_RECORD + STREAM_BYTES_AT + SIDE_TIMES * side;
      this.#times[bytesAt] = Math.max(0, this.#times[bytesAt] - 1);
      words[word + MISSING + side] = Math.max(0, words[word + MISSING + side] - 1);
    } else if (ahead < 0) {
      return; // data came after it: it is of an older connection
    }
    words[own + NEXT_SEQUENCE] = (end + 1) | 0;
    this.#reader.finished(slot, side, end, packet.timeUs);
    const state = words[word + STATE];
    if ((state & (FIN_SENT << (1 - side))) === 0) {
      // it acknowledges one more than the bytes that came: the other side's FIN, which was captured late, came before it
      const other = word + SIDE_WORDS * (1 - side);
      const isSecond = words[word + MISSING + 1 - side] === 1 && words[other + NEXT_SEQUENCE] === packet.acknowledgment;
      const first = (isSecond ? 1 - side : side) as Side;
      words[word + STATE] = state | (FIN_SENT << side) | (first << FIRST_FIN_SHIFT);
      this.#firstFin(slot, first, packet.timeUs);
      this.#tellMtu(slot, this.#pathMtu.closing(slot, side, packet.timeUs), packet.timeUs);
      return;
    }
    words[word + STATE] = state | (FIN_SENT << side);
    this.#lifetimes.end(slot, EndType.fin, side, packet.timeUs);
  }

  #tellMtu(slot: number, trouble: PathMtuTrouble | null, timeUs: number): void {
    if (trouble !== null) this.#listener.pathMtu(this.#connection.at(slot), trouble, timeUs);
  }

  /** The first FIN of a connection: how long nothing had moved, and whether an answer was owed. */
  #firstFin(slot: number, side: Side, timeUs: number): void {
    const words = this.#words;
    const times = this.#times;
    const word = slot * WORDS_PER_RECORD;
    const time = slot * TIMES_PER_RECORD;
    times[time + FIN_AT] = timeUs;
    words[word + WAITED_MS] = Math.min(2 ** 31 - 1, Math.max(0, timeUs - times[time + LAST_PROGRESS_AT]) / 1000);
    const owed = (words[word + STATE] & SPOKE) !== 0 && lastSpeaker(words[word + STATE]) === Side.initiator;
    if (owed) words[word + FLAGS] |= side === Side.initiator ? GAVE_UP : HUNG_UP;
    if ((words[word + FLAGS] & ASKED) !== 0) words[word + FLAGS] |= ASKED_AT_FIN;
    this.#lifetimes.rescheduleEarlier(slot);
  }

  /**
   * A segment of at most one byte, one before the next: a keep-alive probe (RFC 9293 §3.8.4). It moves no byte. Counted
   * until the other side shows that it is there.
   */
  #keepAlive(word: number, side: Side, packet: Packet): void {
    const words = this.#words;
    const other = word + SIDE_WORDS * (1 - side);
    // what is still unacknowledged is sent again, and a closed window is probed (RFC 9293 §3.8.6.1), in the same form
    if ((packet.flags & TCP_FIN) !== 0) return;
    if (words[other + WINDOW] === 0) {
      this.quality.probed(word, (1 - side) as Side, packet.timeUs);
      return;
    }
    if (
      (words[word + STATE] & (SEEN << (1 - side))) !== 0 &&
      words[other + ACKED] !== words[word + SIDE_WORDS * side + NEXT_SEQUENCE]
    )
      return;
    countKeepAlive(words, word, side);
  }

  /** Something about the connection hangs on its next packet. */
  #lookCloser(slot: number, side: Side, packet: Packet): void {
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    if ((words[word + STATE] & RST_WAITS) !== 0) {
      words[word + STATE] &= ~RST_WAITS; // whoever goes on has not taken the RST
      this.#ignoredResets++;
    }
    noteSignOfLife(words, word, side, packet);
  }
}

/** The side that moved the last new byte. */
function lastSpeaker(state: number): Side {
  return ((state >>> LAST_SPEAKER_SHIFT) & 1) as Side;
}
