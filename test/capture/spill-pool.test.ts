import { setTimeout as delay } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BlockBacklog } from '../../src/capture/block-backlog.ts';
import { LARGEST_BLOCK_BYTES } from '../../src/capture/ring-layout.ts';
import { SpillPool } from '../../src/capture/spill-pool.ts';
import { residentMib } from '../lab/resident.ts';
import { waitFor } from '../lab/wait.ts';

const MIB = 1024 * 1024;
const PLACES = (192 * MIB) / LARGEST_BLOCK_BYTES;
const READY_MIB = 32;

const test = suite('capture/block-pool');

/** A block of so many bytes, all of one value. */
const block = (value: number, lengthBytes = 1000) => new Uint8Array(lengthBytes).fill(value);

/** The value of a backlog's oldest block, which is then let go. */
function takeOldest(pool: SpillPool, backlog: BlockBacklog): number {
  const value = pool.bytes[backlog.oldest + 999] ?? -1;
  backlog.shift();
  return value;
}

test('places do not overlap, are used again in the cache’s favour, and come to an end', () => {
  const pool = new SpillPool();
  const places = Array.from({ length: PLACES }, () => pool.take());
  assert.is(new Set(places).size, PLACES);
  assert.ok(places.every((place) => place % LARGEST_BLOCK_BYTES === 0 && place < pool.bytes.length));
  assert.is(pool.take(), -1);
  for (const i of [7, 3]) pool.giveBack(places[i] ?? -1);
  assert.equal([pool.take(), pool.take(), pool.take()], [places[3], places[7], -1]);
});

test('a part beyond what is used is resident, and the rest only until some time after it was used', async () => {
  const pool = new SpillPool(1);
  const resident = (mib: number) => waitFor(`${mib} MiB`, () => residentMib(pool.bytes.buffer) === mib);
  assert.is(residentMib(pool.bytes.buffer), 0);
  pool.prefault();
  await resident(READY_MIB);
  const places = Array.from({ length: 100 }, () => pool.take());
  await resident(50 + READY_MIB);
  for (const place of places.slice(1)) pool.giveBack(place);
  await delay(10);
  assert.is(residentMib(pool.bytes.buffer), 50 + READY_MIB, 'one is still in use');
  pool.giveBack(places[0] ?? -1);
  await resident(READY_MIB);
  assert.is(new Set(Array.from({ length: PLACES }, () => pool.take())).size, PLACES, 'all of it can be used again');
  await resident(PLACES / 2);
});

test('what was taken again in the meantime is not given back', async () => {
  const pool = new SpillPool(20);
  pool.giveBack(pool.take());
  const place = pool.take();
  pool.bytes.fill(7, place, place + LARGEST_BLOCK_BYTES);
  await delay(60);
  assert.is(pool.bytes[place + LARGEST_BLOCK_BYTES - 1], 7);
  assert.not.equal(pool.take(), place);
});

test('backlogs that share a pool keep their order and their blocks, within their own room and the pool’s', () => {
  const pool = new SpillPool();
  const [one, two] = [new BlockBacklog(pool, 4), new BlockBacklog(pool, PLACES)];
  for (let value = 0; value < 6; value++) {
    assert.is(one.add(block(value)), value < 4);
    assert.ok(two.add(block(100 + value)));
  }
  assert.equal([takeOldest(pool, one), takeOldest(pool, two)], [0, 100]);
  assert.ok(one.add(block(9)));
  assert.not(one.add(block(10)));
  assert.equal(
    Array.from({ length: 4 }, () => takeOldest(pool, one)),
    [1, 2, 3, 9],
  );
  assert.ok(one.isEmpty);
  let added = 0;
  while (two.add(block(5))) added++;
  assert.is(added, PLACES - 5, 'all that the others leave');
  assert.not(one.add(block(11)), 'the pool is full');
  assert.is(takeOldest(pool, two), 101);
  assert.ok(one.add(block(12)));
  two.clear();
  assert.ok(two.isEmpty);
  assert.is(takeOldest(pool, one), 12);
});

test('how much of the room is taken: what others of the pool take is no room', () => {
  const pool = new SpillPool();
  const [one, two] = [new BlockBacklog(pool, 8), new BlockBacklog(pool, PLACES)];
  assert.is(one.level, 0);
  for (let value = 1; value <= 2; value++) one.add(block(value));
  assert.is(one.level, 2 / 8);
  while (pool.freePlaces > 2) two.add(block(3));
  assert.is(one.level, 2 / 4);
  assert.is(two.level, (PLACES - 4) / (PLACES - 2));
  two.clear();
  assert.is(one.level, 2 / 8);
  assert.is(two.level, 0);
});

test.run();
