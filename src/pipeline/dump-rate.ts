import { FairShare } from '../limits/fair-share.ts';
import type { ConnectionSummary } from '../model/event.ts';

const FOR_ALL = { burst: 256, perSecond: 16 };
const FOR_ONE = { burst: 128, perSecond: 8 };

/**
 * Bounds how many dumps are begun: 256 at once, and 16 a second in the long run, half of them for one peer or service.
 * Each of them is a file that is synced to the disk, and thousands of resets of one kind prove no more than the first hundreds.
 */
export class DumpRate {
  readonly #share = new FairShare(FOR_ONE, FOR_ALL);
  #refused = 0;

  /** How often the answer was no. */
  get refused(): number {
    return this.#refused;
  }

  /** Whether one more may be begun at `timeUs`. */
  take(timeUs: number): boolean {
    return this.#count(this.#share.takeOfAll(timeUs));
  }

  /** Whether one more may be begun for a connection, whose peer and service have to leave some to others. */
  takeShare(ends: ConnectionSummary, timeUs: number): boolean {
    return this.#count(this.#share.take(ends, timeUs));
  }

  /** The clock was set by `deltaUs`. */
  shiftTimes(deltaUs: number): void {
    this.#share.shiftTimes(deltaUs);
  }

  #count(answer: boolean): boolean {
    if (!answer) this.#refused++;
    return answer;
  }
}
