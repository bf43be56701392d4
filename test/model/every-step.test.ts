import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { everyStep, everyStepInTurn } from '../../src/model/every-step.ts';

test('each step is taken, and the first failure is thrown in the end', () => {
  const taken: number[] = [];
  const step = (n: number, fails: boolean) => () => {
    taken.push(n);
    if (fails) throw new Error(`step ${n}`);
  };
  assert.throws(() => everyStep(step(1, false), step(2, true), step(3, true), step(4, false)), /^step 2$/);
  assert.equal(taken, [1, 2, 3, 4]);
});

test('steps that are waited for are taken one after the other', async () => {
  const taken: string[] = [];
  const step = (n: number, fails: boolean) => async () => {
    taken.push(`begin ${n}`);
    await Promise.resolve();
    taken.push(`end ${n}`);
    if (fails) throw new Error(`step ${n}`);
  };
  const message = await everyStepInTurn(step(1, true), step(2, true)).catch((error: Error) => error.message);
  assert.is(message, 'step 1');
  assert.equal(taken, ['begin 1', 'end 1', 'begin 2', 'end 2']);
});

test.run();
