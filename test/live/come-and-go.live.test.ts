import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { comeAndGo } from '../lab/come-and-go.ts';
import { Lab } from '../lab/lab.ts';

const MEBIBYTE = 1 << 20;

test('pods that come and go leave nothing behind in the agent', async () => {
  await Lab.use(async (lab) => {
    const { before, after } = await comeAndGo(lab, 40, 8, 8);
    assert.is(after.descriptors, before.descriptors);
    assert.is(after.threads, before.threads);
    assert.equal(after.resources, before.resources);
    const grown = (key: 'heapBytes' | 'residentBytes') => (after[key] - before[key]) / MEBIBYTE;
    assert.ok(grown('heapBytes') < 2, `${grown('heapBytes')} MiB of heap`);
    assert.ok(grown('residentBytes') < 40, `${grown('residentBytes')} MiB of memory, a session's ring has 16`);
  });
});

test.run();
