import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ASSERTING, AssertionError, assert as assertThat } from '../../src/model/assert.ts';

test('assertions are on in tests', () => {
  assert.is(ASSERTING, true);
  assertThat(true, 'holds');
  assert.throws(
    () => assertThat(false, 'does not hold'),
    (error: unknown) => error instanceof AssertionError && error.code === 'assertion-failed',
  );
});

test('the program that is shipped has none', () => {
  const text = readFileSync('dist/main.js', 'utf8');
  assert.not.match(text, /the line waits/);
  assert.not.match(text, /\bif \(ASSERTING\)/);
});

test.run();
