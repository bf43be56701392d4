import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LEAST_MEMORY_MB, memoryMbWithin, planMemory } from '../../src/config/memory-plan.ts';
import { MEBIBYTE } from '../../src/model/mebibyte.ts';

const test = suite('config/memory-plan');

test('code and heap leave something for sessions, however little there is, and the more the more there is', () => {
  let before = 0;
  for (let memoryMb = LEAST_MEMORY_MB; memoryMb < 100_000; memoryMb += 7) {
    const { limitBytes, heapMb, semiSpaceMb, programBytes } = planMemory(memoryMb);
    assert.is(limitBytes, memoryMb * MEBIBYTE);
    const sessionBytes = limitBytes - programBytes;
    assert.ok(sessionBytes >= 16 * MEBIBYTE, `${memoryMb} MiB leave ${sessionBytes} bytes`);
    assert.ok(sessionBytes > before - 32 * MEBIBYTE, `${memoryMb} MiB leave less than a little less memory does`);
    assert.ok(heapMb + 3 * semiSpaceMb < memoryMb * 0.7, `a heap of ${heapMb} of ${memoryMb}`);
    before = sessionBytes;
  }
});

test('what the kernel needs of a container is left out of MEMORY_MB', () => {
  assert.is(memoryMbWithin(null), 512);
  assert.is(memoryMbWithin(1024 * MEBIBYTE), 921);
  assert.is(memoryMbWithin(64 * MEBIBYTE), LEAST_MEMORY_MB);
});

test.run();
