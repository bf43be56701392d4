import { SECOND_US } from '../model/second.ts';
import type { ConnectionTable } from './connection-table.ts';
import {
  BEGIN_AT,
  FIN_AT,
  FIN_SENT,
  FLAGS,
  GAVE_UP,
  HALF_CLOSED_EMITTED,
  HALF_OPEN_EMITTED,
  LAST_PROGRESS_AT,
  LAST_SEEN_AT,
  NO_ANSWER_EMITTED,
  PHASE_ESTABLISHED,
  PHASE_MASK,
  RST_AT,
  RST_WAITS,
  STALE_EMITTED,
  STATE,
  TIMES_PER_RECORD,
  WAITED_MS,
  WORDS_PER_RECORD,
} from './record.ts';
import type { TrackerDelays } from './tracker-listener.ts';

const FORGET_HALF_OPEN_US = 130 * SECOND_US;
/** Who closes after so long a wait for an answer has given up: it does not only say that it has no more to ask. */
const PATIENCE_MS = 500;
/** How long after that the answer may still come. */
const LAST_ANSWER_US = 2 * SECOND_US;
/** Who is silent for so long after a RST that lay within its window has taken it. */
export const RESET_SILENCE_US = 2 * SECOND_US;

/** Says when something becomes due for a connection: a half-open handshake, a stillness, an answer, a RST that waits. */
export class Deadlines {
  readonly #words: Int32Array;
  readonly #times: Float64Array;
  readonly #delays: TrackerDelays;

  constructor(table: ConnectionTable, delays: TrackerDelays) {
    this.#words = table.words;
    this.#times = table.times;
    this.#delays = delays;
  }

  /** Returns the earliest time at which something may be due for an open connection, microseconds since 1970-01-01 UTC. */
  next(slot: number): number {
    const time = slot * TIMES_PER_RECORD;
    const state = this.#words[slot * WORDS_PER_RECORD + STATE];
    if ((state & PHASE_MASK) < PHASE_ESTABLISHED) {
      const tellUs = this.#times[time + BEGIN_AT] + this.#delays.halfOpenSeconds * SECOND_US;
      if ((state & HALF_OPEN_EMITTED) === 0) return tellUs;
      return Math.max(tellUs, this.#times[time + LAST_SEEN_AT] + FORGET_HALF_OPEN_US);
    }
    const { staleSeconds, stale2Seconds } = this.#delays;
    let deadline: number;
    if ((state & (FIN_SENT * 3)) !== 0) {
      const word = slot * WORDS_PER_RECORD;
      const isTold = (this.#words[word + FLAGS] & HALF_CLOSED_EMITTED) !== 0;
      const sinceUs = Math.max(this.#times[time + FIN_AT], this.#times[time + LAST_PROGRESS_AT]);
      deadline = this.isGivenUp(word)
        ? this.#times[time + FIN_AT] + LAST_ANSWER_US
        : sinceUs + (isTold ? Math.max(stale2Seconds, staleSeconds) : staleSeconds) * SECOND_US;
    } else {
      const delay = (state & STALE_EMITTED) !== 0 ? stale2Seconds : staleSeconds;
      deadline = this.#times[time + LAST_PROGRESS_AT] + delay * SECOND_US;
    }
    return (state & RST_WAITS) === 0 ? deadline : Math.min(deadline, this.#times[time + RST_AT] + RESET_SILENCE_US);
  }

  /** Whether the initiator closed after it had waited for an answer, and that is still to be told; `word`: where its record begins. */
  isGivenUp(word: number): boolean {
    const flags = this.#words[word + FLAGS] & (GAVE_UP | NO_ANSWER_EMITTED);
    return flags === GAVE_UP && this.#words[word + WAITED_MS] >= PATIENCE_MS;
  }
}
