const DAY_US = 24 * 3600 * 1_000_000;
const MOST_NAMES = 10_000;

interface Count {
  times: number;
  /** When counting began. */
  sinceUs: number;
}

/** Counts what happened to names: afresh after a day. Bounded to 10,000; what came longest ago is forgotten first. */
export class DnsCounters {
  /** In order of use, oldest first. */
  readonly #counts = new Map<string, Count>();

  /** Counts one more; returns how many so far. */
  add(key: string, timeUs: number): number {
    const known = this.#counts.get(key);
    if (known !== undefined) this.#counts.delete(key);
    const count = known === undefined || timeUs - known.sinceUs >= DAY_US ? { times: 0, sinceUs: timeUs } : known;
    this.#counts.set(key, count);
    if (this.#counts.size > MOST_NAMES) this.#forgetOldest();
    return ++count.times;
  }

  /** The clock was set by `deltaUs`. */
  shiftTimes(deltaUs: number): void {
    for (const count of this.#counts.values()) count.sinceUs += deltaUs;
  }

  #forgetOldest(): void {
    for (const key of this.#counts.keys()) {
      this.#counts.delete(key);
      return;
    }
  }
}
