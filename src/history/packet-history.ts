import { ASSERTING } from '../model/assert.ts';
import { Frame, NO_VLAN } from '../model/frame.ts';
import type { FrameStore } from '../model/frame-store.ts';
import { LinkType } from '../model/link-type.ts';
import { MEBIBYTE } from '../model/mebibyte.ts';
import { UNBOUNDED_ROOM } from '../model/memory-room.ts';
import { engineMemory, type GrowingMemory } from '../model/memory-supply.ts';
import type { Packet } from '../model/packet.ts';
import {
  CAPTURE_FILE_HEADER_BYTES,
  PACKET_RECORD_HEADER_BYTES as HEADER_BYTES,
  type PacketRecords,
} from '../model/packet-records.ts';
import { BlockLog, MIN_FRAME_BYTES, type ReferenceOwner, WORDS_PER_REFERENCE } from './block-log.ts';
import { CHUNKED_BYTES_PER_SLOT, ChunkedHistory } from './chunked-history.ts';
import { copyBytes } from './copy-bytes.ts';
import { checkHistoryRecords } from './history-layout.ts';
import type { HistoryCounters, HistoryLimits } from './history-limits.ts';
import {
  BYTES,
  BYTES_PER_SLOT,
  EPOCH,
  LAST,
  LINK_TYPE,
  MOVED,
  MOVED_NONE,
  MOVED_SOME,
  OMITTED,
  PACKETS,
  REFERENCE_EPOCH,
  REFERENCE_LENGTH,
  REFERENCE_PREVIOUS,
  REFERENCE_SLOT,
  REFERENCE_START,
  REFERENCE_WIRE_LENGTH,
  WORDS_PER_SLOT,
} from './history-words.ts';
import { copyReferenced, loggedBytes, referencesOf } from './log-records.ts';
import { shrinkLarger } from './shrink-larger.ts';
import { ETHERNET_ADDRESSES_BYTES, putTagBack, VLAN_TAG_BYTES } from './vlan-tag.ts';

/** What one connection may hold, so that its capture file is never more than 2 MB. */
const CONNECTION_BYTES = 2 * MEBIBYTE - CAPTURE_FILE_HEADER_BYTES;
/** The beginning of a connection that stays. */
const HEAD_BYTES = 64 * 1024;
/** The part of the memory that the log may use. */
const LOG_SHARE = 1 / 2;

/** What no slot's epoch is. */
const NO_EPOCH = -1;

/** Instead of a number of packets: nothing of this connection is kept. */
const MUTED = -1;

if (ASSERTING) checkHistoryRecords();

/**
 * The packets kept for capture files: of each connection its beginning and the newest rest, all within one budget.
 *
 * Every frame lies in a log first, mostly because the capture put it there, and only a reference is noted. Most
 * connections have ended when the log needs its memory again: their packets are then forgotten without having been
 * touched. What belongs to the others is moved into a `ChunkedHistory`. Each of the two may use half of the budget;
 * besides it the history takes 32 bytes a slot and what `ChunkedHistory` says, touched only for slots in use.
 */
export class PacketHistory implements ReferenceOwner {
  readonly #connectionBytes: number;
  readonly #headLimitBytes: number;
  readonly #log: BlockLog;
  readonly #chunks: ChunkedHistory;
  readonly #slotMemory: GrowingMemory;
  readonly #slots: Int32Array;
  // The log's memory, at hand.
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #references: Int32Array;
  readonly #times: Float64Array;
  /** A packet on its way out of the log. */
  readonly #moving = new Frame();
  /** Packets that were noted: a double, so that it may grow past the small integers. */
  readonly #noted = new Float64Array(1);
  /** Means nothing: only there so that the loads of `touch` are not optimised away. */
  touched = 0;
  #tooLarge = 0;
  #otherLinkType = 0;

  constructor(limits: HistoryLimits) {
    const { maxConnections, budgetBytes, memory = engineMemory, room = UNBOUNDED_ROOM } = limits;
    this.#connectionBytes = limits.connectionBytes ?? CONNECTION_BYTES;
    this.#headLimitBytes = limits.headBytes ?? HEAD_BYTES;
    this.#log = new BlockLog(budgetBytes * LOG_SHARE, this, limits.blockBytes, memory, room);
    this.#chunks = new ChunkedHistory({
      maxConnections,
      budgetBytes: Math.max(0, budgetBytes - this.#log.maxMemoryBytes),
      connectionBytes: this.#connectionBytes,
      headBytes: this.#headLimitBytes,
      room,
      memory,
    });
    this.#slotMemory = memory.growing(maxConnections * BYTES_PER_SLOT);
    this.#slots = new Int32Array(this.#slotMemory.buffer);
    this.#bytes = this.#log.bytes;
    this.#view = this.#log.view;
    this.#references = this.#log.references;
    this.#times = this.#log.referenceDoubles;
    this.#moving.bytes = this.#bytes;
    this.#moving.view = this.#view;
  }

  /** Where a source may put its frames at once; frames from elsewhere are copied there when they are kept. */
  get store(): FrameStore {
    return this.#log;
  }

  /** Memory that packets have used up to now: never more than the budget. */
  get memoryBytes(): number {
    return this.#log.memoryBytes + this.#chunks.memoryBytes;
  }

  /**
   * Gives about so many bytes of memory of packets back to the system: free memory first, then that of the oldest packets
   * of the log and of who holds most, whichever are more. Answers how many bytes that were; a little stays.
   */
  shrink(bytes: number): number {
    return shrinkLarger(this.#log, this.#chunks, bytes);
  }

  /** Memory besides that of packets for so many slots, from the first one on: what is used of them at most. */
  slotBytes(slots: number): number {
    return this.#slotMemory.residentBytes(slots * BYTES_PER_SLOT) + slots * CHUNKED_BYTES_PER_SLOT;
  }

  /** Gives the memory of the slots from `slot` on back to the system: all of them were dropped. */
  releaseSlots(slot: number): void {
    // their epochs begin anew: what is left of them in the log must not be taken for theirs
    this.#log.eachBlock((first, end) => {
      for (let at = first * WORDS_PER_REFERENCE; at < end * WORDS_PER_REFERENCE; at += WORDS_PER_REFERENCE) {
        if (this.#references[at + REFERENCE_SLOT] >= slot) this.#references[at + REFERENCE_EPOCH] = NO_EPOCH;
      }
    });
    this.#slotMemory.shrink(slot * BYTES_PER_SLOT);
    this.#chunks.releaseSlots(slot);
  }

  /** What was counted up to now. */
  counters(): HistoryCounters {
    const { kept: moved, overConnection, overBudget, overBudgetHead, tooLarge } = this.#chunks.counters;
    return {
      kept: this.#noted[0],
      moved,
      overConnection,
      overBudget,
      overBudgetHead,
      tooLarge: tooLarge + this.#tooLarge,
      otherLinkType: this.#otherLinkType,
    };
  }

  /** Loads what `keep` will need for the first `count` packets, which have gone through `Tracker.prefetch`. */
  touch(packets: readonly Packet[], count: number): void {
    const slots = this.#slots;
    let touched = 0;
    for (let i = 0; i < count; i++) {
      const slot = packets[i].likelySlot;
      if (slot >= 0) touched ^= slots[slot * WORDS_PER_SLOT];
    }
    this.touched = touched;
  }

  /** Packets held of one connection; a cut may have fewer, as it has its limit. */
  packetCount(slot: number): number {
    return Math.max(0, this.#slots[slot * WORDS_PER_SLOT + PACKETS]) + this.#chunks.packetCount(slot);
  }

  /**
   * Keeps a frame of a connection, once. A VLAN tag the kernel took out of an Ethernet frame is put back, in the store
   * when the frame lies there: its bytes are the history's from here on. `payloadStart` (into `frame.view`) and
   * `maxPayloadBytes` cut what is kept, not its length on the wire.
   */
  keep(slot: number, frame: Frame, payloadStart = frame.end, maxPayloadBytes = Number.POSITIVE_INFINITY): void {
    const slots = this.#slots;
    const record = slot * WORDS_PER_SLOT;
    if (slots[record + PACKETS] === MUTED) return;
    const linkType = frame.linkType + 1;
    if (slots[record + LINK_TYPE] !== linkType) {
      if (slots[record + LINK_TYPE] !== 0) {
        this.#otherLinkType++;
        slots[record + OMITTED]++;
        return;
      }
      slots[record + LINK_TYPE] = linkType;
      this.#slotMemory.reach((slot + 1) * BYTES_PER_SLOT);
    }
    let start = frame.start;
    let length = frame.end - start;
    if (frame.end - payloadStart > maxPayloadBytes) length = payloadStart + maxPayloadBytes - start;
    let wireLength = frame.wireLengthBytes;
    const log = this.#log;
    if (frame.bytes !== this.#bytes || !log.canRefer(start)) {
      start = this.#copyIn(frame, length);
      if (start < 0) {
        this.#tooLarge++;
        slots[record + OMITTED]++;
        return;
      }
    }
    if (frame.vlanTci !== NO_VLAN && frame.linkType === LinkType.ethernet && length >= ETHERNET_ADDRESSES_BYTES) {
      putTagBack(this.#view, start, frame);
      start -= VLAN_TAG_BYTES;
      length += VLAN_TAG_BYTES;
      wireLength += VLAN_TAG_BYTES;
    }
    const reference = log.addReference();
    const references = this.#references;
    const at = reference * WORDS_PER_REFERENCE;
    this.#times[at >> 1] = frame.timeUs;
    references[at + REFERENCE_START] = start;
    references[at + REFERENCE_LENGTH] = length;
    references[at + REFERENCE_WIRE_LENGTH] = wireLength;
    references[at + REFERENCE_SLOT] = slot;
    references[at + REFERENCE_EPOCH] = slots[record + EPOCH];
    references[at + REFERENCE_PREVIOUS] = slots[record + LAST];
    slots[record + LAST] = reference;
    slots[record + PACKETS]++;
    slots[record + BYTES] += HEADER_BYTES + length;
    this.#noted[0]++;
  }

  /** Forgets a connection; its slot may then stand for another. */
  drop(slot: number): void {
    const slots = this.#slots;
    const record = slot * WORDS_PER_SLOT;
    slots[record + EPOCH]++;
    slots[record + PACKETS] = 0;
    slots[record + BYTES] = 0;
    slots[record + OMITTED] = 0;
    slots[record + LINK_TYPE] = 0;
    if (slots[record + MOVED] === MOVED_SOME) this.#chunks.drop(slot);
    slots[record + MOVED] = 0;
  }

  /** Forgets a connection and keeps nothing more of it, until `drop` makes its slot ready for another. */
  mute(slot: number): void {
    this.drop(slot);
    this.#slots[slot * WORDS_PER_SLOT + PACKETS] = MUTED;
  }

  /** Copies out what is held of a connection, which goes on being kept; null when there is nothing. */
  cut(slot: number): PacketRecords | null {
    const slots = this.#slots;
    const chunks = this.#chunks;
    const record = slot * WORDS_PER_SLOT;
    if (this.packetCount(slot) === 0) return null;
    const inLog = referencesOf(this.#references, slots[record + LAST], slots[record + PACKETS]);
    // What is newer displaces what is older, just as if it were moved out of the log now.
    chunks.leaveRoom(slot, slots[record + BYTES]);
    const movedBytes = chunks.heldBytesOf(slot);
    let totalBytes = movedBytes + slots[record + BYTES];
    let gapStart = 0;
    const headComplete = slots[record + MOVED] === MOVED_NONE || chunks.isHeadComplete(slot);
    if (totalBytes > this.#connectionBytes && !headComplete) {
      for (let headBytes = movedBytes; headBytes < this.#headLimitBytes && gapStart < inLog.length; gapStart++) {
        headBytes += loggedBytes(this.#references, inLog[gapStart]);
      }
    }
    let gapEnd = gapStart;
    for (; totalBytes > this.#connectionBytes && gapEnd < inLog.length; gapEnd++) {
      totalBytes -= loggedBytes(this.#references, inLog[gapEnd]);
    }
    const bytes = Buffer.allocUnsafeSlow(totalBytes);
    chunks.copyTo(slot, bytes);
    const afterHead = copyReferenced(this.#log, inLog, 0, gapStart, bytes, movedBytes);
    copyReferenced(this.#log, inLog, gapEnd, inLog.length, bytes, afterHead);
    const gap = gapEnd - gapStart;
    return {
      linkType: slots[record + LINK_TYPE] - 1,
      packets: chunks.packetCount(slot) + inLog.length - gap,
      omittedPackets: slots[record + OMITTED] + chunks.omittedCount(slot) + gap,
      bytes,
    };
  }

  countLiving(first: number, end: number, limit: number): number {
    const slots = this.#slots;
    const references = this.#references;
    // Of a connection with more than that in the log, newer packets displace what its oldest block holds.
    const enough = this.#connectionBytes + this.#log.blockBytes;
    let living = 0;
    for (let reference = first; reference < end && living <= limit; reference++) {
      const at = reference * WORDS_PER_REFERENCE;
      const record = references[at + REFERENCE_SLOT] * WORDS_PER_SLOT;
      if (slots[record + EPOCH] === references[at + REFERENCE_EPOCH] && slots[record + BYTES] <= enough) living++;
    }
    return living;
  }

  giveUp(first: number, end: number): void {
    const slots = this.#slots;
    const references = this.#references;
    for (let reference = first; reference < end; reference++) {
      const at = reference * WORDS_PER_REFERENCE;
      const slot = references[at + REFERENCE_SLOT];
      const record = slot * WORDS_PER_SLOT;
      if (slots[record + EPOCH] !== references[at + REFERENCE_EPOCH]) continue;
      this.#move(slot, reference);
      slots[record + PACKETS]--;
      slots[record + BYTES] -= loggedBytes(this.#references, reference);
    }
  }

  /** Moves the oldest packet that a connection has in the log, unless newer ones in the log would displace it anyway. */
  #move(slot: number, reference: number): void {
    const slots = this.#slots;
    const chunks = this.#chunks;
    const record = slot * WORDS_PER_SLOT;
    const at = reference * WORDS_PER_REFERENCE;
    const length = this.#references[at + REFERENCE_LENGTH];
    if (slots[record + MOVED] !== MOVED_SOME) {
      if (chunks.isCrowded(length)) {
        if (slots[record + MOVED] === 0) chunks.counters.overBudgetHead++;
        chunks.counters.overBudget++;
        slots[record + OMITTED]++;
        slots[record + MOVED] = MOVED_NONE;
        return;
      }
      if (slots[record + MOVED] === MOVED_NONE) chunks.skipHead(slot);
      slots[record + MOVED] = MOVED_SOME;
    }
    if (chunks.isHeadComplete(slot) && chunks.headBytes(slot) + slots[record + BYTES] > this.#connectionBytes) {
      chunks.surpass(slot);
      return;
    }
    const frame = this.#moving;
    frame.start = this.#references[at + REFERENCE_START];
    frame.end = frame.start + length;
    frame.wireLengthBytes = this.#references[at + REFERENCE_WIRE_LENGTH];
    frame.timeUs = this.#times[at >> 1];
    chunks.keep(slot, frame);
  }

  /** Copies the first bytes of a frame into the log, behind room for a tag; -1 when a block has no room for it. */
  #copyIn(frame: Frame, length: number): number {
    const at = this.#log.take(Math.max(MIN_FRAME_BYTES, VLAN_TAG_BYTES + length));
    if (at < 0) return -1;
    const start = at + VLAN_TAG_BYTES;
    copyBytes(this.#bytes, this.#view, start, frame.bytes, frame.view, frame.start, length);
    return start;
  }
}
