/** Longest rest of a value that is taken for one when its beginning was not captured. */
const MOST_REST_BYTES = 64 * 1024;
/** The first line of a request or of a response (RFC 9112 §3, §4): what a piece may well begin with. */
const START_LINE = /^(?:[!-~]+ [!-~]+ HTTP\/1\.[01]|HTTP\/1\.[01] \d{3}[^\n]*?)\r?$/;
/** What follows a header field: another one, or the empty line that ends the head (RFC 9112 §5). */
const AFTER_FIELD = /^(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+[ \t]*:|\r?\n)/;

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
    if (rest > 0) isOpen = addLines(ranges, text, 0, rest);
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

/** How much of a text that begins somewhere in a line may be the rest of a value; `certainly`: it is one. */
function restOfValue(text: string, certainly: boolean): number {
  const lineEnd = text.indexOf('\n');
  const end = lineEnd < 0 ? text.length : lineEnd;
  if (certainly) return Math.min(end, MOST_REST_BYTES);
  if (lineEnd < 0 || end > MOST_REST_BYTES || START_LINE.test(text.slice(0, end))) return 0;
  return AFTER_FIELD.test(text.slice(end + 1, end + 256)) ? end : 0;
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
