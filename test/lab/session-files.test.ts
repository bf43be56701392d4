import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { splitCsvLine } from './session-files.ts';

for (const { line, want } of [
  { line: '10.0.0.1,80,?', want: ['10.0.0.1', '80', '?'] },
  { line: ',a,,b,', want: ['', 'a', '', 'b', ''] },
  { line: '"a,b","say ""hi""",', want: ['a,b', 'say "hi"', ''] },
]) {
  test(`fields of ${line}`, () => assert.equal(splitCsvLine(line), want));
}

test.run();
