import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Delayed } from './delayed.ts';

/** Sessions often end together: their memory is collected at once. */
const DELAY_MS = 1_000;

/**
 * Gives the memory of ended sessions back. Most of it (rings, tables, kept packets) is the kernel's and freed when the
 * last view of it is collected; the engine sees a few small objects, and would not look for them for hours when the
 * agent has little to do.
 */
export class GarbageCollector {
  readonly #collection: Delayed;

  constructor() {
    setFlagsFromString('--expose-gc');
    this.#collection = new Delayed(runInNewContext('gc'), DELAY_MS);
  }

  /** Collects in a moment: takes some 10 ms, in which rings fill. */
  soon(): void {
    this.#collection.ask();
  }
}
