import { type Allowance, TokenBucket } from './token-bucket.ts';

const MOST_KEYS = 10_000;
/** More than one, so that they become fewer. */
const FORGOTTEN_AT_ONCE = 2;

/**
 * A token bucket for each of many keys. A key is forgotten when it has all it may have again, and the one not used for
 * longest when there are 10,000.
 */
export class Allowances {
  readonly #allowance: Allowance;
  /** In order of use, oldest first. */
  readonly #buckets = new Map<string, TokenBucket>();

  /** @param allowance how much each key may have */
  constructor(allowance: Allowance) {
    this.#allowance = allowance;
  }

  /** Keys that are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Whether a key has anything left at `timeUs`. */
  has(key: string, timeUs: number): boolean {
    return this.#buckets.get(key)?.has(timeUs) ?? true;
  }

  /** Takes one from a key, if it has something left. */
  take(key: string, timeUs: number): void {
    const bucket = this.#buckets.get(key) ?? new TokenBucket(this.#allowance);
    bucket.tryTake(timeUs);
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    this.#forget(timeUs);
  }

  /** The clock was set by `deltaUs`. */
  shiftTimes(deltaUs: number): void {
    for (const bucket of this.#buckets.values()) bucket.shiftTimes(deltaUs);
  }

  /** Forgets keys that have all they may have again, and the oldest where there are too many; a few at a time. */
  #forget(timeUs: number): void {
    let left = FORGOTTEN_AT_ONCE;
    for (const [key, bucket] of this.#buckets) {
      if (left-- === 0 || (!bucket.isFull(timeUs) && this.#buckets.size <= MOST_KEYS)) return;
      this.#buckets.delete(key);
    }
  }
}
