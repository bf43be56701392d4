import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { sequenceAdd, sequenceDiff } from '../../src/model/sequence.ts';

for (const { a, b, diff } of [
  { a: 5, b: 3, diff: 2 },
  { a: 3, b: 5, diff: -2 },
  { a: 0, b: 0xffffffff, diff: 1 },
  { a: 0xffffffff, b: 0, diff: -1 },
  { a: -1, b: 0xffffffff, diff: 0 },
  { a: 0x80000000, b: 0x7fffffff, diff: 1 },
  { a: 0x7fffffff, b: 0x80000000, diff: -1 },
  { a: 0x7fffffff, b: 0, diff: 0x7fffffff },
  { a: 10, b: 0xfffffff6, diff: 20 },
]) {
  test(`${a} is ${diff} past ${b}`, () => {
    assert.is(sequenceDiff(a, b), diff);
    assert.is(sequenceDiff(a | 0, b | 0), diff);
    assert.is(sequenceAdd(b, diff), a | 0);
    assert.is(sequenceAdd(b | 0, diff), a | 0);
  });
}

test.run();
