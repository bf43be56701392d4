import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { GuardedTimers } from '../../src/session/guarded-timers.ts';
import { waitFor } from '../lab/wait.ts';

const fail = () => assert.unreachable();

test('what is done every so often goes on though it fails, and ends when it is told to', async () => {
  const failures: unknown[] = [];
  const timers = new GuardedTimers((error) => failures.push(error));
  let times = 0;
  timers.every(5, () => {
    times++;
    throw new Error(`time ${times}`);
  });
  await waitFor('it three times', () => times >= 3);
  timers.close();
  assert.equal(
    failures.map((error) => (error as Error).message),
    Array.from({ length: times }, (_, i) => `time ${i + 1}`),
  );
});

test('timers of different owners with the same period come together', async () => {
  const [one, other] = [new GuardedTimers(fail), new GuardedTimers(fail)];
  const ms = 40;
  let inThisTurn = 0;
  let together = 0;
  const count = () => {
    if (++inThisTurn === 2) together++;
    setImmediate(() => {
      inThisTurn = 0;
    });
  };
  one.every(ms, count);
  await new Promise((resolve) => setTimeout(resolve, ms / 3));
  other.every(ms, count);
  await waitFor('both in one turn of the event loop, again and again', () => together >= 3);
  one.close();
  other.close();
});

test('after `clear` nothing is done any more, and nothing keeps the process', () => {
  const timers = new GuardedTimers(fail);
  const before = process.getActiveResourcesInfo().length;
  timers.every(1, fail);
  timers.in(1, fail);
  timers.close();
  assert.is(process.getActiveResourcesInfo().length, before);
});

test.run();
