import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PrefaultedMemory } from '../../src/native/prefaulted-memory.ts';
import { residentMib } from '../lab/resident.ts';
import { waitFor } from '../lab/wait.ts';

const MIB = 1024 * 1024;

const test = suite('native/prepared-memory');

const becomes = (memory: PrefaultedMemory, mib: number) =>
  waitFor(`${mib} MiB resident`, () => residentMib(memory.buffer) === mib, {
    describe: () => `${residentMib(memory.buffer)} MiB`,
  });

test('as much again as is used is made resident, four MiB at most, and nothing behind the end', async () => {
  const memory = new PrefaultedMemory(17 * MIB);
  assert.is(residentMib(memory.buffer), 0);
  memory.reach(1.5 * MIB);
  await becomes(memory, 2); // the third and the fourth MiB: what is used was touched already, or will be
  memory.reach(9 * MIB);
  await becomes(memory, 6); // from the tenth to the fourteenth, behind the huge page that is in use
  memory.reach(16 * MIB);
  await becomes(memory, 7); // up to its end
  memory.reach(17 * MIB);
  memory.reach(3 * MIB);
  await becomes(memory, 7);
});

test('a little use makes nothing resident', async () => {
  const [little, more] = [new PrefaultedMemory(8 * MIB), new PrefaultedMemory(8 * MIB)];
  for (let bytes = 1; bytes <= MIB; bytes *= 2) little.reach(bytes);
  more.reach(MIB + 1);
  await becomes(more, 2); // asked for later, so that the other would have been made resident before
  assert.is(residentMib(little.buffer), 0);
});

test('what was written stays, and the rest is zero', async () => {
  const memory = new PrefaultedMemory(8 * MIB);
  const bytes = new Uint8Array(memory.buffer);
  bytes.fill(7, 0, 4 * MIB);
  memory.reach(4 * MIB);
  bytes[5 * MIB] = 9; // in a page that is being prefaulted
  await becomes(memory, 8);
  assert.ok(bytes.subarray(0, 4 * MIB).every((byte) => byte === 7));
  assert.is(bytes[5 * MIB], 9);
  assert.ok(bytes.subarray(5 * MIB + 1).every((byte) => byte === 0));
});

test.run();
