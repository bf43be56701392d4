/** Longest rest of a value that is taken for one when its beginning was not captured. */
const MOST_REST_BYTES = 64 * 1024;
/** The first line of a request or of a response (RFC 9112 §3, §4): what a piece may well begin with. */
const START_LINE = /^(?:[!-~]+ [!-~]+ HTTP\/1\.[01]|HTTP\/1\.[01] \d{3}[^\n]*?)\r?$/;
/** What a field's value cannot have: control characters but the tab (RFC 9110 §5.5). A CR belongs to the line's end. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
const NO_VALUE = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/;
/** Lines that a value goes on in begin with a space (obs-fold, RFC 9112 §5.2). */
const FOLDED = /\n[ \t][^\n]*/y;

/** Pieces of bytes, as pairs of a first byte and the one past the last, ascending. */
export interface Pieces {
  readonly ranges: readonly number[];
  /** The last one reaches to the very end, and may go on behind it. */
  readonly isOpen: boolean;
}

/**
 * Finds the values of certain header fields wherever a line begins with such a name. Heads are not told from bodies:
 * that needs every byte before them, which a capture seldom has; a line of a body that looks like such a field counts.
 */
export class HeaderValues {
  readonly #field: RegExp;

  /** `names`: of header fields (RFC 9110 §5.1), in any case; at least one. */
  constructor(names: readonly string[]) {
    const alternatives = names.map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|');
    // the value goes on in lines that begin with a space: obs-fold, RFC 9112 §5.2
    this.#field = new RegExp(`(?:^|\\n)(?:${alternatives})[ \\t]*:[ \\t]*([^\\n]*(?:\\n[ \\t]+[^\\n]*)*)`, 'gi');
  }

  /**
   * The values in a piece of a stream, given as Latin-1 text, without line ends and the spaces before them. `start`
   * says what came before it: the stream `begins`, something `missing`, or something missing behind an `open` value.
   */
  find(text: string, start: 'begins' | 'missing' | 'open'): Pieces {
    const ranges: number[] = [];
    const rest = start === 'begins' ? 0 : restOfValue(text, start === 'open');
    let isOpen = false;
    // what only may be the rest of a value does not make the next piece one
    if (rest > 0) isOpen = addLines(ranges, text, 0, rest) && start === 'open';
    for (const match of text.matchAll(this.#field)) {
      const end = match.index + match[0].length;
      const from = Math.max(rest, end - match[1].length);
      if (from < end || end === text.length) isOpen = addLines(ranges, text, from, end);
    }
    return { ranges, isOpen };
  }
}

/** A line of a head as it may be shown: with stars for its value when its name is one of `names`. */
export function maskedLine(line: string, names: readonly string[]): string {
  if (names.length === 0) return line;
  const [from = 0, to = 0] = new HeaderValues(names).find(line, 'begins').ranges;
  return `${line.slice(0, from)}${'*'.repeat(to - from)}${line.slice(to)}`;
}

/**
 * How much of a text that begins somewhere in a line may be the rest of a value; `certainly`: it is one. What may be one
 * counts as one: a secret is worse in a file than a line of text that is missing there.
 */
function restOfValue(text: string, certainly: boolean): number {
  const lineEnd = text.indexOf('\n');
  const end = Math.min(lineEnd < 0 ? text.length : lineEnd, MOST_REST_BYTES);
  if (certainly) return endOfFolded(text, end);
  const line = text.slice(0, end);
  return START_LINE.test(line) || NO_VALUE.test(line) ? 0 : end;
}

/** Where a value ends whose first line ends at `end`. */
function endOfFolded(text: string, end: number): number {
  let at = end;
  for (;;) {
    FOLDED.lastIndex = at;
    if (!FOLDED.test(text)) return at;
    at = FOLDED.lastIndex;
  }
}

/** Adds what stands in the lines of `text[from..to)`; true when that reaches to the end of the text. */
function addLines(ranges: number[], text: string, from: number, to: number): boolean {
  for (let at = from; at < to; ) {
    const lineEnd = text.indexOf('\n', at);
    const next = lineEnd < 0 || lineEnd >= to ? to : lineEnd + 1;
    let first = at;
    while (first < next && at > from && (text[first] === ' ' || text[first] === '\t')) first++;
    let last = next;
    while (last > first && (text[last - 1] === '\n' || text[last - 1] === '\r')) last--;
    if (first < last) ranges.push(first, last);
    at = next;
  }
  return to === text.length;
}
