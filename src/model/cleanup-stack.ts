import { everyStepInTurn } from './every-step.ts';

/** What has to be closed again, in the order in which it was opened. */
export class CleanupStack {
  readonly #cleanups: (() => void | Promise<void>)[] = [];
  #closed: Promise<void> | null = null;

  /** Has something done when the stack is closed, before what was put in earlier. */
  defer(cleanup: () => void | Promise<void>): void {
    this.#cleanups.unshift(cleanup);
  }

  /** Does all of it, the latest first, whatever fails; rejects with the first failure in the end. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= everyStepInTurn(...this.#cleanups);
    return this.#closed;
  }
}
