import { ASSERTING, assert } from '../model/assert.ts';
import type { MemorySupply } from '../model/memory-supply.ts';
import { SlotLists } from './slot-lists.ts';

const TICK_US = 100_000;
const TICKS = 8192; // 819 s at once; what is due later comes round and is put back

/**
 * Wakes slots at a time, coarsely: a slot scheduled for `t` is handed out by the first `advance` past the tick that
 * holds `t`, or earlier when `t` lies beyond the wheel. So whoever is woken compares the time itself. Each slot is
 * scheduled at most once at a time.
 */
export class TimerWheel {
  readonly #lists: SlotLists;
  /** The next tick to be handed out; -1 before the first use. */
  #tick = -1;

  constructor(slots: number) {
    this.#lists = new SlotLists(slots, TICKS);
  }

  /**
   * Lets the wheel know the time before something is scheduled: its first time, or one before what it has seen. A clock
   * that was set back must not hold up what is due by the new time.
   */
  notBefore(nowUs: number): void {
    const nowTick = Math.floor(nowUs / TICK_US);
    // slots scheduled meanwhile are handed out too early once, which is allowed
    if (this.#tick < 0 || nowTick < this.#tick) this.#tick = nowTick;
  }

  /** Schedules a slot that is not scheduled. */
  schedule(slot: number, timeUs: number): void {
    if (ASSERTING) assert(this.#tick >= 0 && !Number.isNaN(timeUs), 'the wheel knows the time before it is given one');
    let tick = Math.floor(timeUs / TICK_US);
    if (tick < this.#tick) tick = this.#tick;
    else if (tick >= this.#tick + TICKS) tick = this.#tick + TICKS - 1;
    this.#lists.append(tick % TICKS, slot);
  }

  /** Gives the memory of the slots from `slot` on, which are not in it, back to the system. */
  release(slot: number, memory: MemorySupply): void {
    this.#lists.release(slot, memory);
  }

  cancel(slot: number): void {
    this.#lists.remove(slot);
  }

  /**
   * The next slot whose tick ended at or before `nowUs`, taken out of the wheel; -1 when there is none. To be called
   * until it says -1.
   */
  takeDue(nowUs: number): number {
    this.notBefore(nowUs);
    const nowTick = Math.floor(nowUs / TICK_US);
    // after a jump in time each list is looked at once
    if (nowTick - this.#tick > TICKS) this.#tick = nowTick - TICKS;
    for (; this.#tick < nowTick; this.#tick++) {
      const slot = this.#lists.first(this.#tick % TICKS);
      if (slot >= 0) {
        this.#lists.remove(slot);
        return slot;
      }
    }
    return -1;
  }
}
