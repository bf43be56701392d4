import { mock } from 'node:test';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Delayed } from '../../src/agent/delayed.ts';

test('asked for often, done once, so long after the first; not once it is closed', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    let times = 0;
    const delayed = new Delayed(() => times++, 100);
    delayed.ask();
    mock.timers.tick(99);
    delayed.ask();
    assert.is(times, 0);
    mock.timers.tick(1);
    assert.is(times, 1);
    mock.timers.tick(1_000);
    assert.is(times, 1);
    delayed.ask();
    delayed.close();
    delayed.ask();
    mock.timers.tick(1_000);
    assert.is(times, 1);
  } finally {
    mock.timers.reset();
  }
});

test.run();
