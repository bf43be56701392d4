/** Work that may be asked for many times in a moment, and is done once. */
export class Delayed {
  readonly #work: () => void;
  readonly #delayMs: number;
  #timer: NodeJS.Timeout | null = null;

  constructor(work: () => void, delayMs: number) {
    this.#work = work;
    this.#delayMs = delayMs;
  }

  /** Has it done so long after the first who asked. Does not keep the process alive. */
  ask(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#work();
    }, this.#delayMs).unref();
  }
}
