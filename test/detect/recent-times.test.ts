import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RecentTimes } from '../../src/detect/recent-times.ts';

test('times go when they are past the window, or too many', () => {
  const times = new RecentTimes();
  for (const time of [0, 10, 20]) times.add(time, 100, 5);
  assert.is(times.size, 3);
  times.add(100, 100, 5);
  assert.is(times.size, 3, 'the first is a whole window old');
  for (const time of [101, 102, 103, 104]) times.add(time, 100, 5);
  assert.is(times.size, 5);
});

test('they move with the clock', () => {
  const times = new RecentTimes();
  times.add(1_000, 100, 5);
  times.shiftTimes(-500);
  times.add(550, 100, 5);
  assert.is(times.size, 2);
  times.add(620, 100, 5);
  assert.is(times.size, 2);
});

test.run();
