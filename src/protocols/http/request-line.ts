/** Whether a byte may stand in a token (RFC 9110 §5.6.2): 1 or 0. */
const IS_TOKEN = new Uint8Array(256);
for (const character of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
  IS_TOKEN[character.charCodeAt(0)] = 1;
}

/** The longest registered method has 17 letters (IANA, HTTP Method Registry). */
const MAX_METHOD_BYTES = 32;
const MAX_FIRST_LINE_BYTES = 8192;
const CR = 0x0d;
const LF = 0x0a;
const SP = 0x20;
const VERSION_NAME = [0x48, 0x54, 0x54, 0x50, 0x2f]; // `HTTP/`
const CONNECT = [0x43, 0x4f, 0x4e, 0x4e, 0x45, 0x43, 0x54];
const MAJOR_AT = 5;
const DOT_AT = 6;
const MINOR_AT = 7;
const VERSION_END = 8;
const AFTER_CR = 9;

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** What `RequestLine.feed` answers. */
export const LineVerdict = { more: 0, complete: 1, wrong: 2 } as const;

export type LineVerdict = (typeof LineVerdict)[keyof typeof LineVerdict];

const Part = { method: 0, target: 1, version: 2 } as const;

/**
 * Checks a request line (RFC 9112 §3) byte by byte, in any pieces: a token, a space, a target, a space, `HTTP/`, two
 * digits around a dot, the end of the line. Spaces in the target are let pass, as some servers do.
 */
export class RequestLine {
  /** Major version of the line, once it is complete. */
  major = 0;
  /** True when the method is CONNECT, once it is complete. */
  isConnect = false;
  #part: number = Part.method;
  #count = 0; // bytes of the part
  #connectBytes = 0; // of those, how many spell CONNECT

  reset(): void {
    this.#part = Part.method;
    this.#count = 0;
    this.#connectBytes = 0;
  }

  /** True when nothing of the line has come. */
  get isEmpty(): boolean {
    return this.#part === Part.method && this.#count === 0;
  }

  /** Takes one byte. After `complete` or `wrong` comes `reset`. */
  feed(byte: number): LineVerdict {
    if (this.#part === Part.target) {
      if (byte === SP) {
        if (this.#count === 0) return LineVerdict.wrong;
        this.#part = Part.version;
        this.#count = 0;
        return LineVerdict.more;
      }
      if (byte < SP) return LineVerdict.wrong;
      this.#count++;
      return LineVerdict.more;
    }
    return this.#part === Part.method ? this.#feedMethod(byte) : this.#feedVersion(byte);
  }

  #feedMethod(byte: number): LineVerdict {
    if (byte === SP && this.#count > 0) {
      this.isConnect = this.#count === CONNECT.length && this.#connectBytes === CONNECT.length;
      this.#part = Part.target;
      this.#count = 0;
      return LineVerdict.more;
    }
    if (IS_TOKEN[byte] === 0 || this.#count === MAX_METHOD_BYTES) return LineVerdict.wrong;
    if (byte === CONNECT[this.#count]) this.#connectBytes++;
    this.#count++;
    return LineVerdict.more;
  }

  #feedVersion(byte: number): LineVerdict {
    const at = this.#count++;
    if (at < MAJOR_AT ? byte === VERSION_NAME[at] : at === DOT_AT && byte === 0x2e) return LineVerdict.more;
    if ((at === MAJOR_AT || at === MINOR_AT) && isDigit(byte)) {
      if (at === MAJOR_AT) this.major = byte - 0x30;
      return LineVerdict.more;
    }
    if (at === VERSION_END && byte === CR) return LineVerdict.more;
    if ((at === VERSION_END || at === AFTER_CR) && byte === LF) return LineVerdict.complete;
    if (byte < SP || at === AFTER_CR) return LineVerdict.wrong;
    // It was part of the target.
    if (byte !== SP) this.#part = Part.target;
    this.#count = byte === SP ? 0 : 1;
    return LineVerdict.more;
  }
}

/**
 * Whether the first bytes of a direction (or of a segment) begin a request of HTTP/1, or the preface of HTTP/2. A line
 * that goes on beyond `end` is believed when its method is in capitals and its target looks like one. Costs a look at
 * the first byte for most of what is not HTTP.
 */
export function looksLikeHttp(bytes: Uint8Array, start: number, end: number): boolean {
  let i = start;
  let capitals = true;
  for (; i < end && IS_TOKEN[bytes[i]] === 1; i++) {
    if (i - start === MAX_METHOD_BYTES) return false;
    if (bytes[i] >= 0x61) capitals = false;
  }
  if (i === start || i + 1 >= end || bytes[i] !== SP) return false;
  const target = i + 1;
  if (bytes[target] <= SP) return false;
  const limit = Math.min(end, start + MAX_FIRST_LINE_BYTES);
  i = target;
  while (i < limit && bytes[i] >= SP) i++;
  if (i < limit) {
    if (bytes[i] !== LF && bytes[i] !== CR) return false;
    const version = i - VERSION_END;
    if (version <= target || bytes[version - 1] !== SP) return false;
    for (let at = 0; at < VERSION_NAME.length; at++) if (bytes[version + at] !== VERSION_NAME[at]) return false;
    return isDigit(bytes[version + MAJOR_AT]) && bytes[version + DOT_AT] === 0x2e && isDigit(bytes[version + MINOR_AT]);
  }
  // An origin-form begins with a slash, all others with a letter, a digit or a star (RFC 9112 §3.2).
  return capitals && (bytes[target] === 0x2f || IS_TOKEN[bytes[target]] === 1);
}
