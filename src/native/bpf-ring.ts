import { type Mapping, mapForReading, mapShared, pageBytes, retireMapping } from './mapping.ts';

/*
 * The ring of BPF_MAP_TYPE_RINGBUF (kernel documentation: bpf/ringbuf), read in place. One page has the reader's position,
 * the next the writer's, then come the data, mapped twice in a row so that no record is cut at the end.
 */

const HEADER_BYTES = 8;
/** Bits of a record's first word. */
const BUSY = 0x8000_0000;
const DISCARDED = 0x4000_0000;
const LENGTH_MASK = 0x3fff_ffff;

/** Is given each record: it begins at `offset` of `view`, and is only valid during the call. */
export type RecordVisitor = (view: DataView, offset: number, lengthBytes: number) => void;

/** Reads what an eBPF program puts into a ring. One reader a ring. */
export class BpfRing {
  readonly #mask: number;
  readonly #ownPage: Mapping;
  readonly #rest: Mapping;
  readonly #ownPosition: BigInt64Array;
  readonly #writerPosition: Int32Array;
  readonly #words: Int32Array;
  readonly #view: DataView;
  /** Where the data begin, behind the writer's page. */
  readonly #dataOffset: number;
  #position = 0;

  /**
   * @param map descriptor of the map; stays the caller's
   * @param bytes size of the data, a power of two: `max_entries` of the map
   * @throws SystemError
   */
  constructor(map: number, bytes: number) {
    const page = pageBytes();
    this.#mask = bytes - 1;
    this.#dataOffset = page;
    this.#ownPage = mapShared(map, page, 'map the eBPF ring');
    try {
      this.#rest = mapForReading(map, page, page + 2 * bytes, 'map the eBPF ring');
    } catch (error) {
      retireMapping(this.#ownPage);
      throw error;
    }
    this.#ownPosition = new BigInt64Array(this.#ownPage.buffer, 0, 1);
    this.#writerPosition = new Int32Array(this.#rest.buffer, 0, 2);
    this.#words = new Int32Array(this.#rest.buffer);
    this.#view = new DataView(this.#rest.buffer);
    this.#position = Number(this.#ownPosition[0]);
  }

  /** Whether there is something to read: costs two reads of memory. */
  get hasRecords(): boolean {
    return Atomics.load(this.#writerPosition, 0) !== (this.#position | 0);
  }

  /** Gives out all records that are complete. */
  read(visit: RecordVisitor): void {
    if (!this.hasRecords) return;
    const begin = this.#position;
    while (this.hasRecords) {
      const at = this.#dataOffset + (this.#position & this.#mask);
      const length = Atomics.load(this.#words, at >>> 2);
      if ((length & BUSY) !== 0) break; // still being written; those behind it wait
      const lengthBytes = length & LENGTH_MASK;
      if ((length & DISCARDED) === 0) visit(this.#view, at + HEADER_BYTES, lengthBytes);
      this.#position += (lengthBytes + HEADER_BYTES + 7) & ~7;
    }
    if (this.#position !== begin) Atomics.store(this.#ownPosition, 0, BigInt(this.#position));
  }

  /** Gives the memory back. Nothing may be read any more. */
  close(): void {
    retireMapping(this.#ownPage);
    retireMapping(this.#rest);
  }
}
