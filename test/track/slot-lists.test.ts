import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SlotLists } from '../../src/track/slot-lists.ts';
import { Random } from '../tools/random.ts';

const SLOTS = 50;
const LISTS = 7;

/** Empties a list from the front. */
function drain(lists: SlotLists, list: number): number[] {
  const slots: number[] = [];
  for (let slot = lists.first(list); slot >= 0; slot = lists.first(list)) {
    slots.push(slot);
    lists.remove(slot);
  }
  return slots;
}

test('random operations give what arrays give', () => {
  const random = new Random(1);
  for (let round = 0; round < 50; round++) {
    const lists = new SlotLists(SLOTS, LISTS);
    const model: number[][] = Array.from({ length: LISTS }, () => []);
    const listOf = (slot: number) => model.findIndex((list) => list.includes(slot));
    for (let step = 0; step < 300; step++) {
      const slot = random.between(0, SLOTS - 1);
      const list = random.between(0, LISTS - 1);
      const at = listOf(slot);
      if (random.chance(0.1)) {
        const into = random.between(0, LISTS - 1);
        if (into === list) continue;
        lists.moveAll(list, into);
        model[into]?.push(...(model[list]?.splice(0) ?? []));
      } else if (at >= 0) {
        lists.remove(slot);
        model[at]?.splice(model[at].indexOf(slot), 1);
      } else {
        lists.append(list, slot);
        model[list]?.push(slot);
      }
      for (let n = 0; n < LISTS; n++) assert.is(lists.first(n), model[n]?.[0] ?? -1);
    }
    for (let n = 0; n < LISTS; n++) assert.equal(drain(lists, n), model[n]);
  }
});

test.run();
