/** Times within a sliding window, oldest first. */
export class RecentTimes {
  #times: number[] = [];
  /** Times before this position are past. */
  #first = 0;

  /** How many times are held. */
  get size(): number {
    return this.#times.length - this.#first;
  }

  /** The clock was set by `deltaUs`. */
  shiftTimes(deltaUs: number): void {
    this.#times = this.#times.map((timeUs) => timeUs + deltaUs);
  }

  /** Takes in the newest time and lets go of those that are `windowUs` or more before it, or beyond `most` in number. */
  add(timeUs: number, windowUs: number, most: number): void {
    this.#times.push(timeUs);
    while (this.#times[this.#first] <= timeUs - windowUs || this.size > most) this.#first++;
    if (this.#first * 2 > this.#times.length) {
      this.#times = this.#times.slice(this.#first);
      this.#first = 0;
    }
  }
}
