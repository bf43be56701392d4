/** The latest of what came, numbered from 1 on; the oldest go when there are more than `most`. */
export class Recent<Item> {
  readonly #most: number;
  readonly #items: Item[] = [];
  #last = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Number of the latest item; 0 before the first. */
  get last(): number {
    return this.#last;
  }

  add(item: Item): void {
    this.#items[this.#last % this.#most] = item;
    this.#last++;
  }

  /** Those that came after the item of a number, as far as they are still there, oldest first. */
  after(number: number): Item[] {
    const first = Math.max(number, this.#last - this.#most, 0);
    return Array.from({ length: this.#last - first }, (_, i) => this.#items[(first + i) % this.#most]);
  }
}
