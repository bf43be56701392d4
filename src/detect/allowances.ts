const MOST_KEYS = 10_000;
/** More than one, so that they become fewer. */
const FORGOTTEN_AT_ONCE = 2;

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
 * A token bucket for each of many keys. A key is forgotten when it has all it may have again, and the one not used for
 * longest when there are 10,000.
 */
export class Allowances<Key extends string | number = string> {
  readonly #allowance: Allowance;
  /** In order of use, oldest first. */
  readonly #buckets = new Map<Key, Bucket>();

  constructor(allowance: Allowance) {
    this.#allowance = allowance;
  }

  /** Keys that are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Whether a key has anything left at `timeUs`. */
  has(key: Key, timeUs: number): boolean {
    const bucket = this.#buckets.get(key);
    return bucket === undefined || this.#tokens(bucket, timeUs) >= 1;
  }

  /** Takes one from a key, if it has something left; says whether it had. */
  tryTake(key: Key, timeUs: number): boolean {
    if (!this.has(key, timeUs)) return false;
    this.take(key, timeUs);
    return true;
  }

  /** Takes one from a key that has something left. */
  take(key: Key, timeUs: number): void {
    const bucket = this.#buckets.get(key) ?? { tokens: this.#allowance.burst, sinceUs: timeUs };
    bucket.tokens = this.#tokens(bucket, timeUs) - 1;
    bucket.sinceUs = Math.max(bucket.sinceUs, timeUs);
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    this.#forget(timeUs);
  }

  /** Forgets keys that have all they may have again, and the oldest where there are too many; a few at a time. */
  #forget(timeUs: number): void {
    let left = FORGOTTEN_AT_ONCE;
    for (const [key, bucket] of this.#buckets) {
      const isFull = this.#tokens(bucket, timeUs) === this.#allowance.burst;
      if (left-- === 0 || (!isFull && this.#buckets.size <= MOST_KEYS)) return;
      this.#buckets.delete(key);
    }
  }

  #tokens({ tokens, sinceUs }: Bucket, timeUs: number): number {
    const { burst, perSecond } = this.#allowance;
    return Math.min(burst, tokens + (Math.max(0, timeUs - sinceUs) / 1_000_000) * perSecond);
  }
}
