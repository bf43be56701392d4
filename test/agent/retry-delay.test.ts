import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RetryDelay } from '../../src/agent/retry-delay.ts';

test('a wait is cut short, also before it begins, and each cut ends one wait', async () => {
  const delay = new RetryDelay();
  assert.is(await delay.wait(0), false);
  delay.cut();
  assert.is(await delay.wait(Number.POSITIVE_INFINITY), true);
  const waiting = delay.wait(Number.POSITIVE_INFINITY);
  delay.cut();
  assert.is(await waiting, true);
  assert.is(await delay.wait(0), false, 'no cut is left');
});

test.run();
