/**
 * How much time may be used for naming processes: a share of a core, saved up to a burst. One for the whole agent, so
 * that many pods do not add up.
 */
export class WorkBudget {
  readonly #share: number;
  readonly #burstMs: number;
  #savedMs: number;
  #lastMs = Number.NaN;
  #spentMs = 0;

  /** @param share of a core, 0 to 1 */
  constructor(share: number, burstMs: number) {
    this.#share = share;
    this.#burstMs = burstMs;
    this.#savedMs = burstMs;
  }

  /** Whether work may be done now. `nowMs` is any steady clock's. */
  allows(nowMs: number): boolean {
    if (nowMs > this.#lastMs) {
      this.#savedMs = Math.min(this.#burstMs, this.#savedMs + (nowMs - this.#lastMs) * this.#share);
    }
    this.#lastMs = nowMs;
    return this.#savedMs > 0;
  }

  /** What was used since the beginning, in milliseconds. */
  get spentMs(): number {
    return this.#spentMs;
  }

  /** Work was done. */
  spend(ms: number): void {
    this.#spentMs += ms;
    this.#savedMs -= ms;
  }
}
