import type { PacketSource } from '../capture/packet-source.ts';
import type { PacketHistory } from '../history/packet-history.ts';
import { Decoder } from '../layers/decoder.ts';
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../layers/ip.ts';
import { Verdict } from '../layers/verdict.ts';
import { Frame } from '../model/frame.ts';
import type { MemorySupply } from '../model/memory-supply.ts';
import { Packet } from '../model/packet.ts';
import type { HttpSearch } from '../protocols/http/http-search.ts';
import { ConnectionTable, type TableRoom } from '../track/connection-table.ts';
import { type ConversationListener, type ConversationRoom, Conversations } from '../track/conversations.ts';
import type { DnsListener, DnsSettings } from '../track/dns-listener.ts';
import { DnsQuestions } from '../track/dns-questions.ts';
import { TrackedConnection } from '../track/tracked-connection.ts';
import { Tracker } from '../track/tracker.ts';
import type { TrackerDelays, TrackerListener } from '../track/tracker-listener.ts';
import type { DnsDumps } from './dns-dumps.ts';
import type { Dumps } from './dumps.ts';
import { DuplicateFilter } from './duplicate-filter.ts';

/** Packets decoded and looked up together: enough for their waits for memory to overlap, few enough to stay in the cache. */
const BATCH = 32;
/** How often, in packet time, it is looked whether something became due. */
const ADVANCE_EVERY_US = 100_000;
/** Deadlines told at once, so that a million of them cannot hold up the capture. */
const DEADLINES_AT_ONCE = 1000;

/** What is kept of a packet. */
export interface KeepingLimits {
  /** Payload bytes at most. */
  pcapPayloadBytes: number;
}

/** Where packets are kept for pcaps. */
export interface Keeping {
  readonly history: PacketHistory;
  readonly dnsDumps: DnsDumps;
  readonly dumps: Dumps;
  /** May be changed while packets are kept. */
  readonly limits: KeepingLimits;
}

/** What a packet path is made of. */
export interface PacketProcessorOptions {
  /** Connections that are followed at the same time at most. */
  readonly capacity: number;
  /** Gives the memory of their table; the engine's when missing. */
  readonly memory?: MemorySupply;
  /** Room for the table, and for what is read of connections; there is always some when missing. */
  readonly tableRoom?: TableRoom;
  readonly conversationRoom?: ConversationRoom;
  /** Keys the hash of the connection table: any 32-bit integer. */
  readonly seed: number;
  readonly delays: TrackerDelays & DnsSettings;
  /** What is searched in the heads of HTTP requests. */
  readonly search: HttpSearch;
  /** Null: no packets are kept. */
  readonly keeping: Keeping | null;
  /** Packets may have been captured on several interfaces: second copies are left out. */
  readonly mayHaveDuplicates: boolean;
  readonly listener: TrackerListener & ConversationListener;
  readonly dnsListener: DnsListener;
}

/** Frames go in, a listener is told what happens to connections: the one way through the house, on one thread. */
export class PacketProcessor {
  readonly tracker: Tracker;
  readonly conversations: Conversations;
  readonly questions: DnsQuestions;
  readonly #keeping: Keeping | null;
  #isKeeping = true;
  #unkept = 0;
  readonly #frames = Array.from({ length: BATCH }, () => new Frame());
  readonly #packets = Array.from({ length: BATCH }, () => new Packet());
  readonly #decoder = new Decoder();
  readonly #duplicates: DuplicateFilter | null;
  /** By how much the clock was set, while packets from before that may still come; 0 otherwise. */
  #clockStepUs = 0;
  /** Packets in the batch. */
  #batchSize = 0;
  /** More was due than could be told at once: that comes before further frames. */
  #behind = false;
  #lastUs = Number.NaN;
  #nextAdvanceUs = Number.NEGATIVE_INFINITY;
  #firstUs = Number.NaN;
  #nowUs = Number.NaN;

  constructor(options: PacketProcessorOptions) {
    const { capacity, memory, seed, delays, search, keeping, mayHaveDuplicates, listener, dnsListener } = options;
    const table = new ConnectionTable(capacity, seed, memory, options.tableRoom);
    this.questions = new DnsQuestions(delays, seed, dnsListener);
    this.conversations = new Conversations(new TrackedConnection(table), {
      search,
      listener,
      questions: this.questions,
      room: options.conversationRoom,
    });
    this.tracker = new Tracker(table, delays, listener, this.conversations);
    this.#keeping = keeping;
    this.#duplicates = mayHaveDuplicates ? new DuplicateFilter() : null;
  }

  /** Time of the first packet, or of the first `advance`; NaN before. */
  get firstUs(): number {
    return this.#firstUs;
  }

  /** The latest time the path has seen, in packets or in `advance`; NaN before. */
  get nowUs(): number {
    return this.#lastUs > this.#nowUs ? this.#lastUs : this.#nowUs;
  }

  /** Whether packets are kept for pcaps, where there is a place for them. May be changed at any time. */
  set isKeeping(isKeeping: boolean) {
    this.#isKeeping = isKeeping;
    if (this.#keeping !== null) this.#keeping.dumps.isPaused = !isKeeping;
  }

  /** Packets that were not kept because `isKeeping` was false. */
  get unkept(): number {
    return this.#unkept;
  }

  /** Frames by what decoding made of them. */
  get verdicts(): Record<string, number> {
    return this.#decoder.counts();
  }

  /** Packets that were second copies, and were left out. */
  get duplicates(): number {
    return this.#duplicates?.count ?? 0;
  }

  /**
   * The clock that the packets' times come from was set by `deltaUs`: what is remembered keeps its age, and packets that
   * were captured before and come late are taken for those of the new time.
   */
  stepClock(deltaUs: number): void {
    this.tracker.shiftTimes(deltaUs);
    this.questions.shiftTimes(deltaUs);
    this.#keeping?.dumps.shiftTimes(deltaUs);
    this.#clockStepUs = deltaUs;
    this.#lastUs += deltaUs;
    this.#nowUs += deltaUs;
    this.#firstUs += deltaUs;
    this.#nextAdvanceUs += deltaUs;
  }

  /** Gives memory of connections that are gone back to the system, when that is much. To be called now and then. */
  trim(): void {
    const slot = this.tracker.trim();
    if (slot >= 0) this.#keeping?.history.releaseSlots(slot);
  }

  /** Takes in up to `limit` frames. True when the source has nothing more now, false when there is more to do. */
  drain(source: PacketSource, limit: number): boolean {
    for (let taken = 0; taken < limit; ) {
      if (this.#behind) {
        this.#behind = this.advance(this.nowUs);
        if (this.#behind) return false;
      }
      // a source also says that there is nothing where one of its blocks ends: asked again, it goes on
      const frames = this.#takeBatch(source) || this.#takeBatch(source);
      if (frames === 0) return true;
      taken += frames;
      this.#processBatch();
    }
    return false;
  }

  /** Takes frames until a batch of packets is together or the source has nothing more; says how many frames. */
  #takeBatch(source: PacketSource): number {
    let frames = 0;
    let size = 0;
    while (size < BATCH && source.next(this.#frames[size])) {
      frames++;
      // a frame that is not followed does not even let time pass: the capture filter may or may not have kept it out
      const verdict = this.#decoder.decode(this.#frames[size], this.#packets[size]);
      if (verdict !== Verdict.tcp && verdict !== Verdict.icmp && verdict !== Verdict.dns) continue;
      size++;
    }
    this.#batchSize = size;
    this.tracker.prefetch(this.#packets, size);
    if (this.#isKeeping) this.#keeping?.history.touch(this.#packets, size);
    return frames;
  }

  /** Sends the packets of the batch on their way, one after the other. */
  #processBatch(): void {
    const keeping = this.#isKeeping ? this.#keeping : null;
    const duplicates = this.#duplicates;
    if (!this.#isKeeping) this.#unkept += this.#batchSize;
    for (let i = 0; i < this.#batchSize; i++) {
      const frame = this.#frames[i];
      const packet = this.#packets[i];
      if (this.#clockStepUs !== 0) this.#correctTime(packet);
      const isSegment = packet.protocol === PROTOCOL_TCP;
      if (duplicates !== null && isSegment && duplicates.isDuplicate(packet)) continue;
      const timeUs = packet.timeUs;
      if (this.#isTimeToAdvance(timeUs)) this.#behind = this.advance(timeUs);
      this.#lastUs = timeUs;
      const found = isSegment ? this.tracker.segment(packet, frame.direction) : this.#other(frame, packet, keeping);
      if (keeping !== null && found >= 0) {
        // of what an error quotes the headers are kept: its payload is nobody's to mask
        const payloadBytes = isSegment ? keeping.limits.pcapPayloadBytes : 0;
        keeping.history.keep(found >> 1, frame, packet.payloadStart, payloadBytes);
      }
    }
  }

  /** Takes in a packet that is no TCP segment. Returns the connection that it is about, as `Tracker.segment` does; -1 for none. */
  #other(frame: Frame, packet: Packet, keeping: Keeping | null): number {
    const isDatagram = packet.protocol === PROTOCOL_UDP;
    if (!isDatagram && packet.quotedProtocol === PROTOCOL_TCP) return this.tracker.icmpError(packet);
    const question = isDatagram ? this.questions.datagram(packet, frame.direction) : this.questions.icmpError(packet);
    if (keeping === null) return -1;
    const { dnsDumps, limits } = keeping;
    if (question >= 0) dnsDumps.keep(question, frame, packet.payloadStart, isDatagram ? limits.pcapPayloadBytes : 0);
    dnsDumps.flush();
    return -1;
  }

  /** Moves the time of a packet that was captured before the clock was set. */
  #correctTime(packet: Packet): void {
    const { timeUs } = packet;
    const correctedUs = timeUs + this.#clockStepUs;
    if (Math.abs(correctedUs - this.#lastUs) < Math.abs(timeUs - this.#lastUs)) packet.timeUs = correctedUs;
    else this.#clockStepUs = 0; // what comes from here on was captured after that
  }

  /** Now and then as time goes on, and when it was set back. */
  #isTimeToAdvance(timeUs: number): boolean {
    return timeUs >= this.#nextAdvanceUs || timeUs < this.#nextAdvanceUs - 2 * ADVANCE_EVERY_US;
  }

  /** Lets time pass. True when not everything that is due could be told: to be called again. */
  advance(nowUs: number): boolean {
    if (Number.isNaN(this.#firstUs)) this.#firstUs = nowUs;
    if (!(nowUs <= this.#nowUs)) this.#nowUs = nowUs;
    if (this.tracker.advance(nowUs, DEADLINES_AT_ONCE)) return true;
    this.questions.advance(nowUs);
    this.#keeping?.dnsDumps.flush();
    this.#keeping?.dumps.advance(nowUs);
    this.#nextAdvanceUs = nowUs + ADVANCE_EVERY_US;
    return false;
  }
}
