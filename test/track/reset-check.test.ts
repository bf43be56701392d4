import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Packet, TcpFlag } from '../../src/model/packet.ts';
import { ACKED, NEXT_SEQUENCE, SEEN, SIDE_WORDS, STATE, WINDOW, WORDS_PER_RECORD } from '../../src/track/record.ts';
import { judgeReset, ResetVerdict } from '../../src/track/reset-check.ts';

const test = suite('RSTs and the windows of their receivers');

const NAMES = Object.keys(ResetVerdict) as (keyof typeof ResetVerdict)[];
const SENT = 1_000;
const WINDOW_BYTES = 10_000;

interface Known {
  /** Sides whose numbers are known: bit 0 the sender of the RST, bit 1 its receiver. */
  readonly seen?: number;
  readonly acknowledgment?: number;
  readonly flags?: number;
}

/** The verdict about a RST `ahead` bytes past what its sender has sent; 100 bytes of that are not acknowledged. */
function verdict(ahead: number, { seen = 3, acknowledgment = 0, flags = TcpFlag.rst }: Known = {}): string {
  const found = new Set<string>();
  for (const base of [0, 0xffff_fc00, 0x7fff_fd00]) {
    const words = new Int32Array(2 * WORDS_PER_RECORD);
    const word = WORDS_PER_RECORD;
    words[word + STATE] = SEEN * seen;
    words[word + NEXT_SEQUENCE] = base + SENT;
    words[word + SIDE_WORDS + ACKED] = base + SENT - 100;
    words[word + SIDE_WORDS + WINDOW] = WINDOW_BYTES;
    words[word + SIDE_WORDS + NEXT_SEQUENCE] = 5_000;
    const packet = Object.assign(new Packet(), { sequence: (base + SENT + ahead) | 0, acknowledgment, flags });
    found.add(NAMES[judgeReset(words, word, 0, packet)] ?? '');
  }
  return [...found].join(' or ');
}

for (const [ahead, want] of [
  [0, 'accepted'],
  [-100, 'accepted'],
  [-101, 'ignored'],
  [1, 'challenged'],
  [WINDOW_BYTES - 100, 'challenged'],
  [2 ** 30, 'ignored'],
  [-(2 ** 30), 'ignored'],
] as const) {
  test(`both sides seen, ${ahead} bytes past what was sent: ${want}`, () => assert.is(verdict(ahead), want));
}

test('the receiver was not seen: only the very next number ends it', () => {
  assert.is(verdict(0, { seen: 1 }), 'accepted');
  assert.is(verdict(-1, { seen: 1 }), 'challenged');
  assert.is(verdict(1, { seen: 1 }), 'challenged');
  assert.is(verdict(-(2 ** 31), { seen: 1 }), 'ignored');
});

test('the sender was not seen: what the receiver expects ends it', () => {
  assert.is(verdict(-100, { seen: 2 }), 'accepted');
  assert.is(verdict(-99, { seen: 2 }), 'challenged');
  assert.is(verdict(-101, { seen: 2 }), 'ignored');
});

test('nobody was seen: what the RST acknowledges tells', () => {
  const flags = TcpFlag.rst | TcpFlag.ack;
  assert.is(verdict(7, { seen: 0, acknowledgment: 5_000, flags }), 'accepted');
  assert.is(verdict(7, { seen: 0, acknowledgment: 4_999, flags }), 'accepted');
  assert.is(verdict(7, { seen: 0, acknowledgment: 4_998, flags }), 'challenged');
  assert.is(verdict(7, { seen: 0, acknowledgment: 5_000 }), 'challenged');
});

test.run();
