import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Pause } from '../../src/agent/pause.ts';

test('a wait is cut short, also before it begins, and each cut ends one wait', async () => {
  const pause = new Pause();
  assert.is(await pause.wait(0), false);
  pause.cut();
  assert.is(await pause.wait(Number.POSITIVE_INFINITY), true);
  const waiting = pause.wait(Number.POSITIVE_INFINITY);
  pause.cut();
  assert.is(await waiting, true);
  assert.is(await pause.wait(0), false, 'no cut is left');
});

test.run();
