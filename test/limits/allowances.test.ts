import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Allowances } from '../../src/limits/allowances.ts';

const SECOND_US = 1_000_000;

test('each key has its own', () => {
  const allowances = new Allowances({ burst: 1, perSecond: 2 });
  allowances.take('a', 0);
  assert.not(allowances.has('a', 0));
  assert.ok(allowances.has('a', SECOND_US / 2));
  assert.ok(allowances.has('b', 0));
});

test('keys that have all they may have are forgotten, so that few are remembered', () => {
  const allowances = new Allowances({ burst: 10, perSecond: 1 });
  for (let i = 0; i < 100_000; i++) allowances.take(`${i}`, i * 10_000); // a hundred a second, full again after a second
  assert.ok(allowances.size <= 103, `${allowances.size}`);
});

test('never more than 10,000, the oldest goes first', () => {
  const allowances = new Allowances({ burst: 1, perSecond: 0 });
  for (let i = 0; i < 15_000; i++) allowances.take(`${i}`, 0);
  assert.is(allowances.size, 10_000);
  assert.ok(allowances.has('4999', 0));
  assert.not.ok(allowances.has('5000', 0));
});

test.run();
