import { BEAT_MS, msToBeat } from '../model/beat.ts';

/** How often it is looked while nothing comes, in milliseconds. */
const QUIET_MS = 2 * BEAT_MS;
/** Nothing came for so long: it is quiet. */
const QUIET_AFTER_MS = 1000;

/** Looks whether something came since the last time, and takes care of it; true when something did. */
export type Look = () => boolean;

/**
 * One timer that looks at the rings of all sessions, by memory that the kernel writes: a session where nothing came
 * costs some loads, and neither a system call nor a promise. It looks at beats, see `BEAT_MS`.
 */
export class Pulse {
  readonly #looks = new Set<Look>();
  #timer: NodeJS.Timeout | null = null;
  #cameMs = Number.NEGATIVE_INFINITY;
  readonly #beat = () => this.#lookAtAll();

  /** `look` is called again and again from now on, until `remove`. It must not throw. */
  add(look: Look): void {
    this.#looks.add(look);
    if (this.#timer === null) this.#arm(performance.now());
  }

  /** Ends what `add` began. The last one lets the timer go. Idempotent. */
  remove(look: Look): void {
    this.#looks.delete(look);
    if (this.#looks.size > 0 || this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#timer = null;
  }

  #lookAtAll(): void {
    const nowMs = performance.now();
    this.#timer = null;
    for (const look of this.#looks) if (look()) this.#cameMs = nowMs;
    if (this.#looks.size > 0 && this.#timer === null) this.#arm(nowMs);
  }

  #arm(nowMs: number): void {
    const periodMs = nowMs - this.#cameMs < QUIET_AFTER_MS ? BEAT_MS : QUIET_MS;
    this.#timer = setTimeout(this.#beat, msToBeat(nowMs, periodMs));
  }
}
