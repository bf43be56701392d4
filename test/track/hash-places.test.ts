import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bytesOfPlaces, HashPlaces } from '../../src/track/hash-places.ts';
import { seededBelow } from '../tools/random.ts';

const places = (count: number) => new HashPlaces(new ArrayBuffer(bytesOfPlaces(count)));

function slotsOf(table: HashPlaces, hash: number): number[] {
  const slots: number[] = [];
  for (let place = table.first(hash); place >= 0; place = table.next(place, hash)) slots.push(table.slot(place));
  return slots.sort((a, b) => a - b);
}

test('slots of one hash are all found, and none of another that lies among them', () => {
  const table = places(8);
  table.add(7, 1);
  table.add(15, 2); // begins at the same place, and goes round the end
  table.add(7, 3);
  assert.equal(slotsOf(table, 7), [1, 3]);
  assert.equal(slotsOf(table, 15), [2]);
  assert.ok(table.remove(7, 1));
  assert.not(table.remove(7, 1));
  assert.equal(slotsOf(table, 7), [3]);
  assert.equal(slotsOf(table, 15), [2]);
});

test('adding, removing and moving keep what a map keeps (seeded)', () => {
  const random = seededBelow(11);
  const table = places(256);
  const model = new Map<number, number>();
  for (let i = 0; i < 5_000; i++) {
    const slot = random(200);
    const hash = model.get(slot);
    if (hash === undefined) {
      model.set(slot, random(64));
      table.add(model.get(slot) ?? 0, slot);
    } else {
      assert.ok(table.remove(hash, slot));
      model.delete(slot);
    }
  }
  const of = (hash: number) =>
    [...model]
      .filter(([, other]) => other === hash)
      .map(([slot]) => slot)
      .sort((a, b) => a - b);
  for (let hash = 0; hash < 64; hash++) assert.equal(slotsOf(table, hash), of(hash));
  const larger = places(512);
  table.moveTo(larger, table.free(), 256);
  for (let hash = 0; hash < 64; hash++) {
    assert.equal(slotsOf(larger, hash), of(hash));
    assert.is(table.first(hash), -1);
  }
});

test.run();
