import { AssertionError } from './assert.ts';

/** A field of a record: its name, where it begins, and how long it is. */
export type RecordField = readonly [name: string, begin: number, length: number];

/** Throws `AssertionError` unless fields fill a record of `length` without an overlap and without a gap. */
export function checkLayout(record: string, length: number, fields: readonly RecordField[]): void {
  const inOrder = [...fields].sort(([, one], [, other]) => one - other);
  let end = 0;
  let before = 'the beginning';
  for (const [name, begin, fieldLength] of inOrder) {
    if (begin < end) throw new AssertionError(`${record}: ${name} begins at ${begin}, within ${before}`);
    if (begin > end) throw new AssertionError(`${record}: nothing is said of ${end} to ${begin}, before ${name}`);
    end = begin + fieldLength;
    before = name;
  }
  if (end !== length) throw new AssertionError(`${record}: ${before} ends at ${end}, the record at ${length}`);
}
