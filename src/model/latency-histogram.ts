/** Buckets to each doubling: a quantile is at most 1/32 off. */
const SUB_BITS = 4;
const SUB_BUCKETS = 1 << SUB_BITS;
const LARGEST_US = 2 ** 31 - 1;
const BUCKETS = (31 - SUB_BITS + 1) * SUB_BUCKETS;

/** Latencies in microseconds, 1.8 KB however many there are: buckets of one width up to 16, then 16 to each doubling. */
export class LatencyHistogram {
  readonly #counts = new Uint32Array(BUCKETS);
  #count = 0;
  #leastUs = LARGEST_US;
  #mostUs = 0;

  /** How many were added. */
  get count(): number {
    return this.#count;
  }

  /** Counts a latency; what is longer than 35 minutes counts as that. */
  add(latencyUs: number): void {
    const us = Math.min(Math.trunc(latencyUs), LARGEST_US);
    this.#counts[bucketOf(us)]++;
    this.#count++;
    this.#leastUs = Math.min(this.#leastUs, us);
    this.#mostUs = Math.max(this.#mostUs, us);
  }

  /** The latency that a part `q` (0–1) of all does not exceed; NaN when there are none. */
  quantile(q: number): number {
    const rank = Math.max(1, Math.ceil(q * this.#count));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket];
      if (seen >= rank) return Math.min(Math.max(middleOf(bucket), this.#leastUs), this.#mostUs);
    }
    return Number.NaN;
  }
}

function bucketOf(us: number): number {
  if (us < SUB_BUCKETS) return us;
  const shift = 31 - Math.clz32(us) - SUB_BITS;
  return (shift + 1) * SUB_BUCKETS + (us >>> shift) - SUB_BUCKETS;
}

function middleOf(bucket: number): number {
  if (bucket < SUB_BUCKETS) return bucket;
  const shift = Math.floor(bucket / SUB_BUCKETS) - 1;
  const low = (SUB_BUCKETS + (bucket % SUB_BUCKETS)) * 2 ** shift;
  return Math.floor(low + (2 ** shift - 1) / 2);
}
