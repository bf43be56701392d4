import { EndType, Side } from '../model/connection.ts';
import { SECOND_US } from '../model/second.ts';
import type { ConnectionTable } from './connection-table.ts';
import { Deadlines, RESET_SILENCE_US } from './deadlines.ts';
import { EvictionOrder } from './eviction-order.ts';
import { OpenSlots } from './open-slots.ts';
import {
  DEADLINE_AT,
  END_AT,
  END_TYPE_SHIFT,
  ENDED_BY_SHIFT,
  ESTABLISHED_AT,
  FAILURE_MASK,
  FATAL_ALERT,
  FIN_SENT,
  FIRST_FIN_SHIFT,
  FLAGS,
  GOODBYE_BY_INITIATOR,
  HALF_CLOSED_EMITTED,
  HALF_OPEN_EMITTED,
  HOP_LIMITS,
  LAST_PROGRESS_AT,
  LAST_SEEN_AT,
  NO_ANSWER_EMITTED,
  PHASE_CLOSED,
  PHASE_ESTABLISHED,
  PHASE_LET_GO,
  PHASE_MASK,
  RESET_BY_INITIATOR,
  RST_AT,
  RST_BY_RESPONDER,
  RST_WAITS,
  SPOKE_AHEAD,
  STALE_EMITTED,
  STATE,
  TIMES_PER_RECORD,
  WORDS_PER_RECORD,
} from './record.ts';
import { TimerWheel } from './timer-wheel.ts';
import { TrackedConnection } from './tracked-connection.ts';
import type { PayloadReader, TrackerDelays, TrackerListener } from './tracker-listener.ts';

const REMEMBER_CLOSED_US = 60 * SECOND_US;
/** How long after the end of a connection its last segments are expected. */
const LAST_SEGMENTS_US = 2 * SECOND_US;
/** Number of 00007: trouble that is over when bytes move again. */
const STALE_FAILURE = 7;
/** A connection that was let go stays the same one until it was silent for as long as keep-alives usually wait. */
const REMEMBER_LET_GO_US = 7200 * SECOND_US;

/** How long connections live: what becomes due for them, how they end, and how long they are remembered. */
export class Lifetimes {
  readonly #table: ConnectionTable;
  readonly #words: Int32Array;
  readonly #times: Float64Array;
  readonly #wheel: TimerWheel;
  readonly #order: EvictionOrder;
  readonly #open: OpenSlots;
  readonly #deadlines: Deadlines;
  readonly #listener: TrackerListener;
  readonly #reader: PayloadReader;
  readonly #connection: TrackedConnection;
  #evicted = 0;
  #halfOpen = 0;

  constructor(table: ConnectionTable, delays: TrackerDelays, listener: TrackerListener, reader: PayloadReader) {
    this.#table = table;
    this.#words = table.words;
    this.#times = table.times;
    this.#wheel = new TimerWheel(table.capacity);
    this.#order = new EvictionOrder(table.capacity, (slot) => this.#times[slot * TIMES_PER_RECORD + LAST_SEEN_AT]);
    this.#open = new OpenSlots(table.capacity);
    this.#deadlines = new Deadlines(table, delays);
    this.#listener = listener;
    this.#reader = reader;
    this.#connection = new TrackedConnection(table);
  }

  /** Open connections that had to make room for others. */
  get evicted(): number {
    return this.#evicted;
  }

  /** Open connections whose handshake is not complete. */
  get halfOpen(): number {
    return this.#halfOpen;
  }

  /** Gives the memory of the slots from `slot` on, which are free, back to the system. */
  release(slot: number): void {
    this.#wheel.release(slot, this.#table.memory);
    this.#order.release(slot, this.#table.memory);
  }

  /** The slot of the first open connection from `slot` on; -1 when there is none. */
  openFrom(slot: number): number {
    return this.#open.from(slot);
  }

  /** A connection began at `timeUs`; its record is filled. */
  begin(slot: number, timeUs: number): void {
    if ((this.#words[slot * WORDS_PER_RECORD + STATE] & PHASE_MASK) < PHASE_ESTABLISHED) this.#halfOpen++;
    const deadline = this.#deadlines.next(slot);
    this.#times[slot * TIMES_PER_RECORD + DEADLINE_AT] = deadline;
    this.#wheel.notBefore(timeUs);
    this.#wheel.schedule(slot, deadline);
    this.#order.add(slot);
    this.#open.add(slot);
  }

  /** The handshake of a connection is complete, at the time of a packet that moves it on. */
  established(slot: number, timeUs: number): void {
    const word = slot * WORDS_PER_RECORD;
    this.#halfOpen--;
    this.#times[slot * TIMES_PER_RECORD + ESTABLISHED_AT] = timeUs;
    this.#words[word + STATE] = (this.#words[word + STATE] & ~PHASE_MASK) | PHASE_ESTABLISHED;
    this.progress(slot, timeUs);
    this.rescheduleEarlier(slot);
    this.#listener.established(this.#connection.at(slot), timeUs);
  }

  /** The handshake of a connection was complete before, by a packet that was missed. */
  establishedUnseen(slot: number): void {
    const word = slot * WORDS_PER_RECORD;
    this.#halfOpen--;
    this.#words[word + STATE] = (this.#words[word + STATE] & ~PHASE_MASK) | PHASE_ESTABLISHED;
  }

  /** Lets time pass up to `nowUs`: whatever became due by then is told. Stops after about `limit` deadlines; true when more is due. */
  advance(nowUs: number, limit = Number.POSITIVE_INFINITY): boolean {
    for (let n = 0; n < limit; n++) {
      const slot = this.#wheel.takeDue(nowUs);
      if (slot >= 0) this.#wake(slot, nowUs);
      else if (!this.#forgetClosed(nowUs)) return false;
    }
    return true;
  }

  /**
   * Ends whatever is still open, as the interface is gone or the agent stops. Stops after `limit` connections; true
   * when there are more.
   */
  stop(timeUs: number, limit = Number.POSITIVE_INFINITY): boolean {
    for (let n = 0; n < limit; n++) {
      const open = this.#order.longestIdle();
      const slot = open >= 0 ? open : this.#oldestEnded();
      if (slot < 0) return false;
      if (timeUs >= this.#times[slot * TIMES_PER_RECORD + DEADLINE_AT]) {
        this.due(slot, timeUs);
        continue;
      }
      if (open >= 0 && (this.#words[slot * WORDS_PER_RECORD + STATE] & RST_WAITS) !== 0) this.#takeReset(slot);
      else if (open >= 0) this.end(slot, EndType.stopped, Side.initiator, timeUs);
      this.forget(slot);
    }
    return true;
  }

  /** A RST ends a connection. */
  reset(slot: number, by: Side, timeUs: number): void {
    if (by === Side.initiator) this.#words[slot * WORDS_PER_RECORD + FLAGS] |= RESET_BY_INITIATOR;
    this.#reader.reset(slot, by, timeUs);
    this.#listener.reset(this.#connection.at(slot), by, timeUs);
    this.end(slot, EndType.reset, by, timeUs);
  }

  /** A RST lay within the window, but not where its receiver expects it: silence after it tells that it was taken. */
  awaitSilence(slot: number, by: Side, timeUs: number): void {
    const word = slot * WORDS_PER_RECORD;
    this.#words[word + STATE] |= RST_WAITS;
    this.#words[word + FLAGS] &= ~RST_BY_RESPONDER;
    if (by === Side.responder) this.#words[word + FLAGS] |= RST_BY_RESPONDER;
    this.#times[slot * TIMES_PER_RECORD + RST_AT] = timeUs;
    this.rescheduleEarlier(slot);
  }

  /** A stillness, if there was one, is over. */
  progress(slot: number, timeUs: number): void {
    const time = slot * TIMES_PER_RECORD;
    this.#times[time + LAST_PROGRESS_AT] = timeUs;
    const word = slot * WORDS_PER_RECORD;
    if ((this.#words[word + STATE] & STALE_EMITTED) === 0) return;
    this.#words[word + STATE] &= ~STALE_EMITTED;
    if ((this.#words[word + FLAGS] & FAILURE_MASK) === STALE_FAILURE) this.#words[word + FLAGS] &= ~FAILURE_MASK;
    this.rescheduleEarlier(slot);
  }

  /** Something may be due earlier than what is waited for. */
  rescheduleEarlier(slot: number): void {
    const time = slot * TIMES_PER_RECORD;
    const deadline = this.#deadlines.next(slot);
    if (deadline >= this.#times[time + DEADLINE_AT]) return;
    this.#times[time + DEADLINE_AT] = deadline;
    this.#wheel.cancel(slot);
    this.#wheel.schedule(slot, deadline);
  }

  /** Tells whatever is due for a slot up to `nowUs`, each at its own time. */
  due(slot: number, nowUs: number): void {
    const time = slot * TIMES_PER_RECORD;
    const word = slot * WORDS_PER_RECORD;
    if ((this.#words[word + STATE] & PHASE_MASK) >= PHASE_CLOSED) {
      this.forget(slot);
      return;
    }
    let deadline = this.#deadlines.next(slot);
    for (; deadline <= nowUs; deadline = this.#deadlines.next(slot)) {
      const state = this.#words[word + STATE];
      if ((state & RST_WAITS) !== 0 && deadline === this.#times[time + RST_AT] + RESET_SILENCE_US) {
        this.#takeReset(slot);
        return;
      }
      if ((state & PHASE_MASK) < PHASE_ESTABLISHED) {
        if ((state & HALF_OPEN_EMITTED) !== 0) {
          this.end(slot, EndType.halfOpen, Side.initiator, deadline);
          return;
        }
        this.#words[word + STATE] = state | HALF_OPEN_EMITTED;
        this.#listener.halfOpen(this.#connection.at(slot), deadline);
      } else if ((state & (FIN_SENT * 3)) !== 0) {
        if (this.#deadlines.isGivenUp(word)) {
          this.#words[word + FLAGS] |= NO_ANSWER_EMITTED;
          this.#listener.unanswered(this.#connection.at(slot), deadline);
        } else if ((this.#words[word + FLAGS] & HALF_CLOSED_EMITTED) !== 0) {
          this.end(slot, EndType.stale, Side.initiator, deadline);
          return;
        } else {
          this.#words[word + FLAGS] |= HALF_CLOSED_EMITTED;
          this.#listener.halfClosed(this.#connection.at(slot), deadline);
        }
      } else if ((state & STALE_EMITTED) === 0) {
        this.#words[word + STATE] = state | STALE_EMITTED;
        this.#listener.stale(this.#connection.at(slot), deadline);
      } else {
        this.#listener.stale2(this.#connection.at(slot), deadline);
        this.end(slot, EndType.stale, Side.initiator, deadline);
        return;
      }
    }
    this.#times[time + DEADLINE_AT] = deadline;
    this.#wheel.cancel(slot);
    this.#wheel.schedule(slot, deadline);
  }

  /**
   * Ends an open connection and remembers it. Where a side had already said goodbye (a fatal TLS alert, a FIN), that is
   * the end, whatever came after it.
   */
  end(slot: number, cause: EndType, causedBy: Side, timeUs: number): void {
    const word = slot * WORDS_PER_RECORD;
    const state = this.#words[word + STATE];
    if ((state & PHASE_MASK) < PHASE_ESTABLISHED) this.#halfOpen--;
    const finished = (state & (FIN_SENT * 3)) !== 0;
    const saidGoodbye =
      cause === EndType.reset &&
      causedBy === Side.responder &&
      (this.#words[word + FLAGS] & GOODBYE_BY_INITIATOR) !== 0;
    let endType: EndType = finished || saidGoodbye ? EndType.fin : cause;
    let endedBy = finished ? (state >>> FIRST_FIN_SHIFT) & 1 : saidGoodbye ? Side.initiator : causedBy;
    if ((state & (FATAL_ALERT * 3)) !== 0 && (endType === EndType.fin || endType === EndType.reset)) {
      endType = EndType.tlsAlert;
      endedBy = (state & FATAL_ALERT) !== 0 ? Side.initiator : Side.responder;
    }
    const phase = endType === EndType.stale ? PHASE_LET_GO : PHASE_CLOSED;
    this.#words[word + STATE] =
      (state & ~(PHASE_MASK | RST_WAITS)) | phase | (endType << END_TYPE_SHIFT) | (endedBy << ENDED_BY_SHIFT);
    this.#times[slot * TIMES_PER_RECORD + END_AT] = timeUs;
    this.#wheel.cancel(slot);
    this.#open.remove(slot);
    this.#reader.release(slot);
    this.remember(slot, timeUs);
    this.#listener.ended(this.#connection.at(slot));
  }

  remember(slot: number, timeUs: number): void {
    const isLetGo = (this.#words[slot * WORDS_PER_RECORD + STATE] & PHASE_MASK) === PHASE_LET_GO;
    this.#times[slot * TIMES_PER_RECORD + DEADLINE_AT] = timeUs + (isLetGo ? REMEMBER_LET_GO_US : REMEMBER_CLOSED_US);
    if (isLetGo) this.#order.letGo(slot);
    else this.#order.close(slot);
  }

  /** Forgets a connection that has ended. */
  forget(slot: number): void {
    this.#listener.forgotten(slot);
    this.#order.remove(slot);
    this.#table.remove(slot);
  }

  /**
   * Frees a slot of the full table: that of a closed connection, unless its last segments may still be under way, else
   * that of the open one idle longest.
   */
  makeRoom(timeUs: number): void {
    const closed = this.#order.oldestClosed();
    const letGo = this.#order.oldestLetGo();
    const slot = this.#order.longestIdle();
    if (closed >= 0 && (slot < 0 || timeUs - this.#times[closed * TIMES_PER_RECORD + END_AT] > LAST_SEGMENTS_US)) {
      this.forget(closed);
      return;
    }
    if (letGo >= 0) {
      this.forget(letGo);
      return;
    }
    const established = (this.#words[slot * WORDS_PER_RECORD + STATE] & PHASE_MASK) === PHASE_ESTABLISHED;
    this.#evicted++;
    this.end(slot, established ? EndType.stale : EndType.halfOpen, Side.initiator, timeUs);
    this.forget(slot);
  }

  /** The RST that waited was taken: nobody spoke after it. */
  #takeReset(slot: number): void {
    const word = slot * WORDS_PER_RECORD;
    const by = (this.#words[word + FLAGS] & RST_BY_RESPONDER) !== 0 ? Side.responder : Side.initiator;
    this.#words[word + HOP_LIMITS] |= SPOKE_AHEAD << by; // it lay ahead of what was seen of its sender
    this.reset(slot, by, this.#times[slot * TIMES_PER_RECORD + RST_AT]);
  }

  #oldestEnded(): number {
    const closed = this.#order.oldestClosed();
    return closed >= 0 ? closed : this.#order.oldestLetGo();
  }

  /** A slot that the wheel handed out. */
  #wake(slot: number, nowUs: number): void {
    const time = slot * TIMES_PER_RECORD;
    this.#wheel.schedule(slot, this.#times[time + DEADLINE_AT]);
    if (nowUs >= this.#times[time + DEADLINE_AT]) this.due(slot, nowUs);
  }

  /** Forgets the connection closed longest ago if its time is over. */
  #forgetClosed(nowUs: number): boolean {
    return this.#forgetIfDue(this.#order.oldestClosed(), nowUs) || this.#forgetIfDue(this.#order.oldestLetGo(), nowUs);
  }

  #forgetIfDue(slot: number, nowUs: number): boolean {
    if (slot < 0 || this.#times[slot * TIMES_PER_RECORD + DEADLINE_AT] > nowUs) return false;
    this.forget(slot);
    return true;
  }
}
