import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SizeOrder } from '../../src/history/size-order.ts';
import { seededBelow } from '../tools/random.ts';

test('of equals the one that changed longest ago is the largest', () => {
  const order = new SizeOrder(4, 10);
  assert.is(order.largest(), -1);
  for (const slot of [2, 0, 3]) order.setSize(slot, 5);
  assert.is(order.largest(), 2);
  order.setSize(2, 4);
  assert.is(order.largest(), 0);
  order.setSize(0, 0);
  order.setSize(3, 0);
  assert.is(order.largest(), 2);
  assert.is(order.largestSize(), 4);
});

test('the largest is the largest, whatever changed (seeded)', () => {
  const random = seededBelow(3);
  const order = new SizeOrder(20, 100);
  const sizes = Array.from({ length: 20 }, () => 0);
  for (let i = 0; i < 10_000; i++) {
    const slot = random(20);
    sizes[slot] = random(4) === 0 ? 0 : random(100);
    order.setSize(slot, sizes[slot] ?? 0);
    assert.is(order.largestSize(), Math.max(...sizes));
    assert.is(order.size(slot), sizes[slot]);
  }
});

test.run();
