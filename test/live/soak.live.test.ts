import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { soak } from '../stress/soak.ts';

const SECONDS = 120;
const MOST_MIB = 40;

test(`${SECONDS} s of mixed traffic, reloads, and pods that come and go: nothing grows`, async () => {
  const { pods, reloads, events, residentMib, heapMib, descriptors, timers, threads } = await soak(SECONDS);
  assert.ok(pods >= 12 && reloads >= 12 && events > 100, `${pods} pods, ${reloads} reloads, ${events} events`);
  for (const [first, last] of [residentMib, heapMib]) {
    assert.ok(last - first < MOST_MIB, `from ${first} to ${last} MiB`);
  }
  // a file that is being written, a timer that waits: some, whenever one looks
  for (const [first, last] of [descriptors, timers, threads]) assert.ok(last <= first + 6, `from ${first} to ${last}`);
});

test.run();
