/** Timers that belong together: what goes wrong in one is told, and does not end the agent. */
export class GuardedTimers {
  readonly #onFailure: (error: unknown) => void;
  readonly #timers = new Set<NodeJS.Timeout>();
  #isClosed = false;

  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  /**
   * Does something again and again, until `close`: at whole multiples of `ms`, so that the thread wakes up once for all
   * sessions.
   */
  every(ms: number, work: () => void): void {
    const sinceMs = performance.now() % ms;
    const isEarly = sinceMs > ms / 2; // timers may be by a fraction of a millisecond
    this.in(isEarly ? 2 * ms - sinceMs : ms - sinceMs, () => {
      this.every(ms, work);
      work();
    });
  }

  /** Does something once, unless `close` comes first. */
  in(ms: number, work: () => void): void {
    if (this.#isClosed) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#guard(work);
    }, ms);
    this.#timers.add(timer);
  }

  /** There are no timers from here on. Idempotent. */
  close(): void {
    this.#isClosed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#onFailure(error);
    }
  }
}
