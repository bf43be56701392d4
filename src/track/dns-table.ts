import type { Packet } from '../model/packet.ts';
import { NAME_BYTES, STATE, TIMES, WORDS } from './dns-record.ts';

/** Questions that are open at the same time. */
const CAPACITY = 8_192;
/** Buckets of each index: a power of two. */
const BUCKETS = 4096;
/** The two ways by which a question is found. */
export const Index = {
  /** By client address and port: for answers. */
  port: 0,
  /** By client address and first label: for queries that repeat or go on with an earlier one. */
  label: 1,
} as const;

export type Index = (typeof Index)[keyof typeof Index];

/** One end of each list; the slots themselves are below. */
const NONE = -1;

/**
 * The questions that are open, in flat memory. A question is a slot number; its record begins at `words[slot * WORDS]` and
 * `times[slot * TIMES]`, its name at `names[slot * NAME_BYTES]`. Memory becomes resident only as slots are used: freed
 * ones are used again first.
 */
export class DnsTable {
  readonly words = new Int32Array(CAPACITY * WORDS);
  readonly times = new Float64Array(CAPACITY * TIMES);
  readonly names = new Uint8Array(CAPACITY * NAME_BYTES);
  readonly #heads = [new Int32Array(BUCKETS).fill(NONE), new Int32Array(BUCKETS).fill(NONE)] as const;
  readonly #next = [new Int32Array(CAPACITY), new Int32Array(CAPACITY)] as const;
  readonly #previous = [new Int32Array(CAPACITY), new Int32Array(CAPACITY)] as const;
  /** Bucket of a slot in each index. */
  readonly #buckets = [new Int32Array(CAPACITY), new Int32Array(CAPACITY)] as const;
  /** By age. */
  readonly #younger = new Int32Array(CAPACITY);
  readonly #older = new Int32Array(CAPACITY);
  #oldest = NONE;
  #youngest = NONE;
  #free = NONE;
  #unused = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get isFull(): boolean {
    return this.#size === CAPACITY;
  }

  /** The question that was begun first; -1 when there is none. */
  get oldest(): number {
    return this.#oldest;
  }

  /** The question that was begun after another; -1 at the end. */
  youngerThan(slot: number): number {
    return this.#younger[slot];
  }

  /** A slot for a question, in no index yet; there has to be room. */
  take(): number {
    let slot = this.#free;
    if (slot === NONE) slot = this.#unused++;
    else this.#free = this.#younger[slot];
    this.#size++;
    this.#older[slot] = this.#youngest;
    this.#younger[slot] = NONE;
    if (this.#youngest === NONE) this.#oldest = slot;
    else this.#younger[this.#youngest] = slot;
    this.#youngest = slot;
    this.words.fill(0, slot * WORDS, (slot + 1) * WORDS);
    this.times.fill(0, slot * TIMES, (slot + 1) * TIMES);
    return slot;
  }

  /** Gives a slot back that is in both indexes. */
  release(slot: number): void {
    this.unlink(Index.port, slot);
    this.unlink(Index.label, slot);
    const older = this.#older[slot];
    const younger = this.#younger[slot];
    if (older === NONE) this.#oldest = younger;
    else this.#younger[older] = younger;
    if (younger === NONE) this.#youngest = older;
    else this.#older[younger] = older;
    this.#younger[slot] = this.#free;
    this.#free = slot;
    this.#size--;
    this.words[slot * WORDS + STATE] = 0;
  }

  /** Puts a slot into an index, before all others of its bucket. */
  link(index: Index, slot: number, hash: number): void {
    const bucket = bucketOf(hash);
    const first = this.#heads[index][bucket];
    this.#buckets[index][slot] = bucket;
    this.#next[index][slot] = first;
    this.#previous[index][slot] = NONE;
    if (first !== NONE) this.#previous[index][first] = slot;
    this.#heads[index][bucket] = slot;
  }

  unlink(index: Index, slot: number): void {
    const next = this.#next[index][slot];
    const previous = this.#previous[index][slot];
    if (previous === NONE) this.#heads[index][this.#buckets[index][slot]] = next;
    else this.#next[index][previous] = next;
    if (next !== NONE) this.#previous[index][next] = previous;
  }

  /** The slot that was last put into an index under a hash, or one of the same bucket; -1 for none. */
  first(index: Index, hash: number): number {
    return this.#heads[index][bucketOf(hash)];
  }

  /** The slot behind another in its bucket; -1 at the end. */
  next(index: Index, slot: number): number {
    return this.#next[index][slot];
  }

  /** Copies an address of a packet into four words of a record. */
  setAddress(slot: number, word: number, packet: Packet, addressAt: number): void {
    const at = slot * WORDS + word;
    const count = packet.ipVersion === 4 ? 1 : 4;
    for (let i = 0; i < 4; i++) this.words[at + i] = i < count ? packet.view.getInt32(addressAt + 4 * i) : 0;
  }

  /** Whether four words of a record are an address of a packet of the same IP version. */
  isAddress(slot: number, word: number, packet: Packet, addressAt: number): boolean {
    const at = slot * WORDS + word;
    const count = packet.ipVersion === 4 ? 1 : 4;
    for (let i = 0; i < count; i++) if (this.words[at + i] !== packet.view.getInt32(addressAt + 4 * i)) return false;
    return true;
  }
}

function bucketOf(hash: number): number {
  return (hash ^ (hash >>> 15)) & (BUCKETS - 1);
}

/** Hash of an address of a packet and a number beside it. */
export function hashOf(seed: number, packet: Packet, addressAt: number, number: number): number {
  let hash = Math.imul(seed ^ number, 0x9e3779b1);
  const count = packet.ipVersion === 4 ? 1 : 4;
  for (let i = 0; i < count; i++) {
    hash = Math.imul(hash ^ (hash >>> 15) ^ packet.view.getInt32(addressAt + 4 * i), 0x85ebca6b);
  }
  return hash ^ (hash >>> 13);
}
