import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Attribution } from '../attribution/attribution.ts';
import type { LiveSource, SourceState } from '../capture/packet-source.ts';
import type { PacketProcessor } from '../pipeline/packet-processor.ts';
import type { ClockSteps } from './clock-steps.ts';
import type { GuardedTimers } from './guarded-timers.ts';
import type { LoadShedding } from './load-shedding.ts';

/** Frames taken in before files, timers and other sessions have their turn. */
const FRAMES_AT_ONCE = 4096;
/** What was sent before a stop is still read: a frame is read 60 ms after it came at the latest, … */
const LAST_FRAMES_MS = 100;
/** … and there may be more than can be read at once; what has not been read after this is not waited for. */
const LAST_READING_MS = 2000;

/** What frames are read from, and who has its turn with them. */
export interface CaptureLoopParts {
  readonly source: LiveSource;
  readonly processor: PacketProcessor;
  readonly attribution: Attribution;
  readonly shedding: LoadShedding;
  readonly clockSteps: ClockSteps;
  readonly timers: GuardedTimers;
}

/** What a turn that the source called has failed with. */
interface Failure {
  readonly error: unknown;
}

/**
 * Reads a session's frames in batches, and lets files, timers and other sessions have their turn in between. While all that
 * comes can be read at once, the source calls each turn (`LiveSource.ready`), and no promise is made.
 */
export class CaptureLoop {
  readonly #parts: CaptureLoopParts;
  #isDry = true;
  #failure: Failure | null = null;
  readonly #turnInPlace = () => this.#tryTurn();

  constructor(parts: CaptureLoopParts) {
    this.#parts = parts;
  }

  /** The source had nothing more when it was last asked: wall-clock time may pass. */
  get isDry(): boolean {
    return this.#isDry;
  }

  /** Reads until the source has ended or is closed; resolves with why. Rejects with what goes wrong in a batch. */
  async run(): Promise<Exclude<SourceState, 'readable'>> {
    const { source } = this.#parts;
    while (true) {
      this.#turn();
      const state = this.#isDry ? await source.ready(this.#turnInPlace) : 'readable';
      if (this.#failure !== null) throw this.#failure.error;
      await nextTurn();
      if (state !== 'readable') return state;
    }
  }

  /** Closes the source once what was sent up to now has been read. */
  closeSoon(): void {
    const untilMs = performance.now() + LAST_FRAMES_MS + LAST_READING_MS;
    const { frames } = this.#parts.source.counters();
    this.#parts.timers.in(LAST_FRAMES_MS, () => this.#closeWhenRead(untilMs, frames));
  }

  #turn(): void {
    const { attribution, shedding } = this.#parts;
    shedding.turn(); // before what came after a loss is read
    attribution.poll();
    this.#read();
  }

  /** True when everything was read. What goes wrong is kept for `run`. */
  #tryTurn(): boolean {
    try {
      this.#turn();
      return this.#isDry;
    } catch (error) {
      this.#failure = { error };
      return false;
    }
  }

  #read(): void {
    const { source, processor, attribution, clockSteps } = this.#parts;
    clockSteps.look();
    this.#isDry = processor.drain(source, FRAMES_AT_ONCE);
    attribution.turn();
  }

  /** `frames`: how many had been read `LAST_FRAMES_MS` ago; -1 when more were to be read at once. */
  #closeWhenRead(untilMs: number, frames: number): void {
    const { source, timers } = this.#parts;
    this.#read();
    // a source that reads frames early gives the last ones only some looks after the others
    const read = source.counters().frames;
    if ((this.#isDry && read === frames) || performance.now() >= untilMs) source.close();
    else if (this.#isDry) timers.in(LAST_FRAMES_MS, () => this.#closeWhenRead(untilMs, read));
    else timers.in(0, () => this.#closeWhenRead(untilMs, -1));
  }
}
