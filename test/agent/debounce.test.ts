import { mock } from 'node:test';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Debounce } from '../../src/agent/debounce.ts';

test('asked for often, done once, so long after the first; not once it is closed', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    let times = 0;
    const debounce = new Debounce(() => times++, 100);
    debounce.ask();
    mock.timers.tick(99);
    debounce.ask();
    assert.is(times, 0);
    mock.timers.tick(1);
    assert.is(times, 1);
    mock.timers.tick(1_000);
    assert.is(times, 1);
    debounce.ask();
    debounce.close();
    debounce.ask();
    mock.timers.tick(1_000);
    assert.is(times, 1);
  } finally {
    mock.timers.reset();
  }
});

test.run();
