import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { COLOURED, PLAIN, styleFor, widthFor } from '../../src/report/style.ts';

test('colours on a terminal only, and not where they are unwanted', () => {
  assert.is(styleFor({ isTTY: true }, {}), COLOURED);
  assert.is(styleFor({}, {}), PLAIN);
  assert.is(styleFor({ isTTY: true }, { NO_COLOR: '1' }), PLAIN);
  assert.is(styleFor({ isTTY: true }, { TERM: 'dumb' }), PLAIN);
  assert.is(styleFor({ isTTY: true }, { NO_COLOR: '' }), COLOURED);
  assert.is(COLOURED.red('x'), '\u001b[31mx\u001b[39m');
});

test("the width is the terminal's, or COLUMNS, or 100, within reason", () => {
  assert.is(widthFor({ columns: 80 }, { COLUMNS: '90' }), 80);
  assert.is(widthFor({}, { COLUMNS: '90' }), 90);
  assert.is(widthFor({}, {}), 100);
  assert.is(widthFor({ columns: 500 }, {}), 140);
  assert.is(widthFor({ columns: 5 }, {}), 40);
});

test.run();
