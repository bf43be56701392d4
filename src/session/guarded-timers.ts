/** Timers that belong together: what goes wrong in one is told, and does not end the agent. */
export class GuardedTimers {
  readonly #onFailure: (error: unknown) => void;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  /** Does something again and again, until `clear`. */
  every(ms: number, work: () => void): void {
    this.#timers.add(setInterval(() => this.#guard(work), ms));
  }

  /** Does something once, unless `clear` comes first. */
  in(ms: number, work: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#guard(work);
    }, ms);
    this.#timers.add(timer);
  }

  clear(): void {
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
