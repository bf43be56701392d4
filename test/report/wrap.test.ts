import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wrap } from '../../src/report/wrap.ts';

test('lines break at spaces, never in a command, and what is longer has a line of its own', () => {
  assert.equal(wrap('one two three', 7), ['one two', 'three']);
  assert.equal(wrap('try `ip -s link`, then', 8), ['try', '`ip -s link`,', 'then']);
  assert.equal(wrap('unbreakable a', 5), ['unbreakable', 'a']);
  assert.equal(wrap('', 10), ['']);
});

test.run();
