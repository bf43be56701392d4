import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { InOrderStream, MAX_HELD_SEGMENTS } from '../../../src/protocols/stream/in-order-stream.ts';
import { StreamBudget } from '../../../src/protocols/stream/stream-budget.ts';
import { seededBelow } from '../../tools/random.ts';

const test = suite('InOrderStream');

/** `[sequence, text]`, `[sequence, text, bytes on the wire]`, or an acknowledgment. */
type Step = readonly [number, string] | readonly [number, string, number] | { readonly ack: number };

function run(steps: readonly Step[], begin: number | null = 100, budget = new StreamBudget(1 << 20)) {
  let log = '';
  const stream = new InOrderStream(
    {
      data: (bytes, start, end) => {
        log += Buffer.from(bytes.subarray(start, end)).toString('latin1');
      },
      gap: (length) => {
        log += `<${length}>`;
      },
    },
    budget,
  );
  if (begin !== null) stream.begin(begin);
  const memory = new Uint8Array(4096); // one memory for all, as a ring would
  for (const step of steps) {
    if ('ack' in step) {
      stream.acknowledged(step.ack);
      continue;
    }
    const captured = Buffer.from(step[1], 'latin1');
    memory.fill(0x23);
    memory.set(captured, 7);
    stream.segment(step[0] | 0, memory, 7, captured.length, step[2] ?? captured.length, 1);
  }
  return { log, stream, budget };
}

const wrap = 0x7ffffffe;
const cases: { name: string; steps: Step[]; want: string; begin?: number | null }[] = [
  {
    name: 'in order',
    steps: [
      [100, 'abc'],
      [103, 'def'],
    ],
    want: 'abcdef',
  },
  {
    name: 'an empty segment is nothing',
    steps: [
      [100, ''],
      [100, 'a'],
    ],
    want: 'a',
  },
  {
    name: 'a retransmission',
    steps: [
      [100, 'abc'],
      [100, 'abc'],
      [103, 'd'],
    ],
    want: 'abcd',
  },
  {
    name: 'a retransmission with other bytes: the first win',
    steps: [
      [100, 'abc'],
      [100, 'XYZdef'],
    ],
    want: 'abcdef',
  },
  {
    name: 'a keep-alive byte before the expected one',
    steps: [
      [100, 'abc'],
      [102, 'c'],
      [103, 'd'],
    ],
    want: 'abcd',
  },
  {
    name: 'two swapped',
    steps: [
      [103, 'def'],
      [100, 'abc'],
      [106, 'g'],
    ],
    want: 'abcdefg',
  },
  {
    name: 'three in reverse',
    steps: [
      [104, 'ef'],
      [102, 'cd'],
      [100, 'ab'],
    ],
    want: 'abcdef',
  },
  {
    name: 'overlap of early ones: the first win',
    steps: [
      [104, 'EFG'],
      [102, 'cdefghi'],
      [100, 'ab'],
    ],
    want: 'abcdEFGhi',
  },
  {
    name: 'one that covers two early ones',
    steps: [
      [102, 'C'],
      [105, 'F'],
      [100, 'abcdefgh'],
    ],
    want: 'abCdeFgh',
  },
  {
    name: 'an early one twice',
    steps: [
      [102, 'c'],
      [102, 'X'],
      [100, 'ab'],
    ],
    want: 'abc',
  },
  {
    name: 'an early one within another',
    steps: [
      [102, 'cdef'],
      [103, 'XX'],
      [100, 'ab'],
    ],
    want: 'abcdef',
  },
  { name: 'a hole that was acknowledged before', steps: [[100, 'a'], { ack: 110 }, [105, 'f']], want: 'a<4>f' },
  {
    name: 'a hole that is acknowledged later',
    steps: [[100, 'a'], [105, 'f'], { ack: 106 }, [106, 'g']],
    want: 'a<4>fg',
  },
  { name: 'an acknowledgment within the hole gives up nothing', steps: [[105, 'f'], { ack: 103 }], want: '' },
  { name: 'an old acknowledgment', steps: [{ ack: 90 }, [102, 'c'], [100, 'ab']], want: 'abc' },
  { name: 'two holes, the first acknowledged', steps: [[102, 'c'], [105, 'f'], { ack: 103 }], want: '<2>c' },
  {
    name: 'a cut segment',
    steps: [
      [100, 'ab', 5],
      [105, 'f'],
    ],
    want: 'ab<3>f',
  },
  {
    name: 'a segment without a captured byte',
    steps: [
      [100, '', 5],
      [105, 'f'],
    ],
    want: '<5>f',
  },
  {
    name: 'a cut segment that waits',
    steps: [
      [102, 'c', 3],
      [105, 'f'],
      [100, 'ab'],
    ],
    want: 'abc<2>f',
  },
  {
    name: 'a segment of nothing captured that waits',
    steps: [
      [102, '', 3],
      [100, 'ab'],
      [105, 'f'],
    ],
    want: 'ab<3>f',
  },
  {
    name: 'a cut overlap',
    steps: [
      [100, 'abcd'],
      [102, '', 4],
    ],
    want: 'abcd<2>',
  },
  {
    name: 'midstream starts at the first segment',
    steps: [
      [7000, 'x'],
      [7001, 'y'],
      [6999, 'w'],
    ],
    want: 'xy',
    begin: null,
  },
  {
    name: 'the sequence wraps',
    steps: [
      [wrap, 'abcd'],
      [wrap + 4, 'ef'],
    ],
    want: 'abcdef',
    begin: wrap,
  },
  {
    name: 'the sequence wraps in disorder',
    steps: [
      [wrap + 2, 'cd'],
      [wrap, 'ab'],
    ],
    want: 'abcd',
    begin: wrap,
  },
  {
    name: 'a segment from elsewhere',
    steps: [
      [100 + 2 ** 30, 'x'],
      [100, 'a'],
    ],
    want: 'a',
  },
];
for (const { name, steps, want, begin } of cases) {
  test(name, () => {
    const { log, budget, stream } = run(steps, begin === undefined ? 100 : begin);
    assert.is(log, want);
    assert.is(stream.heldBytes, budget.usedBytes);
  });
}

test('too many waiting segments: the first hole is given up', () => {
  const steps: Step[] = [];
  for (let i = 0; i <= MAX_HELD_SEGMENTS; i++) steps.push([102 + 2 * i, 'x']);
  const { log, stream } = run(steps);
  assert.is(log, '<2>x');
  assert.is(stream.heldBytes, MAX_HELD_SEGMENTS);
});

test('without memory what waits before goes out in order, with gaps', () => {
  const { log, budget } = run(
    [[102, 'cd'], [110, 'kl'], [106, 'gh'], [112, 'm'], { ack: 113 }],
    100,
    new StreamBudget(4),
  );
  assert.is(log, '<2>cd<2>gh<2>klm');
  assert.is(budget.usedBytes, 0);
  assert.is(budget.refusals, 1);
});

test('without memory a segment around an early one still comes whole', () => {
  const { log, budget } = run(
    [
      [102, 'C'],
      [100, 'abcdefgh'],
      [108, 'i'],
    ],
    100,
    new StreamBudget(1),
  );
  assert.is(log, 'abCdefghi');
  assert.is(budget.usedBytes, 0);
});

test('release gives the memory back, also in the middle of a delivery', () => {
  const budget = new StreamBudget(100);
  let log = '';
  const stream: InOrderStream = new InOrderStream(
    {
      data: (bytes, start, end) => {
        log += Buffer.from(bytes.subarray(start, end)).toString('latin1');
        stream.release();
      },
      gap: () => undefined,
    },
    budget,
  );
  stream.begin(0);
  for (const [sequence, text] of [
    [2, 'c'],
    [4, 'e'],
    [3, 'd'],
    [0, 'ab'],
  ] as const) {
    const bytes = Buffer.from(text);
    stream.segment(sequence, bytes, 0, bytes.length, bytes.length, 1);
  }
  assert.is(log, 'ab');
  assert.is(budget.usedBytes, 0);
});

test('any order, any cut, any overlap: the same bytes (seeded)', () => {
  const random = seededBelow(12_345);
  const text = Array.from({ length: 200 }, (_, i) => String.fromCharCode(33 + (i % 90))).join('');
  for (let round = 0; round < 3000; round++) {
    const begin = (random(2 ** 16) * 65536 - 50) | 0;
    const steps: Step[] = [];
    for (let at = 0; at < text.length; ) {
      const length = 1 + random(20);
      steps.push([begin + at, text.slice(at, at + length)]);
      if (random(4) === 0) {
        const again = random(text.length);
        steps.push([begin + again, text.slice(again, again + 1 + random(30))]);
      }
      at += length;
    }
    for (let i = steps.length - 1; i > 0; i--) {
      const j = Math.max(0, i - random(8));
      [steps[i], steps[j]] = [steps[j] as Step, steps[i] as Step];
    }
    const { log, budget } = run(steps, begin);
    assert.is(log, text);
    assert.is(budget.usedBytes, 0);
  }
});

test.run();
