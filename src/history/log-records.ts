import { PACKET_RECORD_HEADER_BYTES as HEADER_BYTES } from '../model/packet-records.ts';
import { type BlockLog, WORDS_PER_REFERENCE } from './block-log.ts';
import { REFERENCE_LENGTH, REFERENCE_PREVIOUS, REFERENCE_START, REFERENCE_WIRE_LENGTH } from './history-words.ts';
import { writeRecordHeader } from './record-header.ts';

/** Returns the length of the record that a packet of the log makes, its header included. */
export function loggedBytes(references: Int32Array, reference: number): number {
  return HEADER_BYTES + references[reference * WORDS_PER_REFERENCE + REFERENCE_LENGTH];
}

/** Returns the references of one connection, oldest first: `count` of them, of which `last` is the newest. */
export function referencesOf(references: Int32Array, last: number, count: number): Int32Array {
  const found = new Int32Array(Math.max(0, count));
  let reference = last;
  for (let n = found.length - 1; n >= 0; n--) {
    found[n] = reference;
    reference = references[reference * WORDS_PER_REFERENCE + REFERENCE_PREVIOUS];
  }
  return found;
}

/** Writes packets of the log, `found[from]` to before `found[to]`, as records of a capture file; returns where the next one goes. */
export function copyReferenced(
  log: BlockLog,
  found: Int32Array,
  from: number,
  to: number,
  target: Buffer,
  offset: number,
): number {
  const { bytes, references, referenceDoubles: times } = log;
  const view = new DataView(target.buffer);
  for (let n = from; n < to; n++) {
    const at = found[n] * WORDS_PER_REFERENCE;
    const start = references[at + REFERENCE_START];
    const length = references[at + REFERENCE_LENGTH];
    writeRecordHeader(view, offset, times[at >> 1], length, references[at + REFERENCE_WIRE_LENGTH]);
    target.set(bytes.subarray(start, start + length), offset + HEADER_BYTES);
    offset += HEADER_BYTES + length;
  }
  return offset;
}
