import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ClockSteps } from '../../src/session/clock-steps.ts';

test('a clock that is set is told once, by how much; slewing and the time that passes are not', () => {
  const now = { wall: 1_700_000_000_000, monotonic: 5_000 };
  const steps: number[] = [];
  const clockSteps = new ClockSteps((deltaUs) => steps.push(deltaUs), {
    wallMs: () => now.wall,
    monotonicMs: () => now.monotonic,
  });
  const pass = (wallMs: number, monotonicMs: number) => {
    now.wall += wallMs;
    now.monotonic += monotonicMs;
    clockSteps.look();
  };
  pass(1_000, 1_000);
  for (let i = 0; i < 10_000; i++) pass(100.05, 100);
  assert.equal(steps, []);
  pass(200_000, 0);
  pass(10, 10);
  pass(-3_600_000 + 20, 20);
  assert.equal(steps, [200_000_000, -3_600_000_000]);
});

test.run();
