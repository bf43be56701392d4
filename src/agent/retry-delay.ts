/** A wait that anybody may cut short, also before it begins. */
export class RetryDelay {
  #cut = false;
  #wake: () => void = () => undefined;

  /** Ends the present wait; when there is none, the next one ends at once. */
  cut(): void {
    this.#cut = true;
    this.#wake();
  }

  /** Waits; true when it was cut short. Infinity waits for that. */
  async wait(ms: number): Promise<boolean> {
    if (!this.#cut) {
      await new Promise<void>((resolve) => {
        const timer = ms === Number.POSITIVE_INFINITY ? undefined : setTimeout(resolve, ms);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const wasCut = this.#cut;
    this.#cut = false;
    this.#wake = () => undefined;
    return wasCut;
  }
}
