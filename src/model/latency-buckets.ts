/** Upper bounds of the buckets, in microseconds: from a local network to what nobody waits for. */
export const BUCKET_BOUNDS_US: readonly number[] = [
  100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
  5_000_000, 10_000_000,
];

/** Counts latencies by how long they were. */
export class LatencyBuckets {
  /** By bucket; the last one is for what is longer than all bounds. */
  readonly counts: number[] = Array.from({ length: BUCKET_BOUNDS_US.length + 1 }, () => 0);
  sumUs = 0;

  add(latencyUs: number): void {
    let bucket = 0;
    while (bucket < BUCKET_BOUNDS_US.length && latencyUs > BUCKET_BOUNDS_US[bucket]) bucket++;
    this.counts[bucket]++;
    this.sumUs += latencyUs;
  }
}
