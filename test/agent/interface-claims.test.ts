import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { InterfaceClaims } from '../../src/agent/interface-claims.ts';

test('an interface belongs to one env file until that gives it back', () => {
  let freed = 0;
  const claims = new InterfaceClaims(() => freed++);
  assert.is(claims.take(7, 'a.env'), null);
  assert.is(claims.take(7, 'b.env'), 'a.env');
  assert.is(claims.take(8, 'b.env'), null);
  claims.release(7);
  assert.is(freed, 1);
  assert.is(claims.take(7, 'b.env'), null);
});

test.run();
