import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { kill } from '../stress/kill.ts';

const TIMES = 10;

test(`killed ${TIMES} times under load: whole pcaps, whole lines but the last, and on it goes in new files`, async () => {
  const { kills, lines, pcaps } = await kill(TIMES, 1);
  assert.is(kills, TIMES);
  assert.ok(lines > 100 && pcaps > 10, `${lines} lines, ${pcaps} pcaps`);
});

test.run();
