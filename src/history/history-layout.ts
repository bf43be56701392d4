import { checkLayout } from '../model/record-layout.ts';
import { WORDS_PER_REFERENCE } from './block-log.ts';
import * as Words from './history-words.ts';

/** Throws unless the fields of a slot's record, and of a reference, fill it. */
export function checkHistoryRecords(): void {
  checkLayout('the record of a slot', Words.WORDS_PER_SLOT, [
    ['EPOCH', Words.EPOCH, 1],
    ['PACKETS', Words.PACKETS, 1],
    ['BYTES', Words.BYTES, 1],
    ['LAST', Words.LAST, 1],
    ['OMITTED', Words.OMITTED, 1],
    ['LINK_TYPE', Words.LINK_TYPE, 1],
    ['MOVED', Words.MOVED, 1],
    ['not used', Words.MOVED + 1, 1],
  ]);
  checkLayout('a reference to a packet', WORDS_PER_REFERENCE, [
    ['time', 0, 2],
    ['REFERENCE_START', Words.REFERENCE_START, 1],
    ['REFERENCE_LENGTH', Words.REFERENCE_LENGTH, 1],
    ['REFERENCE_WIRE_LENGTH', Words.REFERENCE_WIRE_LENGTH, 1],
    ['REFERENCE_SLOT', Words.REFERENCE_SLOT, 1],
    ['REFERENCE_EPOCH', Words.REFERENCE_EPOCH, 1],
    ['REFERENCE_PREVIOUS', Words.REFERENCE_PREVIOUS, 1],
  ]);
}
