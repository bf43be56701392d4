/** How much may be had: `burst` at once, and `perSecond` in the long run. */
export interface Allowance {
  readonly burst: number;
  readonly perSecond: number;
}

/** A token bucket, full at first. Times are microseconds; one that lies before an earlier one adds nothing. */
export class TokenBucket {
  readonly #allowance: Allowance;
  #tokens: number;
  #sinceUs = 0;

  constructor(allowance: Allowance) {
    this.#allowance = allowance;
    this.#tokens = allowance.burst;
  }

  /** Whether anything is left at `timeUs`. */
  has(timeUs: number): boolean {
    return this.#tokensAt(timeUs) >= 1;
  }

  /** Whether nothing is missing at `timeUs`. */
  isFull(timeUs: number): boolean {
    return this.#tokensAt(timeUs) === this.#allowance.burst;
  }

  /** Takes one, if there is something left; says whether there was. */
  tryTake(timeUs: number): boolean {
    const tokens = this.#tokensAt(timeUs);
    if (tokens < 1) return false;
    this.#tokens = tokens - 1;
    this.#sinceUs = Math.max(this.#sinceUs, timeUs);
    return true;
  }

  /** The clock was set by `deltaUs`: what is missing comes back as soon as before. */
  shiftTimes(deltaUs: number): void {
    this.#sinceUs += deltaUs;
  }

  #tokensAt(timeUs: number): number {
    const { burst, perSecond } = this.#allowance;
    return Math.min(burst, this.#tokens + (Math.max(0, timeUs - this.#sinceUs) / 1_000_000) * perSecond);
  }
}
