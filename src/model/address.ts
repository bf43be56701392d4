/** `10.0.0.7` for an address in one word, network order, unsigned or signed. */
export function formatIpv4(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 0xff}.${(word >>> 8) & 0xff}.${word & 0xff}`;
}

/**
 * The canonical text of an IPv6 address (RFC 5952): lower case, no leading zeros, the longest run of at least two zero
 * groups as `::`, the first of equals. IPv4-mapped addresses keep their last 32 bits dotted (RFC 5952 §5).
 */
export function formatIpv6(word0: number, word1: number, word2: number, word3: number): string {
  if (word0 === 0 && word1 === 0 && word2 >>> 0 === 0xffff) return `::ffff:${formatIpv4(word3)}`;
  const words = [word0, word1, word2, word3];
  const group = (i: number) => (i % 2 === 0 ? words[i >> 1] >>> 16 : words[i >> 1] & 0xffff);
  let longestStart = 8;
  let longestLength = 1; // a single zero group is never shortened
  for (let i = 0; i < 8; ) {
    let end = i;
    while (end < 8 && group(end) === 0) end++;
    if (end - i > longestLength) {
      longestStart = i;
      longestLength = end - i;
    }
    i = end + 1;
  }
  let text = '';
  for (let i = 0; i < 8; ) {
    if (i === longestStart) {
      text += '::';
      i += longestLength;
    } else {
      text += (text === '' || text.endsWith(':') ? '' : ':') + group(i).toString(16);
      i++;
    }
  }
  return text;
}
