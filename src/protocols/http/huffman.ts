/**
 * Lengths in bits of the codes of the 256 byte values and of the end-of-string symbol (RFC 7541 Appendix B). The code
 * is canonical: shorter codes come first, among equals the lower symbol, so that the lengths are all there is to know.
 */
// biome-ignore format: sixteen values a line, as many as a hexadecimal digit tells apart
const CODE_LENGTHS = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
];

const END_OF_STRING = 256;
const SHORTEST_CODE_BITS = 5;
const NODES = END_OF_STRING; // inner nodes of a tree with 257 leaves
const EMITS = 1 << 16;
const FAILS = 1 << 17;

/** Most bytes that `length` coded bytes can become. */
export function maxDecodedBytes(length: number): number {
  return Math.floor((length * 8) / SHORTEST_CODE_BITS);
}

/** By node × 16 + four bits: the next node, the symbol that ended (a code has five bits at least), `EMITS`, `FAILS`. */
const STEPS = new Int32Array(NODES * 16);
/** Nodes at which a string may end: fewer than eight bits, all ones, lead there (RFC 7541 §5.2). */
const MAY_END = new Uint8Array(NODES);
buildSteps();

function buildSteps(): void {
  // A child is a node, or -1 - symbol.
  const children = new Int32Array(NODES * 2);
  const symbols = [...CODE_LENGTHS.keys()].sort((a, b) => CODE_LENGTHS[a] - CODE_LENGTHS[b] || a - b);
  let nodes = 1;
  let code = 0;
  let length = 0;
  for (const symbol of symbols) {
    code *= 2 ** (CODE_LENGTHS[symbol] - length);
    length = CODE_LENGTHS[symbol];
    let node = 0;
    for (let bit = length - 1; bit > 0; bit--) {
      const child = node * 2 + ((code >>> bit) & 1);
      if (children[child] === 0) children[child] = nodes++;
      node = children[child];
    }
    children[node * 2 + (code & 1)] = -1 - symbol;
    code++;
  }
  for (let node = 0; node < NODES; node++) {
    for (let bits = 0; bits < 16; bits++) STEPS[node * 16 + bits] = stepFrom(children, node, bits);
  }
  let node = 0;
  for (let bits = 0; bits < 8; bits++) {
    MAY_END[node] = 1;
    node = children[node * 2 + 1];
  }
}

function stepFrom(children: Int32Array, node: number, bits: number): number {
  let step = 0;
  for (let bit = 3; bit >= 0; bit--) {
    node = children[node * 2 + ((bits >>> bit) & 1)];
    if (node < 0) {
      const symbol = -1 - node;
      if (symbol === END_OF_STRING) return FAILS;
      step = EMITS | (symbol << 8);
      node = 0;
    }
  }
  return step | node;
}

/**
 * Decodes `bytes[start..end)` into `target` from `targetStart` on, which has `maxDecodedBytes` of room. Answers where
 * it stopped writing, or -1 when the bytes are no Huffman code.
 */
export function decodeHuffman(
  bytes: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  targetStart: number,
): number {
  let node = 0;
  let at = targetStart;
  for (let i = start; i < end; i++) {
    const byte = bytes[i];
    let step = STEPS[(node << 4) | (byte >>> 4)];
    if (step >= EMITS) {
      if (step >= FAILS) return -1;
      target[at++] = (step >>> 8) & 0xff;
    }
    step = STEPS[((step & 0xff) << 4) | (byte & 0x0f)];
    if (step >= EMITS) {
      if (step >= FAILS) return -1;
      target[at++] = (step >>> 8) & 0xff;
    }
    node = step & 0xff;
  }
  return MAY_END[node] === 1 ? at : -1;
}
