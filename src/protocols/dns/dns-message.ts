/** Longest name in wire format, with the zero that ends it (RFC 1035 §3.1). */
export const MOST_NAME_BYTES = 255;
const HEADER_BYTES = 12;
const MOST_LABEL_BYTES = 63;
/** Type, class, time to live and length of a resource record (RFC 1035 §4.1.3). */
const RECORD_BYTES = 10;
/** The two high bits of a length byte that make it a compression pointer (RFC 1035 §4.1.4). */
const POINTER = 0xc0;
/** Pseudo-record of EDNS (RFC 6891 §6.1.1). */
const TYPE_OPT = 41;
/** A question for records of any type (RFC 1035 §3.2.3). */
const TYPE_ANY = 255;
const UPPER_A = 0x41;
const UPPER_Z = 0x5a;
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/**
 * What a DNS message says (RFC 1035 §4.1), as far as it is read: the header, the first question, and how many records
 * answer it. One object is filled again and again.
 */
export class DnsMessage {
  id = 0;
  isResponse = false;
  /** 0 for a query (RFC 1035 §4.1.1). */
  opcode = 0;
  /** The answer did not fit (TC): to be asked again over TCP. */
  isTruncated = false;
  /** Response code, with the upper bits that EDNS adds (RFC 6891 §6.1.3). */
  rcode = 0;
  /** Questions as the header counts them; a response to what could not be read may have none. */
  questions = 0;
  /** The name of the first question in wire format without the zero that ends it, in lower case: names are the same in any case (RFC 4343). */
  readonly name = new Uint8Array(MOST_NAME_BYTES + 1);
  /** Bytes of `name`; 0 for the root, and when there is no question. */
  nameBytes = 0;
  /** Hash of `name`. */
  nameHash = 0;
  /** Hash of the first label of `name`: that of all names that a search list makes of one. */
  labelHash = 0;
  type = 0;
  class = 0;
  /** Records in the answer section that are there; fewer than the header says where the message is cut. */
  answers = 0;
  /** Of these, records of the type that is asked for. */
  matches = 0;
  /** The whole answer section was read. */
  isWhole = false;
  hasEdns = false;
}

/**
 * Reads the message in `bytes[start..end)` into `message`. Returns false when it is none that can be used: too short,
 * or its first question cannot be read. `wireEnd` is past `end` where the capture, or fragmentation, has cut it. Never
 * throws, and never follows a compression pointer: names of records are passed over, and a question has none before it.
 */
export function readDnsMessage(
  bytes: Uint8Array,
  start: number,
  end: number,
  wireEnd: number,
  message: DnsMessage,
): boolean {
  if (end - start < HEADER_BYTES) return false;
  const flags = (bytes[start + 2] << 8) | bytes[start + 3];
  message.id = (bytes[start] << 8) | bytes[start + 1];
  message.isResponse = (flags & 0x8000) !== 0;
  message.opcode = (flags >>> 11) & 0xf;
  message.isTruncated = (flags & 0x0200) !== 0;
  message.rcode = flags & 0xf;
  message.questions = (bytes[start + 4] << 8) | bytes[start + 5];
  message.nameBytes = 0;
  message.nameHash = FNV_OFFSET;
  message.labelHash = FNV_OFFSET;
  message.type = 0;
  message.class = 0;
  message.answers = 0;
  message.matches = 0;
  message.isWhole = false;
  message.hasEdns = false;
  let at = start + HEADER_BYTES;
  if (message.questions > 0) {
    at = readQuestion(bytes, at, end, message);
    if (at < 0) return false;
  }
  for (let i = 1; i < message.questions && at >= 0; i++) at = skipQuestion(bytes, at, end);
  if (at >= 0) readRecords(bytes, start, at, end, wireEnd, message);
  return true;
}

/** Reads the first question; returns where the next one begins, -1 when it cannot be read. */
function readQuestion(bytes: Uint8Array, begin: number, end: number, message: DnsMessage): number {
  const { name } = message;
  let at = begin;
  let length = 0;
  let hash = FNV_OFFSET;
  for (;;) {
    if (at >= end) return -1;
    const label = bytes[at];
    if (label === 0) break;
    // longer ones are pointers, or what nobody has defined
    if (label > MOST_LABEL_BYTES || at + 1 + label > end || length + 1 + label >= MOST_NAME_BYTES) return -1;
    for (let i = 0; i <= label; i++) {
      let byte = bytes[at + i];
      if (i > 0 && byte >= UPPER_A && byte <= UPPER_Z) byte |= 0x20;
      name[length++] = byte;
      hash = Math.imul(hash ^ byte, FNV_PRIME);
    }
    if (at === begin) message.labelHash = hash;
    at += 1 + label;
  }
  if (at + 5 > end) return -1;
  message.nameBytes = length;
  message.nameHash = hash;
  message.type = (bytes[at + 1] << 8) | bytes[at + 2];
  message.class = (bytes[at + 3] << 8) | bytes[at + 4];
  return at + 5;
}

function skipQuestion(bytes: Uint8Array, begin: number, end: number): number {
  const at = skipName(bytes, begin, end);
  return at < 0 || at + 4 > end ? -1 : at + 4;
}

/** Where a name ends, pointers not followed; -1 when it does not. */
function skipName(bytes: Uint8Array, begin: number, end: number): number {
  let at = begin;
  while (at < end) {
    const label = bytes[at];
    if (label === 0) return at + 1;
    if ((label & POINTER) === POINTER) return at + 2 <= end ? at + 2 : -1;
    if (label > MOST_LABEL_BYTES || at - begin > MOST_NAME_BYTES) return -1;
    at += 1 + label;
  }
  return -1;
}

/** Counts the records of the answer section, and looks for EDNS behind it. Counts that lie end where the bytes do. */
function readRecords(
  bytes: Uint8Array,
  start: number,
  begin: number,
  end: number,
  wireEnd: number,
  message: DnsMessage,
): void {
  const answers = (bytes[start + 6] << 8) | bytes[start + 7];
  const others = ((bytes[start + 8] << 8) | bytes[start + 9]) + ((bytes[start + 10] << 8) | bytes[start + 11]);
  let at = begin;
  message.isWhole = answers === 0;
  for (let i = 0; i < answers + others; i++) {
    const record = skipName(bytes, at, end);
    if (record < 0 || record + RECORD_BYTES > end) return;
    const type = (bytes[record] << 8) | bytes[record + 1];
    const next = record + RECORD_BYTES + ((bytes[record + 8] << 8) | bytes[record + 9]);
    if (next > wireEnd) return;
    if (i < answers) {
      message.answers++;
      if (type === message.type || message.type === TYPE_ANY) message.matches++;
      if (i === answers - 1) message.isWhole = next <= end;
    } else if (type === TYPE_OPT) {
      message.hasEdns = true;
      message.rcode = (message.rcode & 0xf) | (bytes[record + 4] << 4);
      return;
    }
    if (next > end) return;
    at = next;
  }
}
