import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { OpenSlots } from '../../src/track/open-slots.ts';
import { Random } from '../tools/random.ts';

const test = suite('track/open-slots');

const all = (open: OpenSlots) => {
  const slots: number[] = [];
  for (let slot = open.from(0); slot >= 0; slot = open.from(slot + 1)) slots.push(slot);
  return slots;
};

test('slots are found in their order, those at the edges of words too', () => {
  const open = new OpenSlots(100);
  assert.equal(all(open), []);
  for (const slot of [99, 0, 31, 32, 63, 64, 33]) open.add(slot);
  assert.equal(all(open), [0, 31, 32, 33, 63, 64, 99]);
  assert.is(open.from(64), 64);
  assert.is(open.from(65), 99);
  assert.is(open.from(100), -1);
  open.remove(99);
  open.remove(31);
  assert.equal(all(open), [0, 32, 33, 63, 64]);
  assert.is(open.from(65), -1);
});

test('as many as a set has, whatever comes and goes', () => {
  const random = new Random(7);
  const open = new OpenSlots(1000);
  const expected = new Set<number>();
  for (let n = 0; n < 5000; n++) {
    const slot = random.between(0, 999);
    if (expected.has(slot)) {
      expected.delete(slot);
      open.remove(slot);
    } else {
      expected.add(slot);
      open.add(slot);
    }
  }
  assert.equal(
    all(open),
    [...expected].sort((a, b) => a - b),
  );
});

test.run();
