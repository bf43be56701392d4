import type { Frame } from '../model/frame.ts';
import { NO_VLAN } from '../model/frame.ts';
import { LinkType } from '../model/link-type.ts';
import {
  CAPTURE_FILE_HEADER_BYTES,
  PACKET_RECORD_HEADER_BYTES as HEADER_BYTES,
  type PacketRecords,
} from '../model/packet-records.ts';
import { CHUNK_BYTES, ChunkPool, NO_CHUNK } from './chunk-pool.ts';
import { copyBytes } from './copy-bytes.ts';
import { SizeOrder } from './size-order.ts';

/** What one connection may hold, so that its capture file is never more than 2 MB. */
const CONNECTION_BYTES = 2 * 1024 * 1024 - CAPTURE_FILE_HEADER_BYTES;
/** The beginning of a connection that stays. */
const HEAD_BYTES = 64 * 1024;

/** Instead of a number of packets: nothing of this connection is kept. */
const MUTED = -1;
const VLAN_TAG_BYTES = 4;
/** Two Ethernet addresses: a VLAN tag stands behind them (IEEE 802.1Q §9). */
const ETHERNET_ADDRESSES_BYTES = 12;

/** Limits of a `PacketHistory`. */
export interface HistoryLimits {
  /** Slots are 0 … `maxConnections - 1`. */
  readonly maxConnections: number;
  /** Memory for the packets of all connections. */
  readonly budgetBytes: number;
  /** Most that one connection holds; 2 MB less the header of a capture file when absent. */
  readonly connectionBytes?: number;
  /** First bytes of a connection that stay; 64 KB when absent. The packet that reaches the limit is kept whole. */
  readonly headBytes?: number;
}

/** What was kept and what was not, in packets, since the history was made. */
export interface HistoryCounters {
  kept: number;
  keptBytes: number;
  /** Gave way to newer packets of their own connection. */
  overConnection: number;
  /** Gave way because all connections together held too much. */
  overBudget: number;
  /** Of those, packets from the beginning of a connection. */
  overBudgetHead: number;
  /** Larger than what a connection, or all, may hold. */
  tooLarge: number;
  /** Of another link type than the connection's first packet: a capture file has but one. */
  otherLinkType: number;
}

/**
 * The packets kept for capture files: of each connection its beginning and the newest rest, all within one budget.
 * When that is used up, whoever holds most gives way: first the oldest packets after its beginning, then the later
 * half of its beginning, and again, until there is room.
 *
 * Packets lie in chains of chunks as the records of a capture file. Besides the budget the history takes 4 bytes a
 * chunk (0.4 %) and 53 bytes a slot, the latter touched only for slots in use.
 */
export class PacketHistory {
  readonly counters: HistoryCounters = {
    kept: 0,
    keptBytes: 0,
    overConnection: 0,
    overBudget: 0,
    overBudgetHead: 0,
    tooLarge: 0,
    otherLinkType: 0,
  };
  readonly #connectionBytes: number;
  readonly #headLimitBytes: number;
  readonly #pool: ChunkPool;
  readonly #order: SizeOrder; // by chunks held
  readonly #header = new Uint8Array(HEADER_BYTES + VLAN_TAG_BYTES);
  readonly #headerView = new DataView(this.#header.buffer);
  // A slot is in use when it has packets or omitted some; its beginning and the rest are two chains.
  readonly #packets: Int32Array;
  readonly #omitted: Int32Array;
  readonly #linkType: Int32Array;
  readonly #headFirst: Int32Array;
  readonly #headBytes: Int32Array;
  readonly #headClosed: Uint8Array;
  readonly #tailFirst: Int32Array;
  readonly #tailSkip: Int32Array; // where the oldest record begins in the first chunk
  readonly #tailBytes: Int32Array;
  readonly #last: Int32Array; // chunk that is being filled, of whichever chain
  readonly #lastUsed: Int32Array;

  constructor(limits: HistoryLimits) {
    const slots = limits.maxConnections;
    this.#connectionBytes = limits.connectionBytes ?? CONNECTION_BYTES;
    this.#headLimitBytes = limits.headBytes ?? HEAD_BYTES;
    this.#pool = new ChunkPool(limits.budgetBytes);
    this.#order = new SizeOrder(slots, Math.ceil(this.#connectionBytes / CHUNK_BYTES) + 2);
    this.#packets = new Int32Array(slots);
    this.#omitted = new Int32Array(slots);
    this.#linkType = new Int32Array(slots);
    this.#headFirst = new Int32Array(slots);
    this.#headBytes = new Int32Array(slots);
    this.#headClosed = new Uint8Array(slots);
    this.#tailFirst = new Int32Array(slots);
    this.#tailSkip = new Int32Array(slots);
    this.#tailBytes = new Int32Array(slots);
    this.#last = new Int32Array(slots);
    this.#lastUsed = new Int32Array(slots);
  }

  /** Memory of packets, held or ready for use: never more than the budget. */
  get memoryBytes(): number {
    return this.#pool.slabBytes;
  }

  /** Bytes of chunks in use by all connections. */
  get heldBytes(): number {
    return (this.#pool.totalChunks - this.#pool.freeChunks) * CHUNK_BYTES;
  }

  /** Packets held of one connection. */
  packetCount(slot: number): number {
    return Math.max(0, this.#packets[slot]);
  }

  /**
   * Copies a frame into the history of a connection. A VLAN tag the kernel took out of an Ethernet frame is put back.
   * `payloadStart` (into `frame.view`) and `maxPayloadBytes` cut the copy, not its length on the wire.
   */
  keep(slot: number, frame: Frame, payloadStart = frame.end, maxPayloadBytes = Number.POSITIVE_INFINITY): void {
    if (this.#packets[slot] === MUTED) return;
    const end = Math.min(frame.end, payloadStart + maxPayloadBytes);
    const capturedBytes = end - frame.start;
    const tagged =
      frame.vlanTci !== NO_VLAN && frame.linkType === LinkType.ethernet && capturedBytes >= ETHERNET_ADDRESSES_BYTES;
    const recordBytes = HEADER_BYTES + capturedBytes + (tagged ? VLAN_TAG_BYTES : 0);
    if (this.#packets[slot] === 0 && this.#omitted[slot] === 0) this.#begin(slot, frame.linkType);
    if (this.#linkType[slot] !== frame.linkType) {
      this.counters.otherLinkType++;
      this.#omitted[slot]++;
      return;
    }
    if (!this.#makeRoom(slot, recordBytes)) {
      this.counters.tooLarge++;
      this.#omitted[slot]++;
      return;
    }
    this.#write(slot, frame, end, tagged);
    const toHead = this.#headClosed[slot] === 0;
    const bytes = toHead ? this.#headBytes : this.#tailBytes;
    bytes[slot] += recordBytes;
    if (toHead && bytes[slot] >= this.#headLimitBytes) this.#closeHead(slot);
    this.#packets[slot]++;
    this.counters.kept++;
    this.counters.keptBytes += recordBytes;
  }

  /** Forgets a connection; its slot may then stand for another. */
  drop(slot: number): void {
    if (this.#packets[slot] > 0) {
      this.#pool.releaseChain(this.#headFirst[slot]);
      this.#pool.releaseChain(this.#tailFirst[slot]);
      this.#order.setSize(slot, 0);
    }
    this.#packets[slot] = 0;
    this.#omitted[slot] = 0;
  }

  /** Forgets a connection and keeps nothing more of it, until `drop` makes its slot ready for another. */
  mute(slot: number): void {
    this.drop(slot);
    this.#packets[slot] = MUTED;
  }

  /** Copies out what is held of a connection, which goes on being kept; null when there is nothing. */
  cut(slot: number): PacketRecords | null {
    if (this.#packets[slot] <= 0) return null;
    const headBytes = this.#headBytes[slot];
    const bytes = Buffer.allocUnsafeSlow(headBytes + this.#tailBytes[slot]);
    this.#copyChain(this.#headFirst[slot], 0, bytes, 0, headBytes);
    this.#copyChain(this.#tailFirst[slot], this.#tailSkip[slot], bytes, headBytes, bytes.length);
    return {
      linkType: this.#linkType[slot],
      packets: this.#packets[slot],
      omittedPackets: this.#omitted[slot],
      bytes,
    };
  }

  #begin(slot: number, linkType: number): void {
    this.#linkType[slot] = linkType;
    this.#headFirst[slot] = NO_CHUNK;
    this.#headBytes[slot] = 0;
    this.#headClosed[slot] = 0;
    this.#clearTail(slot);
  }

  #clearTail(slot: number): void {
    this.#tailFirst[slot] = NO_CHUNK;
    this.#tailSkip[slot] = 0;
    this.#tailBytes[slot] = 0;
    this.#startChain(slot);
  }

  /** The next byte goes into a chunk of its own. */
  #startChain(slot: number): void {
    this.#last[slot] = NO_CHUNK;
    this.#lastUsed[slot] = CHUNK_BYTES;
  }

  #closeHead(slot: number): void {
    this.#headClosed[slot] = 1;
    this.#startChain(slot);
  }

  /** Lets packets go until a record fits; false when it never will. */
  #makeRoom(slot: number, recordBytes: number): boolean {
    if (recordBytes > this.#pool.totalChunks * CHUNK_BYTES) return false;
    while (this.#headBytes[slot] + this.#tailBytes[slot] + recordBytes > this.#connectionBytes) {
      if (this.#tailBytes[slot] === 0) return false;
      this.#dropOldest(slot);
      this.counters.overConnection++;
    }
    // What is needed is counted afresh each time: the connection itself may be the one that gives way.
    while (Math.ceil((recordBytes + this.#lastUsed[slot] - CHUNK_BYTES) / CHUNK_BYTES) > this.#pool.freeChunks) {
      const largest = this.#order.largest();
      if (this.#tailBytes[largest] > 0) {
        this.#dropOldest(largest);
        this.counters.overBudget++;
      } else {
        this.#halveHead(largest);
      }
    }
    return true;
  }

  /** Lets the oldest packet after the beginning go. */
  #dropOldest(slot: number): void {
    const recordBytes = this.#recordBytes(this.#tailFirst[slot], this.#tailSkip[slot]);
    this.#packets[slot]--;
    this.#omitted[slot]++;
    this.#tailBytes[slot] -= recordBytes;
    if (this.#tailBytes[slot] === 0) {
      const released = this.#pool.releaseChain(this.#tailFirst[slot]);
      this.#order.setSize(slot, this.#order.size(slot) - released);
      this.#clearTail(slot);
      return;
    }
    let skip = this.#tailSkip[slot] + recordBytes;
    if (skip >= CHUNK_BYTES) {
      let first = this.#tailFirst[slot];
      let released = 0;
      for (; skip >= CHUNK_BYTES; skip -= CHUNK_BYTES) {
        const next = this.#pool.next(first);
        this.#pool.release(first);
        released++;
        first = next;
      }
      this.#tailFirst[slot] = first;
      this.#order.setSize(slot, this.#order.size(slot) - released);
    }
    this.#tailSkip[slot] = skip;
  }

  /** Lets the later half of a connection's beginning go, all of it when it is one chunk. Nothing is behind it. */
  #halveHead(slot: number): void {
    const chunks = this.#order.size(slot);
    const limitBytes = chunks === 1 ? 0 : this.#headBytes[slot] >> 1;
    let chunk = this.#headFirst[slot];
    let offset = 0;
    let keptBytes = 0;
    let keptPackets = 0;
    let lastChunk = NO_CHUNK; // holds the last byte that stays
    for (;;) {
      const recordBytes = this.#recordBytes(chunk, offset);
      if (keptBytes + recordBytes > limitBytes) break;
      keptBytes += recordBytes;
      keptPackets++;
      lastChunk = chunk;
      for (offset += recordBytes; offset > CHUNK_BYTES; offset -= CHUNK_BYTES) {
        chunk = this.#pool.next(chunk);
        lastChunk = chunk;
      }
      if (offset === CHUNK_BYTES) {
        offset = 0;
        chunk = this.#pool.next(chunk);
      }
    }
    let released: number;
    if (lastChunk === NO_CHUNK) {
      released = this.#pool.releaseChain(this.#headFirst[slot]);
      this.#headFirst[slot] = NO_CHUNK;
    } else {
      released = this.#pool.releaseChain(this.#pool.next(lastChunk));
      this.#pool.link(lastChunk, NO_CHUNK);
    }
    const dropped = this.#packets[slot] - keptPackets;
    this.#headBytes[slot] = keptBytes;
    this.#packets[slot] = keptPackets;
    this.#omitted[slot] += dropped;
    this.#order.setSize(slot, chunks - released);
    this.#closeHead(slot);
    this.counters.overBudget += dropped;
    this.counters.overBudgetHead += dropped;
  }

  /** Length of the record that begins at `offset` (at most `CHUNK_BYTES - 1`) of a chunk, its header included. */
  #recordBytes(chunk: number, offset: number): number {
    const at = offset + 8; // captured length
    if (at + 4 <= CHUNK_BYTES) {
      return HEADER_BYTES + this.#pool.view(chunk).getInt32(this.#pool.offset(chunk) + at, true);
    }
    let length = 0;
    for (let i = 0; i < 4; i++) {
      const within = at + i;
      const holder = within < CHUNK_BYTES ? chunk : this.#pool.next(chunk);
      const byte = this.#pool.slab(holder)[this.#pool.offset(holder) + (within & (CHUNK_BYTES - 1))];
      length |= byte << (8 * i);
    }
    return HEADER_BYTES + length;
  }

  /** The one place where packets are written. */
  #write(slot: number, frame: Frame, end: number, tagged: boolean): void {
    const tagBytes = tagged ? VLAN_TAG_BYTES : 0;
    const header = this.#headerView;
    const timeUs = Math.floor(frame.timeUs);
    const seconds = Math.floor(timeUs / 1e6);
    header.setUint32(0, seconds, true);
    header.setUint32(4, timeUs - seconds * 1e6, true);
    header.setUint32(8, end - frame.start + tagBytes, true);
    header.setUint32(12, frame.wireLengthBytes + tagBytes, true);
    this.#append(slot, this.#header, header, 0, HEADER_BYTES);
    let start = frame.start;
    if (tagged) {
      header.setUint16(HEADER_BYTES, frame.vlanTpid);
      header.setUint16(HEADER_BYTES + 2, frame.vlanTci);
      this.#append(slot, frame.bytes, frame.view, start, start + ETHERNET_ADDRESSES_BYTES);
      this.#append(slot, this.#header, header, HEADER_BYTES, HEADER_BYTES + VLAN_TAG_BYTES);
      start += ETHERNET_ADDRESSES_BYTES;
    }
    this.#append(slot, frame.bytes, frame.view, start, end);
  }

  /** Adds bytes at the end of a connection's last chain; there is room. */
  #append(slot: number, source: Uint8Array, sourceView: DataView, start: number, end: number): void {
    const pool = this.#pool;
    let chunk = this.#last[slot];
    let used = this.#lastUsed[slot];
    let taken = 0;
    while (start < end) {
      if (used === CHUNK_BYTES) {
        const fresh = pool.take();
        if (chunk !== NO_CHUNK) pool.link(chunk, fresh);
        else if (this.#headClosed[slot] === 0) this.#headFirst[slot] = fresh;
        else this.#tailFirst[slot] = fresh;
        chunk = fresh;
        used = 0;
        taken++;
      }
      const length = Math.min(end - start, CHUNK_BYTES - used);
      copyBytes(pool.slab(chunk), pool.view(chunk), pool.offset(chunk) + used, source, sourceView, start, length);
      start += length;
      used += length;
    }
    this.#last[slot] = chunk;
    this.#lastUsed[slot] = used;
    if (taken > 0) this.#order.setSize(slot, this.#order.size(slot) + taken);
  }

  #copyChain(chunk: number, skip: number, target: Uint8Array, start: number, end: number): void {
    while (start < end) {
      const from = this.#pool.offset(chunk) + skip;
      const length = Math.min(end - start, CHUNK_BYTES - skip);
      target.set(this.#pool.slab(chunk).subarray(from, from + length), start);
      start += length;
      skip = 0;
      chunk = this.#pool.next(chunk);
    }
  }
}
