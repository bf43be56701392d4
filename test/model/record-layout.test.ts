import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkLayout, type RecordField } from '../../src/model/record-layout.ts';

const FIELDS: readonly RecordField[] = [
  ['time', 0, 8],
  ['port', 10, 2],
  ['kind', 8, 2],
];

test('fields in any order that fill the record', () => {
  checkLayout('a record', 12, FIELDS);
});

for (const { name, length, more, message } of [
  { name: 'an overlap', length: 12, more: [['flags', 9, 1]], message: /^a record: flags begins at 9, within kind$/ },
  {
    name: 'a gap',
    length: 16,
    more: [['flags', 14, 2]],
    message: /^a record: nothing is said of 12 to 14, before flags$/,
  },
  { name: 'a record that is longer', length: 16, more: [], message: /^a record: port ends at 12, the record at 16$/ },
] as const) {
  test(name, () => assert.throws(() => checkLayout('a record', length, [...FIELDS, ...more]), message));
}

test.run();
