import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FrameQueue } from '../../src/capture/frame-queue.ts';
import { Frame } from '../../src/model/frame.ts';
import { Random } from '../tools/random.ts';

test('what goes in comes out, in order, whatever the lengths and however full it is', () => {
  const random = new Random(5);
  const queue = new FrameQueue(4096);
  const frame = new Frame();
  const model: { length: number; timeUs: number; first: number }[] = [];
  let refused = 0;
  let taken = 0;
  for (let i = 0; i < 50_000; i++) {
    if (random.unit() < 0.52) {
      const length = Math.floor(random.unit() * 700);
      const first = i & 0xff;
      const bytes = new Uint8Array(800).fill(first);
      if (queue.push(bytes, length, i + 0.5)) model.push({ length, timeUs: i + 0.5, first });
      else refused++;
    } else {
      const want = model.shift();
      assert.is(queue.shift(frame), want !== undefined);
      if (want === undefined) continue;
      taken++;
      assert.is(frame.end - frame.start, want.length);
      assert.is(frame.wireLengthBytes, want.length);
      assert.is(frame.timeUs, want.timeUs);
      assert.ok(frame.bytes.subarray(frame.start, frame.end).every((byte) => byte === want.first));
    }
    assert.is(queue.isEmpty, model.length === 0);
  }
  assert.ok(refused > 100 && taken > 10_000);
});

test('the frame that was handed out keeps its room until the next one is asked for', () => {
  const queue = new FrameQueue(128);
  const frame = new Frame();
  assert.ok(queue.push(new Uint8Array(100).fill(1), 100, 0));
  assert.ok(queue.shift(frame));
  assert.not.ok(queue.push(new Uint8Array(100).fill(2), 100, 0));
  assert.is(frame.bytes[frame.start], 1);
  assert.not.ok(queue.shift(frame));
  assert.ok(queue.push(new Uint8Array(100).fill(2), 100, 0));
});

test('a frame longer than the queue is refused', () => {
  assert.not.ok(new FrameQueue(64).push(new Uint8Array(100), 100, 0));
});

test.run();
