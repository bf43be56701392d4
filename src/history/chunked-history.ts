import type { Frame } from '../model/frame.ts';
import { engineMemory, type MemorySupply } from '../model/memory-supply.ts';
import { PACKET_RECORD_HEADER_BYTES as HEADER_BYTES } from '../model/packet-records.ts';
import type { ChunkCounters, ChunkLimits } from './chunk-limits.ts';
import { CHUNK_BYTES, ChunkPool, NO_CHUNK, SLAB_BYTES } from './chunk-pool.ts';
import { copyChain, moveChain, recordBytesAt, recordsWithin } from './chunk-records.ts';
import {
  HEAD_BYTES,
  HEAD_CLOSED,
  HEAD_FIRST,
  LAST,
  LAST_USED,
  OMITTED,
  PACKETS,
  TAIL_BYTES,
  TAIL_FIRST,
  TAIL_SKIP,
  WORDS_PER_SLOT,
} from './chunk-words.ts';
import { copyBytes } from './copy-bytes.ts';
import { writeRecordHeader } from './record-header.ts';
import { BYTES_PER_PLACE, SizeOrder } from './size-order.ts';

/** Bytes of memory besides that of packets that a slot in use takes: its record, and its place in the order. */
export const CHUNKED_BYTES_PER_SLOT = WORDS_PER_SLOT * 4 + BYTES_PER_PLACE;

/**
 * Packets kept by copying: of each connection its beginning and the newest rest, all within one budget. When that is
 * used up, whoever holds most gives way: first the oldest packets after its beginning, then the later half of its
 * beginning, and again, until there is room.
 *
 * Packets lie in chains of chunks as the records of a capture file. Besides the budget the history takes 4 bytes a
 * chunk (0.4 %) and 76 bytes a slot, the latter touched only for slots in use.
 */
export class ChunkedHistory {
  readonly counters: ChunkCounters = {
    kept: 0,
    overConnection: 0,
    overBudget: 0,
    overBudgetHead: 0,
    tooLarge: 0,
  };
  readonly #connectionBytes: number;
  readonly #headLimitBytes: number;
  readonly #memory: MemorySupply;
  readonly #pool: ChunkPool;
  readonly #order: SizeOrder; // by chunks held
  readonly #slots: Int32Array;
  readonly #header = new Uint8Array(HEADER_BYTES);
  readonly #headerView = new DataView(this.#header.buffer);

  constructor(limits: ChunkLimits) {
    this.#connectionBytes = limits.connectionBytes;
    this.#headLimitBytes = limits.headBytes;
    this.#memory = limits.memory ?? engineMemory;
    this.#pool = new ChunkPool(limits.budgetBytes, limits.room, this.#memory);
    this.#order = new SizeOrder(limits.maxConnections, Math.ceil(this.#connectionBytes / CHUNK_BYTES) + 2);
    this.#slots = new Int32Array(limits.maxConnections * WORDS_PER_SLOT);
  }

  /** Memory of packets, held or ready for use: never more than the budget. */
  get memoryBytes(): number {
    return this.#pool.slabBytes;
  }

  /** Bytes of chunks in use by all connections. */
  get heldBytes(): number {
    return this.#pool.takenChunks * CHUNK_BYTES;
  }

  /** Packets held of one connection. */
  packetCount(slot: number): number {
    return this.#slots[slot * WORDS_PER_SLOT + PACKETS];
  }

  /** Packets of a connection that were not kept, or gave way. */
  omittedCount(slot: number): number {
    return this.#slots[slot * WORDS_PER_SLOT + OMITTED];
  }

  /** Bytes of the beginning of a connection, record headers included. */
  headBytes(slot: number): number {
    return this.#slots[slot * WORDS_PER_SLOT + HEAD_BYTES];
  }

  /** True when no more packets belong to the beginning of a connection. */
  isHeadComplete(slot: number): boolean {
    return this.#slots[slot * WORDS_PER_SLOT + HEAD_CLOSED] !== 0;
  }

  /** Bytes that `copyTo` writes. */
  heldBytesOf(slot: number): number {
    const record = slot * WORDS_PER_SLOT;
    return this.#slots[record + HEAD_BYTES] + this.#slots[record + TAIL_BYTES];
  }

  /**
   * True when a packet of a connection that holds nothing does not fit, and nobody else holds more than it would take:
   * then it is the one that gives way. Costs next to nothing, whatever the number of connections.
   */
  isCrowded(frameBytes: number): boolean {
    const chunks = Math.ceil((HEADER_BYTES + frameBytes) / CHUNK_BYTES);
    return !this.#pool.hasRoom(chunks) && chunks <= this.#pool.totalChunks && this.#order.largestSize() <= chunks;
  }

  /** The beginning of a connection that holds nothing was let go: what is kept from here on is its rest. */
  skipHead(slot: number): void {
    this.#begin(slot);
    this.#closeHead(slot);
  }

  /** Copies a frame as it is into the history of a connection. */
  keep(slot: number, frame: Frame): void {
    const slots = this.#slots;
    const record = slot * WORDS_PER_SLOT;
    const recordBytes = HEADER_BYTES + frame.end - frame.start;
    if (slots[record + PACKETS] === 0 && slots[record + OMITTED] === 0) this.#begin(slot);
    if (!this.#makeRoom(slot, recordBytes)) {
      this.counters.tooLarge++;
      slots[record + OMITTED]++;
      return;
    }
    writeRecordHeader(this.#headerView, 0, frame.timeUs, frame.end - frame.start, frame.wireLengthBytes);
    this.#append(slot, this.#header, this.#headerView, 0, HEADER_BYTES);
    this.#append(slot, frame.bytes, frame.view, frame.start, frame.end);
    if (slots[record + HEAD_CLOSED] !== 0) {
      slots[record + TAIL_BYTES] += recordBytes;
    } else {
      slots[record + HEAD_BYTES] += recordBytes;
      if (slots[record + HEAD_BYTES] >= this.#headLimitBytes) this.#closeHead(slot);
    }
    slots[record + PACKETS]++;
    this.counters.kept++;
  }

  /**
   * A packet that is not kept, as others that came later fill a connection's share: those before it, after the
   * beginning, go too.
   */
  surpass(slot: number): void {
    const record = slot * WORDS_PER_SLOT;
    this.#slots[record + OMITTED]++;
    this.counters.overConnection++;
    this.leaveRoom(slot, this.#connectionBytes);
  }

  /** Lets the oldest packets after the beginning go until the connection may hold that many bytes more. */
  leaveRoom(slot: number, bytes: number): void {
    const slots = this.#slots;
    const record = slot * WORDS_PER_SLOT;
    while (
      slots[record + TAIL_BYTES] > 0 &&
      slots[record + HEAD_BYTES] + slots[record + TAIL_BYTES] + bytes > this.#connectionBytes
    ) {
      this.#dropOldest(slot);
      this.counters.overConnection++;
    }
  }

  /** Forgets a connection; its slot may then stand for another. */
  drop(slot: number): void {
    const slots = this.#slots;
    const record = slot * WORDS_PER_SLOT;
    if (slots[record + PACKETS] > 0) {
      this.#pool.releaseChain(slots[record + HEAD_FIRST]);
      this.#pool.releaseChain(slots[record + TAIL_FIRST]);
      this.#order.setSize(slot, 0);
    }
    slots.fill(0, record, record + WORDS_PER_SLOT);
  }

  /** Copies all records of a connection to the beginning of `target`, which has room for `heldBytesOf`. */
  copyTo(slot: number, target: Uint8Array): void {
    const slots = this.#slots;
    const record = slot * WORDS_PER_SLOT;
    const headBytes = slots[record + HEAD_BYTES];
    const bytes = headBytes + slots[record + TAIL_BYTES];
    copyChain(this.#pool, slots[record + HEAD_FIRST], 0, target, 0, headBytes);
    copyChain(this.#pool, slots[record + TAIL_FIRST], slots[record + TAIL_SKIP], target, headBytes, bytes);
  }

  #begin(slot: number): void {
    const slots = this.#slots;
    const record = slot * WORDS_PER_SLOT;
    slots[record + HEAD_FIRST] = NO_CHUNK;
    this.#clearTail(slot);
  }

  #clearTail(slot: number): void {
    const slots = this.#slots;
    const record = slot * WORDS_PER_SLOT;
    slots[record + TAIL_FIRST] = NO_CHUNK;
    slots[record + TAIL_SKIP] = 0;
    slots[record + TAIL_BYTES] = 0;
    this.#startChain(slot);
  }

  /** The next byte goes into a chunk of its own. */
  #startChain(slot: number): void {
    const slots = this.#slots;
    const record = slot * WORDS_PER_SLOT;
    slots[record + LAST] = NO_CHUNK;
    slots[record + LAST_USED] = CHUNK_BYTES;
  }

  #closeHead(slot: number): void {
    const slots = this.#slots;
    const record = slot * WORDS_PER_SLOT;
    slots[record + HEAD_CLOSED] = 1;
    this.#startChain(slot);
  }

  /** Lets packets go until a record fits; false when it never will. */
  #makeRoom(slot: number, recordBytes: number): boolean {
    const slots = this.#slots;
    const record = slot * WORDS_PER_SLOT;
    if (recordBytes > this.#pool.totalChunks * CHUNK_BYTES) return false;
    while (slots[record + HEAD_BYTES] + slots[record + TAIL_BYTES] + recordBytes > this.#connectionBytes) {
      if (slots[record + TAIL_BYTES] === 0) return false;
      this.#dropOldest(slot);
      this.counters.overConnection++;
    }
    // What is needed is counted afresh each time: the connection itself may be the one that gives way.
    while (!this.#pool.hasRoom(Math.ceil((recordBytes + slots[record + LAST_USED] - CHUNK_BYTES) / CHUNK_BYTES))) {
      if (!this.#dropOfLargest()) return false;
    }
    return true;
  }

  /** Lets some packets of who holds most go. False when nobody holds any. */
  #dropOfLargest(): boolean {
    const largest = this.#order.largest();
    if (largest < 0) return false;
    if (this.#slots[largest * WORDS_PER_SLOT + TAIL_BYTES] > 0) {
      this.#dropOldest(largest);
      this.counters.overBudget++;
    } else {
      this.#halveHead(largest);
    }
    return true;
  }

  /**
   * Gives the memory of about so many bytes of packets back to the system, those of who holds most; one slab stays.
   * Answers how many bytes that were. Looks at all that is held.
   */
  shrink(bytes: number): number {
    const pool = this.#pool;
    const before = this.memoryBytes;
    const slabs = Math.max(Math.min(1, pool.slabCount), pool.slabCount - Math.ceil(bytes / SLAB_BYTES));
    if (slabs === pool.slabCount) return 0;
    const end = pool.firstBehind(slabs);
    while (pool.takenChunks > end) this.#dropOfLargest();
    pool.forbid(slabs);
    this.#order.each((slot) => {
      const record = slot * WORDS_PER_SLOT;
      for (const first of [HEAD_FIRST, TAIL_FIRST]) moveChain(pool, this.#slots, record, first, end);
    });
    pool.cut(slabs);
    return before - this.memoryBytes;
  }

  /** Gives the memory of the slots from `slot` on back to the system: all of them were dropped. */
  releaseSlots(slot: number): void {
    this.#memory.release(this.#slots.buffer, slot * WORDS_PER_SLOT * 4, this.#slots.byteLength);
    this.#order.release(slot, this.#memory);
  }

  /** Lets the oldest packet after the beginning go. */
  #dropOldest(slot: number): void {
    const slots = this.#slots;
    const record = slot * WORDS_PER_SLOT;
    const recordBytes = recordBytesAt(this.#pool, slots[record + TAIL_FIRST], slots[record + TAIL_SKIP]);
    slots[record + PACKETS]--;
    slots[record + OMITTED]++;
    slots[record + TAIL_BYTES] -= recordBytes;
    if (slots[record + TAIL_BYTES] === 0) {
      const released = this.#pool.releaseChain(slots[record + TAIL_FIRST]);
      this.#order.setSize(slot, this.#order.size(slot) - released);
      this.#clearTail(slot);
      return;
    }
    const skip = slots[record + TAIL_SKIP] + recordBytes;
    const passed = Math.floor(skip / CHUNK_BYTES);
    if (passed > 0) {
      slots[record + TAIL_FIRST] = this.#pool.releaseFirst(slots[record + TAIL_FIRST], passed);
      this.#order.setSize(slot, this.#order.size(slot) - passed);
    }
    slots[record + TAIL_SKIP] = skip - passed * CHUNK_BYTES;
  }

  /** Lets the later half of a connection's beginning go, all of it when it is one chunk. Nothing is behind it. */
  #halveHead(slot: number): void {
    const slots = this.#slots;
    const record = slot * WORDS_PER_SLOT;
    const chunks = this.#order.size(slot);
    const limitBytes = chunks === 1 ? 0 : slots[record + HEAD_BYTES] >> 1;
    const { keptBytes, keptPackets, lastChunk } = recordsWithin(this.#pool, slots[record + HEAD_FIRST], limitBytes);
    let released: number;
    if (lastChunk === NO_CHUNK) {
      released = this.#pool.releaseChain(slots[record + HEAD_FIRST]);
      slots[record + HEAD_FIRST] = NO_CHUNK;
    } else {
      released = this.#pool.releaseChain(this.#pool.next(lastChunk));
      this.#pool.link(lastChunk, NO_CHUNK);
    }
    const dropped = slots[record + PACKETS] - keptPackets;
    slots[record + HEAD_BYTES] = keptBytes;
    slots[record + PACKETS] = keptPackets;
    slots[record + OMITTED] += dropped;
    this.#order.setSize(slot, chunks - released);
    this.#closeHead(slot);
    this.counters.overBudget += dropped;
    this.counters.overBudgetHead += dropped;
  }

  /** Adds bytes at the end of a connection's last chain; there is room. */
  #append(slot: number, source: Uint8Array, sourceView: DataView, start: number, end: number): void {
    const slots = this.#slots;
    const record = slot * WORDS_PER_SLOT;
    const pool = this.#pool;
    let chunk = slots[record + LAST];
    let used = slots[record + LAST_USED];
    let taken = 0;
    while (start < end) {
      if (used === CHUNK_BYTES) {
        const fresh = pool.take();
        if (chunk !== NO_CHUNK) pool.link(chunk, fresh);
        else if (slots[record + HEAD_CLOSED] === 0) slots[record + HEAD_FIRST] = fresh;
        else slots[record + TAIL_FIRST] = fresh;
        chunk = fresh;
        used = 0;
        taken++;
      }
      const length = Math.min(end - start, CHUNK_BYTES - used);
      copyBytes(pool.slab(chunk), pool.view(chunk), pool.offset(chunk) + used, source, sourceView, start, length);
      start += length;
      used += length;
    }
    slots[record + LAST] = chunk;
    slots[record + LAST_USED] = used;
    if (taken > 0) this.#order.setSize(slot, this.#order.size(slot) + taken);
  }
}
