import { ringShape } from '../capture/ring-layout.ts';
import type { PacketHistory } from '../history/packet-history.ts';
import type { MemoryBudget, MemoryShare } from '../limits/memory-budget.ts';
import { MEBIBYTE } from '../model/mebibyte.ts';
import { MEMORY_USES, type MemoryRoom, type MemoryUse } from '../model/memory-room.ts';
import type { GrowingMemory, MemorySupply } from '../model/memory-supply.ts';
import type { PipelineRooms } from '../pipeline/pipeline.ts';
import { systemMemory } from './system-memory.ts';

/** What a session has besides: lines that wait for their process, buffers of its files, the heads of its lists. */
const FIXED_BYTES = 3 * MEBIBYTE;
/** What naming keeps of each connection: a number, and how many lines wait. */
const NAMING_BYTES_PER_SLOT = 5;
/** No ring is more than this part of the budget, nor of what is left of it. */
const RING_SHARE = 1 / 8;
const RING_SHARE_OF_REST = 1 / 2;

/** In plain words, for the log: what gives way of each use. */
const WORDS: Readonly<Record<MemoryUse, string>> = {
  rings: '',
  fixed: '',
  packets: 'packets for pcaps went early',
  table: 'the table of connections could not grow, and connections were evicted',
  backlog: 'blocks could not be spilled',
  streams: 'bytes that came too early, or conversations, were given up',
  files: 'lines or pcaps were lost, as the disk was slow',
};

/** What a session's memory is made of. */
export interface SessionMemoryOptions {
  readonly budget: MemoryBudget;
  /** The same of the engine's heap. */
  readonly heap: MemoryBudget;
  readonly ringMb: number;
  /** What the session has whatever others use, besides its ring. */
  readonly minimumBytes: number;
}

/** The memory of one session: its share of the agent's, and who gives it back when the session ends. */
export class SessionMemory {
  /** Size of the ring: as asked for, or less where that would be too large a part of the budget. */
  readonly ringMb: number;
  readonly supply: MemorySupply;
  readonly rooms: PipelineRooms;
  /** For lines and pcaps that wait for the disk. */
  readonly files: MemoryRoom;
  readonly #share: MemoryShare;
  readonly #heap: MemoryShare;
  /** What was given out. */
  readonly #buffers: ArrayBufferLike[] = [];
  #toldOf: Record<MemoryUse, number> | null = null;

  constructor({ budget, heap, ringMb, minimumBytes }: SessionMemoryOptions) {
    this.ringMb = ringWithin(budget, ringMb);
    const { blockBytes, blockCount } = ringShape(this.ringMb);
    const ringBytes = blockBytes * blockCount;
    this.#share = budget.share(ringBytes + FIXED_BYTES + minimumBytes);
    this.#share.room('rings').use(ringBytes);
    this.#share.room('fixed').use(FIXED_BYTES);
    this.#heap = heap.share(MEBIBYTE);
    this.files = this.#share.room('files');
    this.rooms = {
      packets: this.#share.room('packets'),
      table: this.#share.room('table'),
      streams: this.#share.room('streams'),
      heap: this.#heap.room('streams'),
      slotBytes: NAMING_BYTES_PER_SLOT,
    };
    this.supply = {
      ...systemMemory,
      whole: (lengthBytes) => this.#kept(systemMemory.whole(lengthBytes)),
      prepared: (lengthBytes, ready) => systemMemory.prepared(lengthBytes, (memory) => ready(this.#kept(memory))),
      growing: (lengthBytes) => this.#keptGrowing(systemMemory.growing(lengthBytes)),
    };
  }

  /** Has packets give way when others need memory. */
  shrinks(history: PacketHistory): void {
    this.#share.gives('packets', (bytes) => history.shrink(bytes));
  }

  /** Bytes in use, by what for. */
  get usedBytes(): Readonly<Record<MemoryUse, number>> {
    return this.#share.usedBytes;
  }

  /** How often memory was given back for others, or could not be had. */
  get gaveWay(): Readonly<Record<MemoryUse, number>> {
    return { ...this.#share.gaveWay, streams: this.#share.gaveWay.streams + this.#heap.gaveWay.streams };
  }

  /** What gave way since this was last asked, in plain words; null when nothing did. */
  gaveWayInWords(): string | null {
    const now = { ...this.gaveWay };
    const before = this.#toldOf;
    this.#toldOf = now;
    const words = MEMORY_USES.flatMap((use) =>
      now[use] > (before?.[use] ?? 0) && WORDS[use] !== '' ? [WORDS[use]] : [],
    );
    return words.length === 0 ? null : `memory is short (MEMORY_MB): ${words.join('; ')}`;
  }

  /** Gives all of it back to the system at once: what still has a view of it reads zeros. Idempotent. */
  close(): void {
    for (const buffer of this.#buffers.splice(0)) systemMemory.release(buffer, 0, buffer.byteLength);
    this.#share.close();
    this.#heap.close();
  }

  #keptGrowing(memory: GrowingMemory): GrowingMemory {
    this.#buffers.push(memory.buffer);
    return memory;
  }

  #kept(memory: ArrayBuffer): ArrayBuffer {
    this.#buffers.push(memory);
    return memory;
  }
}

/** The size of a ring, in MiB: halved until it is a reasonable part of what there is. */
function ringWithin(budget: MemoryBudget, ringMb: number): number {
  const mostBytes = Math.min(
    budget.limitBytes * RING_SHARE,
    (budget.limitBytes - budget.chargedBytes) * RING_SHARE_OF_REST,
  );
  let within = ringMb;
  while (within > 1 && within * MEBIBYTE > mostBytes) within = Math.ceil(within / 2);
  return within;
}
