/** Settings that may change while others go by them, as their readers see them. */
export interface SettingsView<Settings extends object> {
  /** What holds now: one object for good, whose properties change. */
  readonly current: Readonly<Settings>;
  /** Calls `react` each time that some of these settings have changed, once all of them have their new values. */
  onChange(names: readonly (keyof Settings)[], react: () => void): void;
  /**
   * Calls `prepare` with other settings before they hold, if some of these differ: it does what may fail. Nothing
   * changes when it answers false.
   */
  beforeChange(names: readonly (keyof Settings)[], prepare: (next: Settings) => boolean): void;
}

interface Reaction<Settings> {
  readonly names: readonly (keyof Settings)[];
  readonly react: () => void;
}

interface Preparation<Settings> {
  readonly names: readonly (keyof Settings)[];
  readonly prepare: (next: Settings) => boolean;
}

/**
 * The one way by which settings reach whoever goes by them. Who looks at a setting each time it is needed reads
 * `current`; who has made something of it is told of a change.
 */
export class LiveSettings<Settings extends object> implements SettingsView<Settings> {
  readonly current: Settings;
  readonly #preparations: Preparation<Settings>[] = [];
  readonly #reactions: Reaction<Settings>[] = [];

  constructor(settings: Settings) {
    this.current = { ...settings };
  }

  onChange(names: readonly (keyof Settings)[], react: () => void): void {
    this.#reactions.push({ names, react });
  }

  beforeChange(names: readonly (keyof Settings)[], prepare: (next: Settings) => boolean): void {
    this.#preparations.push({ names, prepare });
  }

  /** Does ahead what may fail. False when other settings cannot hold: those of now go on. `change` is to follow. */
  prepare(next: Settings): boolean {
    const changed = this.#changes(next);
    return this.#preparations.every(({ names, prepare }) => !names.some((name) => changed.has(name)) || prepare(next));
  }

  /** Lets other settings hold from now on, and tells whom it concerns. Returns the names of those that changed. */
  change(next: Settings): ReadonlySet<keyof Settings> {
    const changed = this.#changes(next);
    Object.assign(this.current, next);
    for (const { names, react } of this.#reactions) {
      if (names.some((name) => changed.has(name))) react();
    }
    return changed;
  }

  #changes(next: Settings): Set<keyof Settings> {
    const names = Object.keys(next) as (keyof Settings)[];
    return new Set(names.filter((name) => !isSame(this.current[name], next[name])));
  }
}

/** Values of settings are texts, numbers, booleans, null, and lists of these. */
function isSame(one: unknown, other: unknown): boolean {
  if (!Array.isArray(one) || !Array.isArray(other)) return Object.is(one, other);
  return one.length === other.length && one.every((value, i) => Object.is(value, other[i]));
}
