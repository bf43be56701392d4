import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { TokenBucket } from '../../src/limits/token-bucket.ts';

const SECOND_US = 1_000_000;

test('a burst, and then what comes in the long run', () => {
  const bucket = new TokenBucket({ burst: 3, perSecond: 2 });
  const takeAt = (...seconds: number[]) => seconds.map((s) => bucket.tryTake(s * SECOND_US));
  assert.equal(takeAt(0, 0, 0, 0, 0.4, 0.5, 0.6), [true, true, true, false, false, true, false]);
  assert.equal(takeAt(100, 100, 100, 100), [true, true, true, false], 'never more than a burst');
});

test('a time before an earlier one adds nothing, and takes nothing back', () => {
  const bucket = new TokenBucket({ burst: 2, perSecond: 1 });
  assert.ok(bucket.tryTake(10 * SECOND_US));
  assert.ok(bucket.tryTake(5 * SECOND_US));
  assert.not(bucket.has(10 * SECOND_US));
  assert.ok(bucket.has(11 * SECOND_US));
  assert.not(bucket.isFull(11 * SECOND_US));
  assert.ok(bucket.isFull(12 * SECOND_US));
});

test('what was asked in vain is there when its time has come, and a clock set back finds what is left', () => {
  const bucket = new TokenBucket({ burst: 2, perSecond: 4 });
  const takeAt = (...seconds: number[]) => seconds.map((s) => bucket.tryTake(s * SECOND_US));
  assert.equal(takeAt(10, 10, 10, 10.2, 10.25, 10.3, 10.5), [true, true, false, false, true, false, true]);
  assert.equal(takeAt(10.6, 20, 5, 5), [false, true, true, false]);
});

test('where nothing comes in the long run the burst is all', () => {
  const bucket = new TokenBucket({ burst: 1, perSecond: 0 });
  assert.equal(
    [0, 1, 1e15].map((timeUs) => bucket.tryTake(timeUs)),
    [true, false, false],
  );
});

test.run();
