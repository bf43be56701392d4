import type { StreamBudget } from '../stream/stream-budget.ts';
import { TextMatcher } from './text-matcher.ts';

/** What an entry counts besides its bytes (RFC 7541 §4.1). */
const ENTRY_OVERHEAD_BYTES = 32;
/** What an entry takes in memory besides its bytes and those 32, about. */
const OBJECT_BYTES = 96;
const INITIAL_MAX_BYTES = 4096;

/** Largest dynamic table that is followed. */
const MAX_TABLE_BYTES = 64 * 1024;

/** Sizes of a field as RFC 7541 §4.1 counts them. */
export function fieldBytes(nameLength: number, valueLength: number): number {
  return nameLength + valueLength + ENTRY_OVERHEAD_BYTES;
}

/**
 * One field of a table; strings whose characters are bytes. It remembers what a search of `name: value` found, so that
 * a field which is only referred to costs nothing, however long it is.
 */
export class HpackEntry {
  readonly name: string;
  readonly value: string;
  /** State of the search behind `name: `. */
  nameState = TextMatcher.START;
  /** Found in `name: `. */
  nameFound = 0;
  /** Found in the whole line. */
  found = 0;
  #matcher: TextMatcher | null = null;

  constructor(name: string, value: string) {
    this.name = name;
    this.value = value;
  }

  get bytes(): number {
    return fieldBytes(this.name.length, this.value.length);
  }

  /** Searches the line, unless that was done with the same texts. */
  search(matcher: TextMatcher): void {
    if (this.#matcher === matcher) return;
    matcher.state = TextMatcher.START;
    matcher.found = 0;
    matcher.scanText(this.name);
    matcher.scanText(': ');
    this.#setName(matcher, matcher.state, matcher.found);
    matcher.scanText(this.value);
    this.found = matcher.found;
  }

  /** Takes over a search of this line that was done elsewhere. */
  setSearch(matcher: TextMatcher, nameState: number, nameFound: number, found: number): void {
    this.#setName(matcher, nameState, nameFound);
    this.found = found;
  }

  #setName(matcher: TextMatcher, nameState: number, nameFound: number): void {
    this.#matcher = matcher;
    this.nameState = nameState;
    this.nameFound = nameFound;
  }
}

/** Stands for a field that was put into the table while nobody looked. */
const UNKNOWN_ENTRY = new HpackEntry('', '');

/** The static table (RFC 7541 Appendix A), a line `name` or `name: value` each. */
const STATIC_FIELDS = `:authority
:method: GET
:method: POST
:path: /
:path: /index.html
:scheme: http
:scheme: https
:status: 200
:status: 204
:status: 206
:status: 304
:status: 400
:status: 404
:status: 500
accept-charset
accept-encoding: gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate`.split('\n');

/** Fields of the static table. */
export const STATIC_ENTRIES = STATIC_FIELDS.length;

/** A static table for one search: entries remember what was found in them. */
export function createStaticEntries(): HpackEntry[] {
  return STATIC_FIELDS.map((line) => {
    const [name, value = ''] = line.split(/(?<=.): /);
    return new HpackEntry(name, value);
  });
}

/** The dynamic table of one direction (RFC 7541 §2.3.2, §4). */
export class HpackTable {
  /** Fields were put in that nobody saw: an unknown index is no mistake then. */
  isIncomplete = false;
  readonly #budget: StreamBudget;
  #entries: HpackEntry[] = []; // oldest first, from #first on
  #first = 0;
  #bytes = 0;
  #maxBytes = INITIAL_MAX_BYTES;

  constructor(budget: StreamBudget) {
    this.#budget = budget;
  }

  /** Bytes of all entries, as RFC 7541 §4.1 counts them. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many entries there are. */
  get length(): number {
    return this.#entries.length - this.#first;
  }

  /** The entry with this index, 1 for the newest; null when there is none and there should be. */
  entry(index: number): HpackEntry | null {
    if (index <= this.length) return this.#entries[this.#entries.length - index];
    return this.isIncomplete ? UNKNOWN_ENTRY : null;
  }

  /** Makes room for an entry of this size (RFC 7541 §4.4); false when it is larger than the table, which is empty then. */
  makeRoom(entryBytes: number): boolean {
    this.#evict(this.#maxBytes - entryBytes);
    return entryBytes <= this.#maxBytes;
  }

  /** Puts a field in for which room was made. False when there is no memory for it. */
  insert(entry: HpackEntry): boolean {
    if (!this.#budget.take(entry.bytes + OBJECT_BYTES)) return false;
    this.#entries.push(entry);
    this.#bytes += entry.bytes;
    return true;
  }

  /** A dynamic table size update (RFC 7541 §6.3); false when it is more than is followed. */
  setMaxBytes(maxBytes: number): boolean {
    if (maxBytes > MAX_TABLE_BYTES) return false;
    this.#maxBytes = maxBytes;
    this.#evict(maxBytes);
    return true;
  }

  /** Header blocks were missed: the newest entries are those that come from now on. */
  forget(): void {
    this.#evict(0);
    this.isIncomplete = true;
    this.#maxBytes = MAX_TABLE_BYTES; // the real one is unknown, and what it has evicted nobody refers to
  }

  /** Gives all memory back. */
  release(): void {
    this.#evict(0);
  }

  #evict(maxBytes: number): void {
    while (this.#bytes > maxBytes && this.length > 0) {
      const oldest = this.#entries[this.#first++];
      this.#bytes -= oldest.bytes;
      this.#budget.give(oldest.bytes + OBJECT_BYTES);
    }
    if (this.#first > 16 && this.#first * 2 >= this.#entries.length) {
      this.#entries.splice(0, this.#first);
      this.#first = 0;
    }
  }
}
