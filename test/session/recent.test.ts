import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Recent } from '../../src/session/recent.ts';

test('the latest are kept, oldest first, by number', () => {
  const recent = new Recent<string>(3);
  assert.is(recent.last, 0);
  assert.equal(recent.after(0), []);
  for (const item of ['a', 'b', 'c', 'd']) recent.add(item);
  assert.is(recent.last, 4);
  assert.equal(recent.after(0), ['b', 'c', 'd'], 'the oldest went');
  assert.equal(recent.after(2), ['c', 'd']);
  assert.equal(recent.after(4), []);
});

test.run();
