import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { EvictionOrder } from '../../src/track/eviction-order.ts';
import { Random } from '../tools/random.ts';

const SLOTS = 60;
const SECOND_US = 1_000_000;
const BEGIN_US = 1_700_000_000 * SECOND_US;
const HORIZON_SECONDS = 4_096;

const STEPS: readonly { readonly name: string; readonly seconds: (random: Random) => number }[] = [
  { name: 'small steps', seconds: (random) => random.between(0, 3) },
  { name: 'minutes', seconds: (random) => random.between(0, 300) },
  { name: 'around the horizon', seconds: (random) => (random.chance(0.2) ? random.between(4_095, 4_097) : 1) },
  { name: 'multiples of the horizon', seconds: (random) => random.between(0, 3) * HORIZON_SECONDS },
  { name: 'years', seconds: (random) => (random.chance(0.05) ? 30 * 365 * 86_400 : 1) },
];

for (const { name, seconds } of STEPS) {
  test(`who has been idle longest, and who was closed first: ${name}`, () => {
    for (let seed = 1; seed <= 10; seed++) {
      const random = new Random(seed);
      const seenUs = new Float64Array(SLOTS);
      const order = new EvictionOrder(SLOTS, (slot) => seenUs[slot] ?? 0);
      const open = new Set<number>();
      const closed: number[] = [];
      let nowUs = BEGIN_US;
      const second = (slot: number) => Math.floor((seenUs[slot] ?? 0) / SECOND_US);
      for (let step = 0; step < 2_000; step++) {
        nowUs += seconds(random) * SECOND_US + random.between(0, 1_000);
        const slot = random.between(0, SLOTS - 1);
        if (!open.has(slot) && !closed.includes(slot)) {
          seenUs[slot] = nowUs;
          order.add(slot);
          open.add(slot);
        } else if (open.has(slot) && random.chance(0.7)) {
          seenUs[slot] = nowUs; // a packet: nobody tells the order
        } else if (open.has(slot)) {
          order.close(slot);
          open.delete(slot);
          closed.push(slot);
        } else {
          order.remove(slot);
          closed.splice(closed.indexOf(slot), 1);
        }
        if (random.chance(0.3)) {
          const victim = order.longestIdle();
          const oldest = Math.min(...[...open].map(second));
          if (open.size === 0) assert.is(victim, -1);
          else {
            assert.ok(open.has(victim), `seed ${seed}, step ${step}: ${victim} is not open`);
            // idle for longer than the horizon is told apart no more
            const wanted = Math.max(oldest, Math.floor(nowUs / SECOND_US) - HORIZON_SECONDS + 1);
            assert.ok(second(victim) <= wanted, `seed ${seed}, step ${step}: ${second(victim)} > ${wanted}`);
          }
          assert.is(order.oldestClosed(), closed[0] ?? -1);
        }
      }
      let left = 0;
      for (let victim = order.longestIdle(); victim >= 0; victim = order.longestIdle()) {
        order.remove(victim);
        left++;
      }
      assert.is(left, open.size, 'all open ones come out in the end');
    }
  });
}

test('a clock that runs backwards loses nobody', () => {
  const random = new Random(7);
  const seenUs = new Float64Array(SLOTS);
  const order = new EvictionOrder(SLOTS, (slot) => seenUs[slot] ?? 0);
  const open = new Set<number>();
  for (let step = 0; step < 20_000; step++) {
    const slot = random.between(0, SLOTS - 1);
    seenUs[slot] = BEGIN_US + random.between(-20_000, 20_000) * SECOND_US;
    if (!open.has(slot)) {
      order.add(slot);
      open.add(slot);
    }
    if (random.chance(0.5)) {
      const victim = order.longestIdle();
      assert.ok(open.delete(victim));
      order.remove(victim);
    }
  }
});

test('nobody is idle in an empty order', () => {
  const order = new EvictionOrder(4, () => 0);
  assert.is(order.longestIdle(), -1);
  assert.is(order.oldestClosed(), -1);
});

test.run();
