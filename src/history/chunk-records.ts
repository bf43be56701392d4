import { PACKET_RECORD_HEADER_BYTES as HEADER_BYTES } from '../model/packet-records.ts';
import { CHUNK_BYTES, type ChunkPool, NO_CHUNK } from './chunk-pool.ts';
import { LAST } from './chunk-words.ts';

/** Offset of the captured length in a packet's record (pcap). */
const CAPTURED_LENGTH = 8;

/** Returns the length of the record that begins at `offset` (at most `CHUNK_BYTES - 1`) of a chunk, its header included. */
export function recordBytesAt(pool: ChunkPool, chunk: number, offset: number): number {
  const at = offset + CAPTURED_LENGTH;
  if (at + 4 <= CHUNK_BYTES) return HEADER_BYTES + pool.view(chunk).getInt32(pool.offset(chunk) + at, true);
  let length = 0;
  for (let i = 0; i < 4; i++) {
    const within = at + i;
    const holder = within < CHUNK_BYTES ? chunk : pool.next(chunk);
    const byte = pool.slab(holder)[pool.offset(holder) + (within & (CHUNK_BYTES - 1))];
    length |= byte << (8 * i);
  }
  return HEADER_BYTES + length;
}

/** Copies the bytes of a chain from `skip` of its first chunk on to `start` … `end` of `target`. */
export function copyChain(
  pool: ChunkPool,
  chunk: number,
  skip: number,
  target: Uint8Array,
  start: number,
  end: number,
): void {
  while (start < end) {
    const from = pool.offset(chunk) + skip;
    const length = Math.min(end - start, CHUNK_BYTES - skip);
    target.set(pool.slab(chunk).subarray(from, from + length), start);
    start += length;
    skip = 0;
    chunk = pool.next(chunk);
  }
}

/** The first records of a chain that fit into a number of bytes. */
export interface FirstRecords {
  readonly keptBytes: number;
  readonly keptPackets: number;
  /** Chunk that holds the last byte of them; `NO_CHUNK` when there is none. */
  readonly lastChunk: number;
}

/** Finds the first records of a chain that fit into `limitBytes`, which is less than it holds. */
export function recordsWithin(pool: ChunkPool, first: number, limitBytes: number): FirstRecords {
  let chunk = first;
  let offset = 0;
  let keptBytes = 0;
  let keptPackets = 0;
  let lastChunk = NO_CHUNK;
  for (;;) {
    const recordBytes = recordBytesAt(pool, chunk, offset);
    if (keptBytes + recordBytes > limitBytes) break;
    keptBytes += recordBytes;
    keptPackets++;
    lastChunk = chunk;
    for (offset += recordBytes; offset > CHUNK_BYTES; offset -= CHUNK_BYTES) {
      chunk = pool.next(chunk);
      lastChunk = chunk;
    }
    if (offset === CHUNK_BYTES) {
      offset = 0;
      chunk = pool.next(chunk);
    }
  }
  return { keptBytes, keptPackets, lastChunk };
}

/**
 * Copies the chunks of a chain that stand at `end` and behind it to before it. `slots[record + first]` is the chain's
 * first chunk.
 */
export function moveChain(pool: ChunkPool, slots: Int32Array, record: number, first: number, end: number): void {
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
