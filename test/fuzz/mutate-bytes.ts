import type { Random } from '../tools/random.ts';

const TELLING_BYTES = [0, 1, 0x7f, 0x80, 0xff, 0x0a, 0x0d, 0x20];
const TELLING_WORDS = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x0004_0000, 0x1000_0000, 0x0a0d_0d0a, 0xa1b2_c3d4];

/** Spoils a copy of `bytes` in one to six places; `others` are what pieces may be taken from. */
export function mutate(random: Random, bytes: Buffer, others: readonly Buffer[]): Buffer {
  let spoilt: Buffer = Buffer.from(bytes);
  for (let n = random.between(1, 6); n > 0 && spoilt.length > 0; n--) spoilt = mutateOnce(random, spoilt, others);
  return spoilt;
}

function mutateOnce(random: Random, bytes: Buffer, others: readonly Buffer[]): Buffer {
  // headers of the file as often as the rest of it
  const at = random.chance(0.3)
    ? random.between(0, Math.min(63, bytes.length - 1))
    : random.between(0, bytes.length - 1);
  // moving bytes spoils the framing of all that follows: less often than changing them
  switch (random.chance(0.8) ? random.between(0, 4) : random.between(5, 8)) {
    case 0:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.between(0, 7));
      return bytes;
    case 1:
      bytes[at] = random.pick(TELLING_BYTES);
      return bytes;
    case 2:
      for (let i = at; i < bytes.length && random.chance(0.8); i++) bytes[i] = random.between(0, 255);
      return bytes;
    case 3:
      if (at + 4 <= bytes.length) bytes.writeUInt32LE(random.pick(TELLING_WORDS), at);
      return bytes;
    case 4:
      if (at + 4 <= bytes.length) bytes.writeUInt32BE(random.pick(TELLING_WORDS), at);
      return bytes;
    case 5:
      return bytes.subarray(0, at);
    case 6: {
      const gap = random.between(1, 64);
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + gap)]);
    }
    case 7: {
      const piece = bytes.subarray(at, at + random.between(1, 300));
      return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
    }
    default: {
      const other = random.pick(others);
      const from = random.between(0, Math.max(0, other.length - 1));
      const piece = other.subarray(from, from + random.between(1, 600));
      return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
    }
  }
}
