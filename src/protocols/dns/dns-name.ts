const DOT = 0x2e;
const BACKSLASH = 0x5c;

/**
 * The text of a name in wire format, `bytes[start..end)` without the zero that ends it (RFC 1035 §5.1): what is not
 * printable ASCII is written `\DDD`, a dot inside a label `\.`; the root is `.`.
 */
export function dnsNameText(bytes: Uint8Array, start: number, end: number): string {
  if (start >= end) return '.';
  let text = '';
  for (let at = start; at < end; ) {
    const labelEnd = Math.min(end, at + 1 + bytes[at]);
    if (at > start) text += '.';
    for (let i = at + 1; i < labelEnd; i++) text += characterText(bytes[i]);
    at = labelEnd;
  }
  return text;
}

function characterText(byte: number): string {
  if (byte === DOT || byte === BACKSLASH) return `\\${String.fromCharCode(byte)}`;
  if (byte > 0x20 && byte < 0x7f) return String.fromCharCode(byte);
  return `\\${String(byte).padStart(3, '0')}`;
}

/** Bytes of the labels that two names in wire format, in the same case, have in common at their beginning. */
export function commonLabels(
  one: Uint8Array,
  oneStart: number,
  oneBytes: number,
  other: Uint8Array,
  otherBytes: number,
): number {
  const least = oneBytes < otherBytes ? oneBytes : otherBytes;
  let at = 0;
  while (at < least) {
    const next = at + 1 + other[at];
    if (next > least) return at;
    for (let i = at; i < next; i++) if (one[oneStart + i] !== other[i]) return at;
    at = next;
  }
  return at;
}

/**
 * Whether a search list (resolv.conf(5)) may have made both of two names out of the name that is their first `common`
 * bytes: one is that name itself, or the suffix of one is the end of the other's, as `svc.cluster.local` is of
 * `shop.svc.cluster.local`.
 */
export function mayBeCandidates(
  one: Uint8Array,
  oneStart: number,
  oneBytes: number,
  other: Uint8Array,
  otherBytes: number,
  common: number,
): boolean {
  if (common === 0) return false;
  const oneRest = oneBytes - common;
  const otherRest = otherBytes - common;
  if (oneRest === 0 || otherRest === 0) return true;
  return oneRest > otherRest
    ? endsWith(one, oneStart + common, oneStart + oneBytes, other, common, otherBytes)
    : endsWith(other, common, otherBytes, one, oneStart + common, oneStart + oneBytes);
}

/** Whether labels `long[from..to)` end with the labels `short[first..last)`. */
function endsWith(long: Uint8Array, from: number, to: number, short: Uint8Array, first: number, last: number): boolean {
  let at = from;
  while (to - at > last - first) at += 1 + long[at];
  if (to - at !== last - first) return false;
  for (let i = 0; i < last - first; i++) if (long[at + i] !== short[first + i]) return false;
  return true;
}
