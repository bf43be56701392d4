import type { Frame } from '../model/frame.ts';
import type { MemoryRoom } from '../model/memory-room.ts';
import { engineMemory, type MemorySupply } from '../model/memory-supply.ts';
import { PACKET_RECORD_HEADER_BYTES as HEADER_BYTES } from '../model/packet-records.ts';
import { CHUNK_BYTES, ChunkPool, NO_CHUNK, SLAB_BYTES } from './chunk-pool.ts';
import { copyBytes } from './copy-bytes.ts';
import { writeRecordHeader } from './record-header.ts';
import { BYTES_PER_PLACE, SizeOrder } from './size-order.ts';

// Words of a slot's record, which is one cache line. A slot is in use when it has packets or omitted some; the
// connection's beginning and the rest are two chains.
const WORDS_PER_SLOT = 16;
const PACKETS = 0;
const OMITTED = 1;
const HEAD_FIRST = 2;
const HEAD_BYTES = 3;
const HEAD_CLOSED = 4;
const TAIL_FIRST = 5;
/** Where the oldest record begins in the first chunk. */
const TAIL_SKIP = 6;
const TAIL_BYTES = 7;
/** Chunk that is being filled, of whichever chain. */
const LAST = 8;
const LAST_USED = 9;

/** Bytes of memory besides that of packets that a slot in use takes: its record, and its place in the order. */
export const CHUNKED_BYTES_PER_SLOT = WORDS_PER_SLOT * 4 + BYTES_PER_PLACE;

/** Limits of a `ChunkedHistory`. */
export interface ChunkLimits {
  /** Slots are 0 … `maxConnections - 1`. */
  readonly maxConnections: number;
  /** Memory for the packets of all connections. */
  readonly budgetBytes: number;
  /** Most that one connection holds. */
  readonly connectionBytes: number;
  /** First bytes of a connection that stay. The packet that reaches the limit is kept whole. */
  readonly headBytes: number;
  /** Asked for memory of packets, within the budget; there is always room when absent. */
  readonly room?: MemoryRoom;
  /** Who memory of packets is given back to; the engine when absent. */
  readonly memory?: MemorySupply;
}

/** What was copied and what was not, in packets, since the history was made. */
export interface ChunkCounters {
  kept: number;
  /** Gave way to newer packets of their own connection. */
  overConnection: number;
  /** Gave way because all connections together held too much. */
  overBudget: number;
  /** Of those, packets from the beginning of a connection. */
  overBudgetHead: number;
  /** Larger than what a connection, or all, may hold. */
  tooLarge: number;
}

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
    this.#write(slot, frame);
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
    this.#copyChain(slots[record + HEAD_FIRST], 0, target, 0, headBytes);
    this.#copyChain(slots[record + TAIL_FIRST], slots[record + TAIL_SKIP], target, headBytes, bytes);
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
      for (const first of [HEAD_FIRST, TAIL_FIRST]) this.#moveChain(record, first, end);
    });
    pool.cut(slabs);
    return before - this.memoryBytes;
  }

  /** Gives the memory of the slots from `slot` on back to the system: all of them were dropped. */
  releaseSlots(slot: number): void {
    this.#memory.release(this.#slots.buffer, slot * WORDS_PER_SLOT * 4, this.#slots.byteLength);
    this.#order.release(slot, this.#memory);
  }

  /** Copies the chunks of a chain that stand at `end` and behind it to before it. */
  #moveChain(record: number, first: number, end: number): void {
    const slots = this.#slots;
    const pool = this.#pool;
    let previous = NO_CHUNK;
    for (let chunk = slots[record + first]; chunk !== NO_CHUNK; chunk = pool.next(chunk)) {
      if (chunk >= end) {
        const moved = pool.take();
        const from = pool.offset(chunk);
        pool.slab(moved).set(pool.slab(chunk).subarray(from, from + CHUNK_BYTES), pool.offset(moved));
        pool.link(moved, pool.next(chunk));
        if (previous === NO_CHUNK) slots[record + first] = moved;
        else pool.link(previous, moved);
        if (slots[record + LAST] === chunk) slots[record + LAST] = moved;
        chunk = moved;
      }
      previous = chunk;
    }
  }

  /** Lets the oldest packet after the beginning go. */
  #dropOldest(slot: number): void {
    const slots = this.#slots;
    const record = slot * WORDS_PER_SLOT;
    const recordBytes = this.#recordBytes(slots[record + TAIL_FIRST], slots[record + TAIL_SKIP]);
    slots[record + PACKETS]--;
    slots[record + OMITTED]++;
    slots[record + TAIL_BYTES] -= recordBytes;
    if (slots[record + TAIL_BYTES] === 0) {
      const released = this.#pool.releaseChain(slots[record + TAIL_FIRST]);
      this.#order.setSize(slot, this.#order.size(slot) - released);
      this.#clearTail(slot);
      return;
    }
    let skip = slots[record + TAIL_SKIP] + recordBytes;
    if (skip >= CHUNK_BYTES) {
      let first = slots[record + TAIL_FIRST];
      let released = 0;
      for (; skip >= CHUNK_BYTES; skip -= CHUNK_BYTES) {
        const next = this.#pool.next(first);
        this.#pool.release(first);
        released++;
        first = next;
      }
      slots[record + TAIL_FIRST] = first;
      this.#order.setSize(slot, this.#order.size(slot) - released);
    }
    slots[record + TAIL_SKIP] = skip;
  }

  /** Lets the later half of a connection's beginning go, all of it when it is one chunk. Nothing is behind it. */
  #halveHead(slot: number): void {
    const slots = this.#slots;
    const record = slot * WORDS_PER_SLOT;
    const chunks = this.#order.size(slot);
    const limitBytes = chunks === 1 ? 0 : slots[record + HEAD_BYTES] >> 1;
    let chunk = slots[record + HEAD_FIRST];
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
  #write(slot: number, frame: Frame): void {
    writeRecordHeader(this.#headerView, 0, frame.timeUs, frame.end - frame.start, frame.wireLengthBytes);
    this.#append(slot, this.#header, this.#headerView, 0, HEADER_BYTES);
    this.#append(slot, frame.bytes, frame.view, frame.start, frame.end);
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
