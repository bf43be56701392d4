import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Tally } from '../../src/diagnosis/tally.ts';

test('so many texts are counted each, the rest together', () => {
  const tally = new Tally(2);
  for (const text of ['a', 'b', 'b', 'c', 'b', 'c']) tally.add(text);
  assert.equal(tally.entries(), [
    ['b', 3],
    ['a', 1],
  ]);
  assert.equal(tally.texts(), ['b', 'a']);
  assert.is(tally.others, 2);
  assert.is(tally.total, 6);
});

test('what another one counted is taken over, also what it had no room for', () => {
  const [one, other] = [new Tally(2), new Tally(1)];
  one.add('a', 5);
  other.add('b', 2);
  other.add('c', 3);
  one.addAll(other);
  assert.equal(one.entries(), [
    ['a', 5],
    ['b', 2],
  ]);
  assert.is(one.others, 3);
});

test.run();
