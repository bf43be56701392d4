import { checkLayout, type RecordField } from '../model/record-layout.ts';
import * as Record from './record.ts';

const time = (name: string, at: number): RecordField => [name, 2 * at, 2];

function sideFields(side: 0 | 1): RecordField[] {
  const quality = (name: string, at: number): RecordField => [`${name} ${side}`, at + side * Record.QUALITY_WORDS, 1];
  const loss = (name: string, at: number): RecordField => [`${name} ${side}`, at + side * Record.LOSS_WORDS, 1];
  const word = (name: string, at: number): RecordField => [`${name} ${side}`, at + side * Record.SIDE_WORDS, 1];
  return [
    word('NEXT_SEQUENCE', Record.NEXT_SEQUENCE),
    word('ACKED', Record.ACKED),
    word('WINDOW', Record.WINDOW),
    word('WINDOW_SHIFT', Record.WINDOW_SHIFT),
    time(`STREAM_BYTES ${side}`, Record.STREAM_BYTES_AT + side * Record.SIDE_TIMES),
    quality('SEGMENTS', Record.SEGMENTS),
    quality('ROUND_TRIP_US', Record.ROUND_TRIP_US),
    quality('SENT_AGAIN_TO', Record.SENT_AGAIN_TO),
    quality('AWAITED_END', Record.AWAITED_END),
    quality('AWAITED_SINCE', Record.AWAITED_SINCE),
    loss('RESENT', Record.RESENT),
    loss('RESENT_BYTES', Record.RESENT_BYTES),
    loss('OUT_OF_ORDER', Record.OUT_OF_ORDER),
    loss('RESENT_KINDS', Record.RESENT_KINDS),
    loss('HOLE_SINCE', Record.HOLE_SINCE),
    loss('RESENT_SINCE', Record.RESENT_SINCE),
    loss('ZERO_WINDOW_MS', Record.ZERO_WINDOW_MS),
    loss('CLOSED_SINCE', Record.CLOSED_SINCE),
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
    ['REQUEST_SINCE', Record.REQUEST_SINCE, 1],
    ['ANSWERING', Record.ANSWERING, 1],
    ['CLOSED_MS', Record.CLOSED_MS, 2],
  ]);
}
