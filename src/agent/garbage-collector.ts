import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Debounce } from './debounce.ts';

/** Sessions often end together: their memory is collected at once. */
const DELAY_MS = 1_000;
/**
 * The heap is marked when it has grown by this much since the last time. The engine by itself lets one of 20 MB grow by
 * 5, as the agent allocates little that stays: 100 ms of marking every quarter or half of a minute.
 */
const HEAP_GROWTH_PERCENT = 100;

/**
 * Says when memory is collected, beyond what the engine knows by itself. It gives the memory of ended sessions back: most
 * of it (rings, tables, kept packets) is the kernel's and freed when the last view of it is collected; the engine sees a
 * few small objects, and would not look for them for hours when the agent has little to do.
 */
export class GarbageCollector {
  #collection: Debounce | null = null;

  /** Tells the engine how far its heap may grow. */
  start(): void {
    setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);
    setFlagsFromString('--expose-gc');
    this.#collection = new Debounce(runInNewContext('gc'), DELAY_MS);
  }

  /** Collects in a moment: takes some 10 ms, in which rings fill. */
  soon(): void {
    this.#collection?.ask();
  }

  /** Collects no more. Idempotent. */
  close(): void {
    this.#collection?.close();
    this.#collection = null;
  }
}
