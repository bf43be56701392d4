/**
 * Groups by key, as many as `most` and up to twice that for a while: then the lightest go, and are counted, so that a
 * scan of all ports cannot crowd out what matters.
 */
export class BoundedGroups<Group> {
  readonly #most: number;
  readonly #rank: (group: Group) => number;
  readonly #groups = new Map<string, Group>();
  #dropped = 0;

  constructor(most: number, rank: (group: Group) => number) {
    this.#most = most;
    this.#rank = rank;
  }

  /** Groups that had to go, or are not among the `heaviest`. One that comes again counts again. */
  get dropped(): number {
    return this.#dropped + Math.max(0, this.#groups.size - this.#most);
  }

  /** The group of a key; made when there is none. */
  get(key: string, make: () => Group): Group {
    let group = this.#groups.get(key);
    if (group !== undefined) return group;
    if (this.#groups.size >= 2 * this.#most) this.#dropLightest();
    group = make();
    this.#groups.set(key, group);
    return group;
  }

  /** The group of a key, if there is one. */
  find(key: string): Group | undefined {
    return this.#groups.get(key);
  }

  /** The groups, heaviest first, at most `most`. */
  heaviest(): Group[] {
    return [...this.#groups.values()].sort((a, b) => this.#rank(b) - this.#rank(a)).slice(0, this.#most);
  }

  #dropLightest(): void {
    const entries = [...this.#groups].sort((a, b) => this.#rank(b[1]) - this.#rank(a[1]));
    for (const [key] of entries.slice(this.#most)) this.#groups.delete(key);
    this.#dropped += entries.length - this.#most;
  }
}
