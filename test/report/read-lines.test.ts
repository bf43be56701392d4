import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { LineSplitter, MAX_LINE_CHARACTERS, readLastLines, readLines } from '../../src/report/read-lines.ts';

const scratch = mkdtempSync(join(tmpdir(), 'dllt-lines-'));
test.after(() => rmSync(scratch, { recursive: true }));

test('lines are whole whatever the pieces; one that is too long is passed over', () => {
  const splitter = new LineSplitter();
  assert.equal(splitter.split('a\nb'), ['a']);
  assert.equal(splitter.split('c\n\nd'), ['bc', '']);
  assert.equal(splitter.split('x'.repeat(MAX_LINE_CHARACTERS)), []);
  assert.equal(splitter.split('end of it\nafter\n'), ['after']);
});

test('a file: what is not ended is left out, and one that is gone has no lines', async () => {
  const path = join(scratch, 'lines');
  writeFileSync(path, 'one\ntwo\nhalf');
  const lines: string[] = [];
  for await (const some of readLines(path)) lines.push(...some);
  assert.equal(lines, ['one', 'two']);
  assert.equal(await readLastLines(path), ['one', 'two']);
  for await (const some of readLines(join(scratch, 'gone'))) assert.equal(some, []);
  assert.equal(await readLastLines(join(scratch, 'gone')), []);
});

test('the last lines of a long file are whole ones', async () => {
  const path = join(scratch, 'long');
  writeFileSync(path, Array.from({ length: 10_000 }, (_, i) => `line ${i} ${'.'.repeat(20)}\n`).join(''));
  const lines = await readLastLines(path);
  assert.ok(lines.length > 1_000 && lines.length < 10_000);
  assert.match(lines[0] ?? '', /^line \d+ \.{20}$/);
  assert.match(lines.at(-1) ?? '', /^line 9999 /);
});

test.run();
