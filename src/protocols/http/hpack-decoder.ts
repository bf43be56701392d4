import { fieldBytes, HpackEntry, HpackTable, STATIC_ENTRIES } from './hpack-table.ts';
import { REPORTED_BYTES, reportedText } from './http-matches.ts';
import type { HttpSearch } from './http-search.ts';
import { decodeHuffman, maxDecodedBytes } from './huffman.ts';
import { TextBit, TextMatcher } from './text-matcher.ts';

/** Longest header block that may be given to `decode`. */
export const MAX_BLOCK_BYTES = 64 * 1024;
/** Header fields of a request beyond this many bytes (RFC 9113 §6.5.2 counts them so) are not searched. */
const SEARCHED_LIST_BYTES = 64 * 1024;

const MAX_INTEGER_SHIFT = 21; // no length or index is anywhere near 2^28
/** How a call of gRPC ended, in trailers. */
const GRPC_STATUS = 'grpc-status';
const SEPARATOR = new Uint8Array([0x3a, 0x20]);

/** All strings of one block that had to be decoded; used only within a call of `decode`. */
const scratch = new Uint8Array(maxDecodedBytes(MAX_BLOCK_BYTES));

/** How `decode` ended. */
export type BlockVerdict = 'complete' | 'malformed' | 'tableSize' | 'memory';

/** A string of the block that is being decoded: where its bytes are. */
class StringSpan {
  bytes: Uint8Array = scratch;
  start = 0;
  end = 0;

  text(): string {
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + this.start, this.end - this.start).toString('latin1');
  }

  /** Whether it is the name of a pseudo-header field (RFC 9113 §8.3). */
  isPseudo(): boolean {
    return this.end > this.start && this.bytes[this.start] === SEPARATOR[0];
  }

  set(other: StringSpan): void {
    this.bytes = other.bytes;
    this.start = other.start;
    this.end = other.end;
  }
}

/**
 * Decodes header blocks (RFC 7541) of one direction and searches their fields as lines `name: value`. A block costs
 * time in proportion to its length, whatever it decodes to: fields that are referred to were searched when they came.
 */
export class HpackDecoder {
  /** `TextBit`s found in the last block. */
  found = 0;
  /** The last block has pseudo-header fields: it begins a message, as trailers do not. */
  isRequest = false;
  /** Value of `:status` in the last block, 0 without; of `grpc-status`, -1 without. */
  status = 0;
  grpcStatus = -1;
  /** The line in which the text to search was found, and the text to avoid. */
  searchLine = '';
  avoidLine = '';
  readonly #search: HttpSearch;
  readonly #table: HpackTable;
  readonly #name = new StringSpan();
  readonly #value = new StringSpan();
  readonly #methodSpan = new StringSpan();
  readonly #pathSpan = new StringSpan();
  #method: string | null = null; // null: in its span
  #path: string | null = null;
  #matcher: TextMatcher;
  #listBytes = 0;
  #scratchUsed = 0;
  #at = 0; // where reading stands
  #integer = 0;

  constructor(search: HttpSearch) {
    this.#search = search;
    this.#matcher = search.matcher;
    this.#table = new HpackTable(search.budget);
  }

  /** Bytes of the dynamic table. */
  get tableBytes(): number {
    return this.#table.bytes;
  }

  /** True when a block was missed. */
  get isIncomplete(): boolean {
    return this.#table.isIncomplete;
  }

  /** Blocks were missed. From now on fields nobody saw are passed over. */
  forget(): void {
    this.#table.forget();
  }

  /** Gives all memory back. */
  release(): void {
    this.#table.release();
  }

  /** Method and path of the last block, as a request line. To be asked for before the block's bytes change. */
  requestLine(): string {
    const method = this.#method ?? reportedText(this.#methodSpan.bytes, this.#methodSpan.start, this.#methodSpan.end);
    const path = this.#path ?? reportedText(this.#pathSpan.bytes, this.#pathSpan.start, this.#pathSpan.end);
    return `${method} ${path} HTTP/2`;
  }

  /** Decodes a whole block, `bytes[start..end)`, of at most `MAX_BLOCK_BYTES`. */
  decode(bytes: Uint8Array, start: number, end: number): BlockVerdict {
    this.found = 0;
    this.isRequest = false;
    this.status = 0;
    this.grpcStatus = -1;
    this.#method = '';
    this.#path = '';
    this.#matcher = this.#search.matcher;
    this.#listBytes = 0;
    this.#scratchUsed = 0;
    this.#at = start;
    let sizeMayChange = true;
    while (this.#at < end) {
      const first = bytes[this.#at];
      if ((first & 0xe0) === 0x20) {
        if (!sizeMayChange || !this.#readInteger(bytes, end, 5)) return 'malformed';
        if (!this.#table.setMaxBytes(this.#integer)) return 'tableSize';
        continue;
      }
      sizeMayChange = false;
      if ((first & 0x80) !== 0) {
        if (!this.#readInteger(bytes, end, 7)) return 'malformed';
        const entry = this.#entry(this.#integer);
        if (entry === null) return 'malformed';
        this.#takeEntry(entry);
      } else {
        const isIndexed = (first & 0x40) !== 0;
        if (!this.#readInteger(bytes, end, isIndexed ? 6 : 4)) return 'malformed';
        const verdict = this.#readLiteral(bytes, end, isIndexed);
        if (verdict !== 'complete') return verdict;
      }
    }
    return 'complete';
  }

  #entry(index: number): HpackEntry | null {
    if (index === 0) return null;
    return index <= STATIC_ENTRIES ? this.#search.staticEntries[index - 1] : this.#table.entry(index - STATIC_ENTRIES);
  }

  /** A field that is wholly in a table. */
  #takeEntry(entry: HpackEntry): void {
    if (!this.#count(entry.name.length, entry.value.length)) return;
    this.#noteName(entry.name, entry.value);
    entry.search(this.#matcher);
    if ((entry.found & ~this.found) !== 0) this.#note(entry.found, reportedField(entry.name, entry.value));
  }

  /** A field of which at least the value stands in the block (RFC 7541 §6.2). */
  #readLiteral(bytes: Uint8Array, end: number, isIndexed: boolean): BlockVerdict {
    const matcher = this.#matcher;
    let known: HpackEntry | null = null;
    if (this.#integer > 0) {
      known = this.#entry(this.#integer);
      if (known === null) return 'malformed';
    } else if (!this.#readString(bytes, end, this.#name)) {
      return 'malformed';
    }
    if (!this.#readString(bytes, end, this.#value)) return 'malformed';
    const nameLength = known === null ? this.#name.end - this.#name.start : known.name.length;
    const valueLength = this.#value.end - this.#value.start;
    const isCounted = this.#count(nameLength, valueLength);
    // The bytes that stand here are searched even when they count no more: who refers to them later need not do it.
    if (known === null) {
      matcher.state = TextMatcher.START;
      matcher.found = 0;
      matcher.scan(this.#name.bytes, this.#name.start, this.#name.end);
      matcher.scan(SEPARATOR, 0, SEPARATOR.length);
      if (isCounted && (this.#name.isPseudo() || nameLength === GRPC_STATUS.length))
        this.#noteName(this.#name.text(), null);
    } else {
      known.search(matcher);
      matcher.state = known.nameState;
      matcher.found = known.nameFound;
      if (isCounted) this.#noteName(known.name, null);
    }
    const nameState = matcher.state;
    const nameFound = matcher.found;
    matcher.scan(this.#value.bytes, this.#value.start, this.#value.end);
    const found = matcher.found;
    if (isCounted && (found & ~this.found) !== 0) {
      this.#note(found, reportedField(known?.name ?? this.#name.text(), this.#value.text()));
    }
    if (!isIndexed || !this.#table.makeRoom(fieldBytes(nameLength, valueLength))) return 'complete';
    const entry = new HpackEntry(known?.name ?? this.#name.text(), this.#value.text());
    entry.setSearch(matcher, nameState, nameFound, found);
    return this.#table.insert(entry) ? 'complete' : 'memory';
  }

  /** Counts a field; false when the list is longer than what is searched. */
  #count(nameLength: number, valueLength: number): boolean {
    this.#listBytes += fieldBytes(nameLength, valueLength);
    return this.#listBytes <= SEARCHED_LIST_BYTES;
  }

  #noteName(name: string, value: string | null): void {
    if (name === GRPC_STATUS) this.grpcStatus = numberOf(value ?? this.#value.text());
    if (name.charCodeAt(0) !== SEPARATOR[0]) return;
    this.isRequest = true;
    if (name === ':status') {
      this.status = numberOf(value ?? this.#value.text());
    } else if (name === ':method') {
      this.#method = value;
      this.#methodSpan.set(this.#value);
    } else if (name === ':path') {
      this.#path = value;
      this.#pathSpan.set(this.#value);
    }
  }

  #note(bits: number, line: string): void {
    if ((bits & ~this.found & TextBit.search) !== 0) this.searchLine = line;
    if ((bits & ~this.found & TextBit.avoid) !== 0) this.avoidLine = line;
    this.found |= bits;
  }

  /** Reads an integer with a prefix of so many bits (RFC 7541 §5.1); false when it is cut or absurd. */
  #readInteger(bytes: Uint8Array, end: number, prefixBits: number): boolean {
    if (this.#at >= end) return false;
    const mask = (1 << prefixBits) - 1;
    let value = bytes[this.#at++] & mask;
    if (value === mask) {
      let shift = 0;
      let byte: number;
      do {
        if (this.#at >= end || shift > MAX_INTEGER_SHIFT) return false;
        byte = bytes[this.#at++];
        value += (byte & 0x7f) << shift;
        shift += 7;
      } while ((byte & 0x80) !== 0);
    }
    this.#integer = value;
    return true;
  }

  /** Reads a string (RFC 7541 §5.2): in place when it stands there in clear. */
  #readString(bytes: Uint8Array, end: number, span: StringSpan): boolean {
    if (this.#at >= end) return false;
    const isHuffman = (bytes[this.#at] & 0x80) !== 0;
    if (!this.#readInteger(bytes, end, 7) || this.#integer > end - this.#at) return false;
    const stop = this.#at + this.#integer;
    if (isHuffman) {
      const written = decodeHuffman(bytes, this.#at, stop, scratch, this.#scratchUsed);
      if (written < 0) return false;
      span.bytes = scratch;
      span.start = this.#scratchUsed;
      span.end = written;
      this.#scratchUsed = written;
    } else {
      span.bytes = bytes;
      span.start = this.#at;
      span.end = stop;
    }
    this.#at = stop;
    return true;
  }
}

/** Value of a status; -1 for what is none. */
function numberOf(text: string): number {
  return /^[0-9]{1,4}$/.test(text) ? Number(text) : -1;
}

/** A field whose characters are bytes, as it is reported. */
function reportedField(name: string, value: string): string {
  const bytes = Buffer.from(`${name.slice(0, REPORTED_BYTES)}: ${value.slice(0, REPORTED_BYTES)}`, 'latin1');
  return reportedText(bytes, 0, bytes.length);
}
