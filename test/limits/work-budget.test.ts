import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { WorkBudget } from '../../src/limits/work-budget.ts';

test('a share of the time is saved up to the burst', () => {
  const budget = new WorkBudget(0.1, 10);
  assert.ok(budget.allows(1_000));
  budget.spend(12);
  assert.is(budget.spentMs, 12);
  assert.not(budget.allows(1_010), '1 ms was saved, 2 are owed');
  assert.not(budget.allows(900), 'a clock that stands saves nothing');
  assert.ok(budget.allows(1_050));
  budget.allows(1_000_000);
  budget.spend(10);
  assert.not(budget.allows(1_000_000), 'no more than the burst was saved');
});

test.run();
