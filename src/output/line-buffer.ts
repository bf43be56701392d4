import { ASSERTING, assert } from '../model/assert.ts';

const ZERO = 0x30;
const MINUS = 0x2d;
const COMMA = 0x2c;
const DOT = 0x2e;
const COLON = 0x3a;
/** The byte that ends a line. */
export const NEW_LINE = 0x0a;
const UNDERSCORE = 0x5f;

/** Most bytes one number takes: a sign and the sixteen digits below 2^53. */
const MAX_NUMBER_BYTES = 17;
const MAX_IPV4_BYTES = 15;
const MAX_IPV6_BYTES = 39;

/** The two digits of each number below 100: halves the divisions. */
const DIGIT_PAIRS = new Uint8Array(200);
for (let i = 0; i < 100; i++) {
  DIGIT_PAIRS[2 * i] = ZERO + Math.floor(i / 10);
  DIGIT_PAIRS[2 * i + 1] = ZERO + (i % 10);
}

const HEX_DIGITS = new Uint8Array(Buffer.from('0123456789abcdef'));
/** The groups of the IPv6 address that is being written: kept, so that none is allocated. */
const GROUPS = new Uint16Array(8);

/** The text of each number below 256, as a length and three digits: what IPv4 addresses are made of. */
const OCTETS = new Uint8Array(256 * 4);
for (let i = 0; i < 256; i++) {
  OCTETS[4 * i] = Buffer.from(`${i}`).copy(OCTETS, 4 * i + 1);
}

/**
 * Bytes of text lines, appended without making strings. It grows as needed and keeps its memory when it is emptied.
 * `bytes` is replaced when it grows: nobody keeps it across an append.
 */
export class LineBuffer {
  /** What was appended is in `bytes[0 .. length)`. */
  bytes: Buffer;
  /** May be set back to drop what was appended last. */
  length = 0;

  constructor(capacityBytes = 4096) {
    this.bytes = Buffer.allocUnsafeSlow(capacityBytes);
  }

  /** Appends a number, truncated to a whole one, in decimal; exact below 2^53. What is beyond, or NaN, is written as 0. */
  integer(value: number): void {
    if (this.length + MAX_NUMBER_BYTES > this.bytes.length) this.#grow(MAX_NUMBER_BYTES);
    const small = value | 0;
    if (small === value && small >= 0) {
      if (small < 10) this.bytes[this.length++] = ZERO + small;
      else this.#digits(small, digitCount(small));
    } else {
      this.#bigOrNegative(value);
    }
  }

  /** Appends text whose characters are all ASCII. */
  ascii(text: string): void {
    const count = text.length;
    if (this.length + count > this.bytes.length) this.#grow(count);
    const bytes = this.bytes;
    let at = this.length;
    for (let i = 0; i < count; i++) bytes[at++] = text.charCodeAt(i);
    this.length = at;
  }

  /** Appends text as one CSV field: what would end the field or the line, and what is not ASCII, becomes `_`. */
  field(text: string): void {
    const count = text.length;
    if (this.length + count > this.bytes.length) this.#grow(count);
    const bytes = this.bytes;
    let at = this.length;
    for (let i = 0; i < count; i++) {
      const code = text.charCodeAt(i);
      const harmless = code >= 0x20 && code < 0x7f && code !== COMMA && code !== 0x22 && code !== 0x27;
      bytes[at++] = harmless ? code : UNDERSCORE;
    }
    if (count > 0 && beginsFormula(bytes[this.length] ?? 0)) bytes[this.length] = UNDERSCORE;
    this.length = at;
  }

  /** Appends any text as UTF-8. */
  text(text: string): void {
    const most = text.length * 3; // bytes a UTF-16 unit takes at most
    if (this.length + most > this.bytes.length) this.#grow(most);
    this.length += this.bytes.write(text, this.length, 'utf8');
  }

  /** Appends an IPv4 address given as one word in network order, signed or unsigned. */
  ipv4(word: number): void {
    if (this.length + MAX_IPV4_BYTES > this.bytes.length) this.#grow(MAX_IPV4_BYTES);
    this.#octet(word >>> 24);
    this.bytes[this.length++] = DOT;
    this.#octet((word >>> 16) & 0xff);
    this.bytes[this.length++] = DOT;
    this.#octet((word >>> 8) & 0xff);
    this.bytes[this.length++] = DOT;
    this.#octet(word & 0xff);
  }

  /** Appends an IPv6 address given as four words in network order, as `formatIpv6` writes it (RFC 5952). */
  ipv6(word0: number, word1: number, word2: number, word3: number): void {
    if (this.length + MAX_IPV6_BYTES > this.bytes.length) this.#grow(MAX_IPV6_BYTES);
    if (word0 === 0 && word1 === 0 && word2 >>> 0 === 0xffff) {
      this.ascii('::ffff:'); // IPv4-mapped, RFC 5952 §5
      this.ipv4(word3);
      return;
    }
    const groups = GROUPS;
    groups[0] = word0 >>> 16;
    groups[1] = word0;
    groups[2] = word1 >>> 16;
    groups[3] = word1;
    groups[4] = word2 >>> 16;
    groups[5] = word2;
    groups[6] = word3 >>> 16;
    groups[7] = word3;
    let runStart = -1;
    let runLength = 1; // a single zero group is never shortened
    for (let i = 0, zeros = 0; i < 8; i++) {
      zeros = groups[i] === 0 ? zeros + 1 : 0;
      if (zeros <= runLength) continue;
      runLength = zeros;
      runStart = i + 1 - zeros;
    }
    for (let i = 0; i < 8; ) {
      if (i === runStart) {
        if (i === 0) this.bytes[this.length++] = COLON;
        this.bytes[this.length++] = COLON;
        i += runLength;
      } else {
        this.#hex(groups[i]);
        if (++i < 8) this.bytes[this.length++] = COLON;
      }
    }
  }

  /** Appends the comma between two fields. */
  comma(): void {
    if (this.length === this.bytes.length) this.#grow(1);
    this.bytes[this.length++] = COMMA;
  }

  /** Ends the line. */
  newLine(): void {
    if (this.length === this.bytes.length) this.#grow(1);
    this.bytes[this.length++] = NEW_LINE;
  }

  /** What was appended, as text. */
  toString(): string {
    return this.bytes.toString('utf8', 0, this.length);
  }

  #bigOrNegative(value: number): void {
    const rest = Math.trunc(Math.abs(value));
    if (!(rest <= Number.MAX_SAFE_INTEGER)) {
      this.bytes[this.length++] = ZERO;
      return;
    }
    if (value <= -1) this.bytes[this.length++] = MINUS;
    const upper = Math.floor(rest / 1e8); // in two pieces that are 32-bit integers
    if (upper > 0) this.#digits(upper, digitCount(upper));
    const lower = rest % 1e8;
    this.#digits(lower, upper > 0 ? 8 : digitCount(lower));
  }

  /** The lowest `count` digits of a 32-bit integer, with leading zeros. */
  #digits(value: number, count: number): void {
    const bytes = this.bytes;
    let rest = value | 0;
    let at = this.length + count;
    this.length = at;
    let left = count;
    for (; left >= 2; left -= 2) {
      const quotient = (rest / 100) | 0;
      const pair = (rest - quotient * 100) << 1;
      rest = quotient;
      bytes[--at] = DIGIT_PAIRS[pair + 1];
      bytes[--at] = DIGIT_PAIRS[pair];
    }
    if (left === 1) bytes[--at] = ZERO + rest;
  }

  /** A number below 2^16 in hexadecimal, without leading zeros. */
  #hex(value: number): void {
    const bytes = this.bytes;
    let at = this.length;
    if (value >= 0x1000) bytes[at++] = HEX_DIGITS[value >>> 12];
    if (value >= 0x100) bytes[at++] = HEX_DIGITS[(value >>> 8) & 0xf];
    if (value >= 0x10) bytes[at++] = HEX_DIGITS[(value >>> 4) & 0xf];
    bytes[at++] = HEX_DIGITS[value & 0xf];
    this.length = at;
  }

  #octet(value: number): void {
    const from = value << 2;
    const count = OCTETS[from];
    const bytes = this.bytes;
    const at = this.length;
    bytes[at] = OCTETS[from + 1];
    bytes[at + 1] = OCTETS[from + 2];
    bytes[at + 2] = OCTETS[from + 3];
    this.length = at + count;
  }

  #grow(moreBytes: number): void {
    if (ASSERTING) assert(this.length <= this.bytes.length, 'what was appended is in the buffer');
    const bigger = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.length + moreBytes));
    bigger.set(this.bytes.subarray(0, this.length));
    this.bytes = bigger;
  }
}

/** Digits of a 32-bit integer that is not negative; 0 has one. */
function digitCount(value: number): number {
  if (value < 10_000) {
    if (value < 100) return value < 10 ? 1 : 2;
    return value < 1000 ? 3 : 4;
  }
  if (value < 100_000_000) {
    if (value < 1_000_000) return value < 100_000 ? 5 : 6;
    return value < 10_000_000 ? 7 : 8;
  }
  return value < 1_000_000_000 ? 9 : 10;
}

/** True for what a spreadsheet takes a field for a formula by: `=`, `+`, `-`, `@`. */
function beginsFormula(code: number): boolean {
  return code === 0x3d || code === 0x2b || code === 0x2d || code === 0x40;
}
