import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { engineMemory, type MemorySupply } from '../../src/model/memory-supply.ts';
import { ConnectionIndex } from '../../src/track/connection-index.ts';
import { Random } from '../tools/random.ts';

const test = suite('track/connection-index');

/** Memory that is ready when the test says so. */
class SlowSupply implements MemorySupply {
  readonly whole = engineMemory.whole;
  readonly growing = engineMemory.growing;
  readonly release = engineMemory.release;
  readonly asked: (() => void)[] = [];

  prepared(lengthBytes: number, ready: (memory: ArrayBuffer) => void): void {
    this.asked.push(() => ready(new ArrayBuffer(lengthBytes)));
  }
}

/** An index beside what has to be in it. */
class Checked {
  readonly index: ConnectionIndex;
  readonly slots = new Map<number, number>();

  constructor(supply: MemorySupply) {
    this.index = new ConnectionIndex(supply);
  }

  add(slot: number, hash: number): void {
    this.slots.set(slot, hash);
    this.index.add(hash, slot);
  }

  remove(slot: number): void {
    this.index.remove(this.slots.get(slot) ?? 0, slot);
    this.slots.delete(slot);
  }

  /** All that is in it, once, and nothing else. */
  check(): void {
    assert.is(this.index.size, this.slots.size);
    for (const [slot, hash] of this.slots) assert.equal(this.#holding(hash, slot), 1, `slot ${slot}`);
    for (let slot = 0; slot < 50; slot++) assert.equal(this.#holding(slot * 77, 1e6 + slot), 0);
  }

  #holding(hash: number, slot: number): number {
    let found = 0;
    for (const places of [this.index.current, this.index.former]) {
      if (places === null) continue;
      for (let place = places.first(hash); place >= 0; place = places.next(place, hash)) {
        if (places.slot(place) === slot) found++;
      }
    }
    return found;
  }
}

/** Mostly what a seeded hash gives, but every fourth in a crowd, some of them at the end of the memory. */
function anyHash(random: Random): number {
  const spread = random.uint32() | 0;
  return random.chance(0.25) ? (spread & ~0x3ff) | random.pick([5, 6, 1020, 1023]) : spread;
}

for (const [name, wait] of [
  ['at once', 0],
  ['a while after it is asked for', 40],
  ['never', Number.POSITIVE_INFINITY],
] as const) {
  test(`what comes and goes while it grows is found, with memory that is ready ${name}`, () => {
    const random = new Random(11);
    const supply = new SlowSupply();
    const checked = new Checked(supply);
    let next = 0;
    let waited = 0;
    let growing = 0;
    while (checked.slots.size < 9_000) {
      if (supply.asked.length > 0 && waited++ >= wait) {
        supply.asked.shift()?.();
        waited = 0;
      }
      checked.add(next++, anyHash(random));
      if (random.chance(0.4)) checked.remove(random.pick([...checked.slots.keys()].slice(-300)));
      if (checked.index.former !== null) growing++;
      if (next % 500 === 0 || (checked.index.former !== null && growing % 5 === 0)) checked.check();
    }
    checked.check();
    assert.ok(growing > 100, `${growing} times in the middle of it`);
    assert.is(checked.index.former, null);
    for (const slot of [...checked.slots.keys()]) checked.remove(slot);
    checked.check();
  });
}

test('memory that is ready too late is not used', () => {
  const supply = new SlowSupply();
  const checked = new Checked(supply);
  for (let slot = 0; slot < 800; slot++) checked.add(slot, Math.imul(slot, 0x9e3779b1));
  const { count } = checked.index.current;
  assert.is(count, 2048);
  supply.asked.shift()?.();
  assert.is(checked.index.current.count, count);
  checked.check();
});

test('no addition moves more than a few', () => {
  const checked = new Checked(engineMemory);
  for (let slot = 0; slot < 512; slot++) checked.add(slot, Math.imul(slot, 0x9e3779b1));
  const inCurrent = () => [...checked.slots].filter(([, hash]) => checked.index.current.first(hash) >= 0).length;
  let before = inCurrent();
  for (let slot = 512; checked.index.former !== null; slot++) {
    checked.add(slot, Math.imul(slot, 0x9e3779b1));
    const now = inCurrent();
    assert.ok(now - before <= 64, `${now - before} at once`);
    before = now;
  }
  assert.is(before, checked.slots.size);
});

test.run();
