import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { BUCKET_BOUNDS_US, LatencyBuckets } from '../../src/model/latency-buckets.ts';

test('a latency counts in the first bucket whose bound it does not pass', () => {
  const buckets = new LatencyBuckets();
  for (const latencyUs of [1, 100, 101, 10_000_000, 10_000_001]) buckets.add(latencyUs);
  assert.is(buckets.counts.length, BUCKET_BOUNDS_US.length + 1);
  assert.is(buckets.counts[0], 2);
  assert.is(buckets.counts[1], 1);
  assert.is(buckets.counts.at(-2), 1);
  assert.is(buckets.counts.at(-1), 1);
  assert.is(buckets.sumUs, 20_000_203);
});

test.run();
