import { checkLayout, type RecordField } from '../model/record-layout.ts';
import * as Record from './record.ts';

const time = (name: string, at: number): RecordField => [name, 2 * at, 2];

const QUALITY_FIELDS = ['SEGMENTS', 'ROUND_TRIP_US', 'SENT_AGAIN_TO', 'AWAITED_END', 'AWAITED_SINCE'] as const;
const LOSS_FIELDS = [
  'RESENT',
  'RESENT_BYTES',
  'OUT_OF_ORDER',
  'RESENT_KINDS',
  'HOLE_SINCE',
  'RESENT_SINCE',
  'ZERO_WINDOW_MS',
  'CLOSED_SINCE',
] as const;

function sideFields(side: 0 | 1): RecordField[] {
  const of = (name: string, at: number, words: number): RecordField => [`${name} ${side}`, at + side * words, 1];
  const word = (name: string, at: number): RecordField => [`${name} ${side}`, at + side * Record.SIDE_WORDS, 1];
  return [
    word('NEXT_SEQUENCE', Record.NEXT_SEQUENCE),
    word('ACKED', Record.ACKED),
    word('WINDOW', Record.WINDOW),
    word('WINDOW_SHIFT', Record.WINDOW_SHIFT),
    time(`STREAM_BYTES ${side}`, Record.STREAM_BYTES_AT + side * Record.SIDE_TIMES),
    ...QUALITY_FIELDS.map((name) => of(name, Record[name], Record.QUALITY_WORDS)),
    ...LOSS_FIELDS.map((name) => of(name, Record[name], Record.LOSS_WORDS)),
  ];
}

/** Throws unless the fields of a connection's record fill it; of those that share a place, one stands for both. */
export function checkConnectionRecord(): void {
  checkLayout('the record of a connection', Record.WORDS_PER_RECORD, [
    ['INITIATOR_ADDRESS', Record.INITIATOR_ADDRESS, 4],
    ['RESPONDER_ADDRESS', Record.RESPONDER_ADDRESS, 4],
    ['PORTS', Record.PORTS, 1],
    ['HASH', Record.HASH, 1],
    ['STATE', Record.STATE, 1],
    ['SYN_REPEATS', Record.SYN_REPEATS, 1],
    time('DEADLINE', Record.DEADLINE_AT),
    time('LAST_SEEN', Record.LAST_SEEN_AT),
    ...sideFields(0),
    time('LAST_PROGRESS', Record.LAST_PROGRESS_AT),
    ...sideFields(1),
    time('REST', Record.REST_AT),
    time('BEGIN', Record.BEGIN_AT),
    time('SYN_ACK', Record.SYN_ACK_AT),
    time('ESTABLISHED', Record.ESTABLISHED_AT),
    time('TLS_DONE', Record.TLS_DONE_AT),
    time('END', Record.END_AT),
    ['ISN', Record.ISN, 2],
    ['MISSING', Record.MISSING, 2],
    time('FIRST_BYTE', Record.FIRST_BYTE_AT),
    ['FLAGS', Record.FLAGS, 1],
    ['OTHER_ISN, WAITED_MS', Record.OTHER_ISN, 1],
    ['OTHER_WINDOW', Record.OTHER_WINDOW, 1],
    ['HOP_LIMITS', Record.HOP_LIMITS, 1],
    ['KEEP_ALIVES', Record.KEEP_ALIVES, 1],
    ['SEGMENT_SIZES', Record.SEGMENT_SIZES, 1],
    ['MESSAGE_END', Record.MESSAGE_END, 2],
    ['LAST_BYTES', Record.LAST_BYTES, 1],
    ['REPEATS', Record.REPEATS, 1],
    time('SERIAL', Record.SERIAL_AT),
    time('FIN', Record.FIN_AT),
    time('RST, OTHER_SYN_ACK', Record.RST_AT),
    ['QUALITY', Record.QUALITY, 1],
    ['HTTP_ERRORS', Record.HTTP_ERRORS, 1],
    time('REQUEST', Record.REQUEST_AT),
    ['CLOSED_MS', Record.CLOSED_MS, 2],
  ]);
}
