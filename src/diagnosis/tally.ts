/** Counts how often texts come, for a bounded number of different ones; those beyond are counted together. */
export class Tally {
  readonly #most: number;
  readonly #counts = new Map<string, number>();
  #others = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Occurrences of texts for which there was no room. */
  get others(): number {
    return this.#others;
  }

  add(text: string, times = 1): void {
    const count = this.#counts.get(text);
    if (count === undefined && this.#counts.size >= this.#most) this.#others += times;
    else this.#counts.set(text, (count ?? 0) + times);
  }

  /** Takes over what another one counted. */
  addAll(other: Tally): void {
    for (const [text, count] of other.#counts) this.add(text, count);
    this.#others += other.#others;
  }

  /** All that was counted. */
  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, this.#others);
  }

  /** The texts and their counts, most frequent first. */
  entries(): [text: string, count: number][] {
    return [...this.#counts].sort((a, b) => b[1] - a[1]);
  }

  /** The texts, most frequent first. */
  texts(): string[] {
    return this.entries().map(([text]) => text);
  }
}
