const BURST = 256;
const PER_SECOND = 16;

/**
 * Bounds how many dumps are begun: 256 at once, and 16 a second in the long run. Each of them is a file that is synced
 * to the disk, and thousands of resets of one kind prove no more than the first hundreds.
 */
export class DumpRate {
  #tokens = BURST;
  #sinceUs = Number.NaN;
  #refused = 0;

  /** How often the answer was no. */
  get refused(): number {
    return this.#refused;
  }

  /** Whether one more may be begun at `timeUs`. */
  take(timeUs: number): boolean {
    if (timeUs > this.#sinceUs) {
      this.#tokens = Math.min(BURST, this.#tokens + ((timeUs - this.#sinceUs) / 1_000_000) * PER_SECOND);
    }
    if (!(timeUs <= this.#sinceUs)) this.#sinceUs = timeUs;
    if (this.#tokens < 1) {
      this.#refused++;
      return false;
    }
    this.#tokens--;
    return true;
  }
}
