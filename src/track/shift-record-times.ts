import type { ConnectionTable } from './connection-table.ts';
import {
  BEGIN_AT,
  DEADLINE_AT,
  END_AT,
  ESTABLISHED_AT,
  FIN_AT,
  FIRST_BYTE_AT,
  LAST_PROGRESS_AT,
  LAST_SEEN_AT,
  PHASE_CLOSED,
  PHASE_MASK,
  RST_AT,
  STATE,
  SYN_ACK_AT,
  TIMES_PER_RECORD,
  TLS_DONE_AT,
  WORDS_PER_RECORD,
} from './record.ts';
import type { TcpQuality } from './tcp-quality.ts';

/** Places of a record that hold times. */
const TIMES = [
  DEADLINE_AT,
  LAST_SEEN_AT,
  LAST_PROGRESS_AT,
  BEGIN_AT,
  SYN_ACK_AT,
  ESTABLISHED_AT,
  TLS_DONE_AT,
  FIN_AT,
  RST_AT,
];

/** Moves all times of all records by `deltaUs`, as the clock was set: what is remembered keeps its age. */
export function shiftRecordTimes(table: ConnectionTable, quality: TcpQuality, deltaUs: number): void {
  const { words, times } = table;
  const end = table.usedSlots * TIMES_PER_RECORD;
  for (let time = 0; time < end; time += TIMES_PER_RECORD) {
    for (const at of TIMES) if (times[time + at] !== 0) times[time + at] += deltaUs;
    quality.shiftTimes((time / TIMES_PER_RECORD) * WORDS_PER_RECORD, deltaUs);
    const phase = words[(time / TIMES_PER_RECORD) * WORDS_PER_RECORD + STATE] & PHASE_MASK;
    if (phase >= PHASE_CLOSED) times[time + END_AT] += deltaUs; // sequence numbers stand there before
    if (times[time + FIRST_BYTE_AT] < 0) times[time + FIRST_BYTE_AT] -= deltaUs; // a time that is waited from
  }
}
