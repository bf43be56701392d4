import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ReadBuffer } from '../../src/capture/read-buffer.ts';

/** Gives out `total` bytes, at most `atOnce` a reading: each its place in the sequence, modulo 251. */
function counting(total: number, atOnce: number) {
  let at = 0;
  return {
    isClosed: false,
    async read(target: Uint8Array, offset: number, length: number): Promise<number> {
      const count = Math.min(atOnce, length, total - at);
      for (let i = 0; i < count; i++) target[offset + i] = (at + i) % 251;
      at += count;
      return count;
    },
    close() {
      this.isClosed = true;
    },
  };
}

test('bytes stay in order over readings, and a record that does not fit makes it grow', async () => {
  const total = 3_000_000;
  const window = new ReadBuffer(counting(total, 100_003));
  for (const wanted of [10, 1_500_000, 7, 1_000_000]) {
    window.wanted = wanted;
    assert.ok(await window.fill());
    assert.ok(window.available >= wanted);
    for (const i of [0, wanted - 1]) assert.is(window.bytes[window.position + i], (window.offset + i) % 251);
    window.position += wanted;
  }
  assert.is(window.offset, 2_500_017);
  window.wanted = 500_000;
  assert.not(await window.fill());
  assert.is(window.failure, null, 'that is its regular end');
});

test('a failure is kept in words, and what came before stays', async () => {
  const window = new ReadBuffer({
    read: () => Promise.reject(new Error('input/output error')),
    close: () => undefined,
  });
  assert.not(await window.fill());
  assert.is(window.failure, 'input/output error');
});

test('closing lets go of source and memory', () => {
  const source = counting(1, 1);
  const window = new ReadBuffer(source);
  window.close();
  assert.ok(source.isClosed);
  assert.is(window.bytes.length, 0);
});

test.run();
