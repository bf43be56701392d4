/** A wall clock that differs by more from the monotonic one than at the last look was set; less is slewing, or a busy machine. */
const LEAST_STEP_MS = 500;

/** The clocks of the machine, in milliseconds. */
export interface Clocks {
  readonly wallMs: () => number;
  readonly monotonicMs: () => number;
}

const MACHINE: Clocks = { wallMs: () => Date.now(), monotonicMs: () => performance.now() };

/** Notices that the wall clock, which the packets' times come from, was set. */
export class ClockSteps {
  readonly #onStep: (deltaUs: number) => void;
  readonly #clocks: Clocks;
  #offsetMs: number;

  /** `onStep` is told by how much, before anything of the new time is looked at. */
  constructor(onStep: (deltaUs: number) => void, clocks = MACHINE) {
    this.#onStep = onStep;
    this.#clocks = clocks;
    this.#offsetMs = clocks.wallMs() - clocks.monotonicMs();
  }

  /** To be called before packets are read and before time passes. */
  look(): void {
    const offsetMs = this.#clocks.wallMs() - this.#clocks.monotonicMs();
    const deltaMs = offsetMs - this.#offsetMs;
    this.#offsetMs = offsetMs;
    if (Math.abs(deltaMs) > LEAST_STEP_MS) this.#onStep(Math.round(deltaMs) * 1000);
  }
}
