import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Exported, exportedNames, exportsOf } from './exports.ts';

/** What only the tests import, by file: they look at a part where the whole would say too little. */
const FOR_TESTS: Readonly<Record<string, readonly string[]>> = {
  'capture/cap-source.ts': ['CapSource'],
  'capture/file-source.ts': ['FileSource'],
  'commands/supported-node.ts': ['findBrought'],
  'output/end-flow-file.ts': ['appendEndFlow'],
  'output/flow-file.ts': ['FLOW_HEADER', 'appendFlow'],
  'output/pcap-file.ts': ['captureFileHeader'],
  'output/process-flow-file.ts': ['PROCESS_FLOW_HEADER'],
  'output/session-log.ts': ['formatForPeople'],
  'process/command-line.ts': ['MAX_COMMAND_LINE_BYTES'],
  'process/process-facts.ts': ['readIdentity'],
  'protocols/stream/in-order-stream.ts': ['MAX_HELD_SEGMENTS'],
  'report/read-lines.ts': ['MAX_LINE_CHARACTERS'],
  'report/style.ts': ['COLOURED', 'PLAIN'],
};

const TYPE = /^export (?:type|interface)\s+(\w+)/gm;

/** Types that a text exports and uses itself: names for what its functions take and return. */
function ownTypes(text: string): Set<string> {
  const types = [...text.matchAll(TYPE)].map(([, name = '']) => name);
  return new Set(types.filter((name) => (text.match(new RegExp(`\\b${name}\\b`, 'g')) ?? []).length > 1));
}

function isForTests({ file, name }: Exported): boolean {
  return FOR_TESTS[file]?.includes(name) ?? false;
}

const all = exportsOf('src');

test('every export is imported by another file of the sources, is a type its own file uses, or is for tests', () => {
  assert.ok(all.length > 800, `only ${all.length} exports were found`);
  const dead = all.filter((exported) => {
    const { file, name, isImported } = exported;
    return !isImported && !isForTests(exported) && !ownTypes(readFileSync(`src/${file}`, 'utf8')).has(name);
  });
  assert.equal(
    dead.map(({ file, name }) => `${file}: ${name}`),
    [],
  );
});

test('what is said to be for tests is there, and nobody else imports it', () => {
  const listed = Object.entries(FOR_TESTS).flatMap(([file, names]) => names.map((name) => `${file}: ${name}`));
  const found = all.filter((exported) => isForTests(exported) && !exported.isImported);
  assert.equal(found.map(({ file, name }) => `${file}: ${name}`).sort(), listed.sort());
});

test('all ways to export are found', () => {
  const text = [
    'export const one = 1;',
    'export async function two() {}',
    'export function* three() {}',
    'export class Four {}',
    'export interface Five {}',
    'export type Six = 6;',
    'export { seven, eight as nine };',
    'const ten = 10;',
  ].join('\n');
  assert.equal(exportedNames(text), ['one', 'two', 'three', 'Four', 'Five', 'Six', 'seven', 'nine']);
});

test.run();
