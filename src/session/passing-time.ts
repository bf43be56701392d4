import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Dumps } from '../pipeline/dumps.ts';
import type { PacketProcessor } from '../pipeline/packet-processor.ts';
import type { ClockSteps } from './clock-steps.ts';

/** Packets may be this much older than the wall clock when they are read: until then their time has not passed. */
const READ_DELAY_MS = 200;

/** What lets time pass for a session whose packets do not. */
export interface PassingTimeParts {
  readonly processor: PacketProcessor;
  /** Null: no packets are kept. */
  readonly dumps: Dumps | null;
  readonly clockSteps: ClockSteps;
  /** Resolves when the files have taken what was reported. */
  readonly drain: () => Promise<void>;
  /** Told what goes wrong. */
  readonly fail: (error: unknown) => void;
}

/** Lets wall-clock time pass where no packet brings it along: deadlines come due, pcaps are written. */
export class PassingTime {
  readonly #parts: PassingTimeParts;
  #isPassing = false;

  constructor(parts: PassingTimeParts) {
    this.#parts = parts;
  }

  /** Milliseconds until a pcap is to be written, or a DNS query should have been answered; infinity when nothing is. */
  get msToDue(): number {
    const { dumps, processor } = this.#parts;
    const earliestUs = Math.min(dumps?.earliestUs ?? Number.POSITIVE_INFINITY, processor.questions.earliestUs);
    return earliestUs / 1000 + READ_DELAY_MS - Date.now();
  }

  /** Begins to let time pass up to now; that nothing is there to be read is for the caller to know. */
  pass(): void {
    if (this.#isPassing) return;
    this.#isPassing = true;
    this.catchUp()
      .catch(this.#parts.fail)
      .finally(() => {
        this.#isPassing = false;
      });
  }

  /** Lets time pass up to now, with turns for packets and files in between when much is due. */
  async catchUp(): Promise<void> {
    this.#parts.clockSteps.look();
    const nowUs = (Date.now() - READ_DELAY_MS) * 1000;
    while (this.#parts.processor.advance(nowUs)) {
      await this.#parts.drain();
      await nextTurn();
    }
  }
}
