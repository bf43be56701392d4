import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { BEAT_MS, msToBeat } from '../../src/model/beat.ts';

test('a beat is a whole multiple of the period, and at least half a period away', () => {
  for (const nowMs of [0, 0.4, 5, 9.9, 10, 10.1, 19.9, 20, 123_456.7]) {
    for (const periodMs of [BEAT_MS, 40]) {
      const waitMs = msToBeat(nowMs, periodMs);
      const restMs = (nowMs + waitMs) % periodMs;
      assert.ok(Math.min(restMs, periodMs - restMs) < 1e-6, `${nowMs} + ${waitMs}`);
      assert.ok(waitMs >= periodMs / 2 && waitMs <= 1.5 * periodMs, `${nowMs} + ${waitMs}`);
    }
  }
});

test.run();
