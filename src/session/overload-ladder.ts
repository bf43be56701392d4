/** How much of its work a session sheds; each step sheds what those before it do, too. */
export const Step = {
  /** Nothing is shed. */
  none: 0,
  /** Packets are not kept for pcaps. */
  history: 1,
  /** Payload is not read. */
  payload: 2,
  /** Of the traffic of established connections, that of one connection in eight is captured. */
  sample: 3,
  /** Only what begins and ends connections is captured, and TLS handshakes. */
  established: 4,
} as const;

export type Step = (typeof Step)[keyof typeof Step];

/** A step was taken: up when more is shed than before. */
export interface StepTaken {
  readonly step: Step;
  readonly isUp: boolean;
  /** For how long it had been too much, or calm again, before that. */
  readonly afterMs: number;
}

/** How well a consumer keeps up with the capture. */
export interface Pressure {
  /** Packets were lost since the last time. */
  readonly isLosing: boolean;
  /** How much of the room for those that wait is taken, 0 to 1. */
  readonly backlogLevel: number;
}

/** Who has so much waiting has fallen behind. */
const BEHIND_LEVEL = 1 / 4;
/** With so much waiting, packets are soon lost. */
const URGENT_LEVEL = 3 / 4;
/** What a step sheds shows after so long, where more is wanted at once. */
const URGENT_MS = 200;
/** A pressure that lasts so long is no hiccup: the rings of eight sessions are read empty sooner than that. */
const TOO_LONG_MS = 500;
/** Without a sign of pressure for so long, it is over. */
const RELIEF_MS = 250;
/** How long it has to be calm before less is shed. */
const CALM_MS = 5000;
/** Pressure so soon after a step down means that it came too early: the next one is waited for twice as long. */
const RELAPSE_MS = 10_000;
const LONGEST_CALM_MS = 60_000;

/**
 * Decides how much is shed when the consumer cannot keep up with the capture: one step more for as long as it is too
 * much, sooner when there is hardly any room left for what waits; one less each time that it was calm for a while. It only
 * says so; who asks does it.
 */
export class OverloadLadder {
  #step: Step = Step.none;
  /** The first and the latest sign of the pressure that lasts. */
  #pressedSinceMs = Number.NaN;
  #pressedMs = Number.NEGATIVE_INFINITY;
  #calmSinceMs = Number.NaN;
  #calmNeededMs = CALM_MS;
  #steppedDownMs = Number.NEGATIVE_INFINITY;
  #steppedUpMs = Number.NEGATIVE_INFINITY;

  /** How much is to be shed now. */
  get step(): Step {
    return this.#step;
  }

  /** Takes in what the pressure is at `nowMs`. To be called again and again. Says what step is to be taken now; null: none. */
  note({ isLosing, backlogLevel }: Pressure, nowMs: number): StepTaken | null {
    if (isLosing || backlogLevel >= BEHIND_LEVEL) return this.#press(nowMs, backlogLevel >= URGENT_LEVEL);
    if (nowMs - this.#pressedMs < RELIEF_MS) return null;
    this.#pressedSinceMs = Number.NaN;
    if (this.#step === Step.none) return null;
    if (Number.isNaN(this.#calmSinceMs)) this.#calmSinceMs = nowMs;
    const calmMs = nowMs - this.#calmSinceMs;
    if (calmMs < this.#calmNeededMs) return null;
    this.#calmSinceMs = nowMs;
    this.#steppedDownMs = nowMs;
    this.#step = (this.#step - 1) as Step;
    return { step: this.#step, isUp: false, afterMs: calmMs };
  }

  #press(nowMs: number, isUrgent: boolean): StepTaken | null {
    this.#calmSinceMs = Number.NaN;
    this.#pressedMs = nowMs;
    if (Number.isNaN(this.#pressedSinceMs)) this.#pressedSinceMs = nowMs;
    const pressedMs = nowMs - this.#pressedSinceMs;
    const isTooMuch = pressedMs >= TOO_LONG_MS || (isUrgent && nowMs - this.#steppedUpMs >= URGENT_MS);
    if (!isTooMuch || this.#step === Step.established) return null;
    const isRelapse = nowMs - this.#steppedDownMs < RELAPSE_MS;
    this.#steppedDownMs = Number.NEGATIVE_INFINITY;
    this.#calmNeededMs = isRelapse ? Math.min(this.#calmNeededMs * 2, LONGEST_CALM_MS) : CALM_MS;
    this.#pressedSinceMs = nowMs; // what this step sheds has to show first
    this.#steppedUpMs = nowMs;
    this.#step = (this.#step + 1) as Step;
    return { step: this.#step, isUp: true, afterMs: pressedMs };
  }
}
