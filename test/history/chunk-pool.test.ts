import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CHUNK_BYTES, ChunkPool, NO_CHUNK } from '../../src/history/chunk-pool.ts';

test('chunks are linked into chains, given back whole, and used again before new ones', () => {
  const pool = new ChunkPool(3 * CHUNK_BYTES);
  assert.is(pool.slabBytes, 0, 'no memory before the first chunk');
  assert.ok(pool.hasRoom(3));
  assert.not.ok(pool.hasRoom(4));
  const [a, b] = [pool.take(), pool.take()];
  pool.link(a, b);
  assert.is(pool.next(a), b);
  assert.is(pool.next(b), NO_CHUNK);
  assert.is(pool.takenChunks, 2);
  assert.is(pool.releaseChain(a), 2);
  assert.is(pool.takenChunks, 0);
  assert.ok([a, b].includes(pool.take()));
});

test('chunks lie apart in their slab', () => {
  const pool = new ChunkPool(2 * CHUNK_BYTES);
  assert.ok(pool.hasRoom(2));
  const [a, b] = [pool.take(), pool.take()];
  pool.slab(a).fill(1, pool.offset(a), pool.offset(a) + CHUNK_BYTES);
  pool.slab(b).fill(2, pool.offset(b), pool.offset(b) + CHUNK_BYTES);
  assert.is(pool.view(a).getUint8(pool.offset(a) + CHUNK_BYTES - 1), 1);
  assert.is(pool.view(b).getUint8(pool.offset(b)), 2);
  assert.is(pool.slabBytes, 2 * CHUNK_BYTES);
});

test.run();
