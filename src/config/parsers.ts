import { isIP } from 'node:net';

/** What a key allows, and how its text becomes a value. `parse` answers undefined for a text that cannot be used. */
export interface ValueType<T> {
  /** For people: completes "allowed is …". */
  readonly allowed: string;
  /** True when an empty text is a value of its own; otherwise it counts as if the key were missing. */
  readonly emptyIsValue: boolean;
  parse(text: string): T | undefined;
  /** The value as it would stand in the file. */
  format(value: T): string;
}

const MAX_TEXT_BYTES = 1024;

/** A whole number in decimal. */
export function integer(min: number, max: number): ValueType<number> {
  return {
    allowed: `a whole number from ${min} to ${max}`,
    emptyIsValue: false,
    parse: (text) => {
      if (!/^[0-9]{1,15}$/.test(text)) return undefined;
      const value = Number(text);
      return value >= min && value <= max ? value : undefined;
    },
    format: String,
  };
}

/** A whole number, or `word` for one special value. */
export function integerOr<T extends number | string | null>(
  word: string,
  wordValue: T,
  min: number,
  max: number,
): ValueType<number | T> {
  const number = integer(min, max);
  return {
    allowed: `${number.allowed}, or ${word}`,
    emptyIsValue: false,
    parse: (text) => (text.toLowerCase() === word ? wordValue : number.parse(text)),
    format: (value) => (value === wordValue ? word : value === null ? '' : String(value)),
  };
}

/** `Y` or `N`, in either case. */
export const yesOrNo: ValueType<boolean> = {
  allowed: 'Y or N',
  emptyIsValue: false,
  parse: (text) => ({ Y: true, N: false })[text.toUpperCase()],
  format: (value) => (value ? 'Y' : 'N'),
};

/** One of a few words, in either case. */
export function oneOf<const T extends string>(...words: readonly T[]): ValueType<T> {
  return {
    allowed: `${words.slice(0, -1).join(', ')} or ${words[words.length - 1]}`,
    emptyIsValue: false,
    parse: (text) => words.find((word) => word === text.toLowerCase()),
    format: (value) => value,
  };
}

/** Text on one line. */
export const text: ValueType<string> = {
  allowed: `up to ${MAX_TEXT_BYTES} bytes of text without control characters`,
  emptyIsValue: true,
  parse: (value) => (/\p{Cc}/u.test(value) || Buffer.byteLength(value) > MAX_TEXT_BYTES ? undefined : value),
  format: (value) => value,
};

/** Text that must not be empty. */
export const nonEmptyText: ValueType<string> = { ...text, emptyIsValue: false };

/** Words between commas, each of them accepted by `accepts`; spaces around them do not count. */
function listOf(allowed: string, accepts: (word: string) => boolean): ValueType<readonly string[]> {
  return {
    allowed,
    emptyIsValue: true,
    parse: (value) => {
      const words = value
        .split(',')
        .map((word) => word.trim())
        .filter((word) => word !== '');
      return words.every(accepts) ? words : undefined;
    },
    format: (value) => value.join(','),
  };
}

/** IPv4 and IPv6 addresses; a pod may have one of each. */
export const addresses = listOf('IPv4 or IPv6 addresses, separated by commas', (word) => isIP(word) !== 0);

/** Names of header fields (RFC 9110 §5.6.2). */
export const headerNames = listOf('names of HTTP headers, separated by commas', (word) =>
  /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(word),
);
