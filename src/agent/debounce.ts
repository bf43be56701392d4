/** Work that may be asked for many times in a moment, and is done once. */
export class Debounce {
  readonly #work: () => void;
  readonly #delayMs: number;
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(work: () => void, delayMs: number) {
    this.#work = work;
    this.#delayMs = delayMs;
  }

  /** Has it done so long after the first who asked. Does not keep the process alive. */
  ask(): void {
    if (this.#isClosed) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#work();
    }, this.#delayMs).unref();
  }

  /** It is not done any more. Idempotent. */
  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
