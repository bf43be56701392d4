/** Which of the two texts was found, as bits of `TextMatcher.found`. */
export const TextBit = { search: 1, avoid: 2 } as const;

const START = 0;
const LF = 0x0a;
const UPPER_A = 0x41;
const UPPER_Z = 0x5a;
const TO_LOWER = 0x20;

/** A byte, in lower case when it is an ASCII letter. */
export function lowerCase(byte: number): number {
  return byte >= UPPER_A && byte <= UPPER_Z ? byte | TO_LOWER : byte;
}

/**
 * Finds two texts at once, ASCII letters in either case: a finite automaton over bytes (Aho and Corasick, 1975), so
 * that a search costs one step a byte and goes on wherever it was interrupted. An automaton is shared by everybody who
 * searches; who goes on later keeps the number `state` and sets it again. An empty text is never found.
 */
export class TextMatcher {
  /** Where a search begins. */
  static readonly START = START;

  /** Where the search stands. */
  state = 0;
  /** `TextBit`s of what was found since the caller last set this to 0. */
  found = 0;
  /** True when there is nothing to find. */
  readonly isEmpty: boolean;
  readonly #classes: Uint8Array; // of a byte; 0: in neither text
  readonly #wakes: Uint8Array; // 0: a byte that changes nothing while nothing was found; most are such
  readonly #next: Int32Array; // by state + class; states are multiples of the number of classes
  readonly #firstAccepting: number;
  readonly #bits: Uint8Array; // by state

  constructor(search: string, avoid: string) {
    const texts = [search, avoid].map((text) => [...new TextEncoder().encode(text)].map(lowerCase));
    this.isEmpty = texts.every((text) => text.length === 0);
    const letters = [...new Set(texts.flat())];
    const width = letters.length + 1;
    this.#classes = Uint8Array.from({ length: 256 }, (_, byte) => letters.indexOf(lowerCase(byte)) + 1);
    const trie = buildTrie(
      texts.map((text) => text.map((byte) => letters.indexOf(byte) + 1)),
      width,
    );
    // Accepting states come last, so that one comparison tells them.
    const order = [...trie.bits.keys()].sort((a, b) => Math.sign(trie.bits[a]) - Math.sign(trie.bits[b]) || a - b);
    const place = new Int32Array(order.length);
    for (const [position, state] of order.entries()) place[state] = position * width;
    this.#next = new Int32Array(order.length * width);
    this.#bits = new Uint8Array(order.length * width);
    for (const [position, state] of order.entries()) {
      this.#bits[position * width] = trie.bits[state];
      for (let letter = 0; letter < width; letter++) {
        this.#next[position * width + letter] = place[trie.next[state * width + letter]];
      }
    }
    this.#wakes = this.#classes.map((letter, byte) => (byte === LF || this.#next[letter] !== START ? 1 : 0));
    this.#firstAccepting = order.filter((state) => trie.bits[state] === 0).length * width;
  }

  /** Goes on through `bytes[start..end)`. */
  scan(bytes: Uint8Array, start: number, end: number): void {
    const classes = this.#classes;
    const next = this.#next;
    const wakes = this.#wakes;
    const firstAccepting = this.#firstAccepting;
    let state = this.state;
    for (let i = start; i < end; i++) {
      if (state === START) {
        while (i < end && wakes[bytes[i]] === 0) i++;
        if (i === end) break;
      }
      state = next[state + classes[bytes[i]]];
      if (state >= firstAccepting) this.found |= this.#bits[state];
    }
    this.state = state;
  }

  /** The same, but stops behind the first line feed. Answers where it stopped. */
  scanLine(bytes: Uint8Array, start: number, end: number): number {
    const classes = this.#classes;
    const next = this.#next;
    const wakes = this.#wakes;
    const firstAccepting = this.#firstAccepting;
    let state = this.state;
    let i = start;
    while (i < end) {
      if (state === START) {
        while (i < end && wakes[bytes[i]] === 0) i++;
        if (i === end) break;
      }
      const byte = bytes[i++];
      state = next[state + classes[byte]];
      if (state >= firstAccepting) this.found |= this.#bits[state];
      if (byte === LF) break;
    }
    this.state = state;
    return i;
  }

  /** Goes on through a string whose characters are bytes. */
  scanText(text: string): void {
    let state = this.state;
    for (let i = 0; i < text.length; i++) {
      state = this.#next[state + this.#classes[text.charCodeAt(i) & 0xff]];
      if (state >= this.#firstAccepting) this.found |= this.#bits[state];
    }
    this.state = state;
  }
}

interface Trie {
  /** By state × width + letter: already complete, with the way back where a text does not go on. */
  readonly next: number[];
  readonly bits: number[];
}

function buildTrie(texts: readonly number[][], width: number): Trie {
  const next: number[] = new Array(width).fill(-1);
  const bits = [0];
  for (const [index, text] of texts.entries()) {
    let state = 0;
    for (const letter of text) {
      if (next[state * width + letter] < 0) {
        next[state * width + letter] = bits.length;
        bits.push(0);
        for (let i = 0; i < width; i++) next.push(-1);
      }
      state = next[state * width + letter];
    }
    if (text.length > 0) bits[state] |= 1 << index;
  }
  // Breadth first: where a text does not go on, the longest end of what was read that begins a text does.
  const back = new Int32Array(bits.length);
  const queue = [0];
  for (let head = 0; head < queue.length; head++) {
    const state = queue[head];
    bits[state] |= bits[back[state]];
    for (let letter = 0; letter < width; letter++) {
      const child = next[state * width + letter];
      const otherwise = state === 0 ? 0 : next[back[state] * width + letter];
      if (child < 0) {
        next[state * width + letter] = otherwise;
      } else {
        back[child] = otherwise;
        queue.push(child);
      }
    }
  }
  return { next, bits };
}
