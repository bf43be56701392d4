const MOST_KEYS = 10_000;

/** How much each key may have: `burst` at once, and `perSecond` in the long run. */
export interface Allowance {
  readonly burst: number;
  readonly perSecond: number;
}

interface Bucket {
  tokens: number;
  sinceUs: number;
}

/**
 * A token bucket for each of many keys. Bounded to 10,000 of them: the one not used for longest is forgotten, and would
 * begin anew with all it may have.
 */
export class Allowances {
  readonly #allowance: Allowance;
  /** In order of use, oldest first. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(allowance: Allowance) {
    this.#allowance = allowance;
  }

  /** Whether a key has anything left at `timeUs`. */
  has(key: string, timeUs: number): boolean {
    const bucket = this.#buckets.get(key);
    return bucket === undefined || this.#tokens(bucket, timeUs) >= 1;
  }

  /** Takes one from a key that has something left. */
  take(key: string, timeUs: number): void {
    const bucket = this.#buckets.get(key) ?? { tokens: this.#allowance.burst, sinceUs: timeUs };
    bucket.tokens = this.#tokens(bucket, timeUs) - 1;
    bucket.sinceUs = Math.max(bucket.sinceUs, timeUs);
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size <= MOST_KEYS) return;
    for (const oldest of this.#buckets.keys()) {
      this.#buckets.delete(oldest);
      return;
    }
  }

  #tokens({ tokens, sinceUs }: Bucket, timeUs: number): number {
    const { burst, perSecond } = this.#allowance;
    return Math.min(burst, tokens + (Math.max(0, timeUs - sinceUs) / 1_000_000) * perSecond);
  }
}
