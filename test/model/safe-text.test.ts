import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { safeText, visibleJson, visibleText } from '../../src/model/safe-text.ts';

test('what steers a terminal or cannot be seen is written out', () => {
  assert.is(visibleText('a\u001b[31mb\u202ec'), 'a\\u{1b}[31mb\\u{202e}c');
  assert.is(visibleText('größe ✓ 漢'), 'größe ✓ 漢');
});

test('JSON reads the same after it', () => {
  const json = JSON.stringify({ name: 'a\u202eb\u{e0001}' });
  const shown = visibleJson(json);
  assert.not.match(shown, /[\u202e]/);
  assert.equal(JSON.parse(shown), JSON.parse(json));
});

test('long text is cut', () => {
  assert.is(safeText('x'.repeat(600)), 'x'.repeat(600));
  assert.is(safeText('x'.repeat(601)), `${'x'.repeat(600)}…`);
});

test.run();
