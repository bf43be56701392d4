/** What could not be written since a session began. */
export interface Losses {
  readonly lostLines: number;
  readonly lostDumps: number;
  /** Not even tried, as too little is free on the volume. */
  readonly withheldLines: number;
  readonly withheldDumps: number;
}

/** Where it is told. */
export interface FaultLog {
  error(message: string, fields: Readonly<Record<string, unknown>>): void;
  info(message: string, fields: Readonly<Record<string, unknown>>): void;
}

const TOLD_EVERY_MS = 60_000;
/** A disk on which nothing failed for so long is well again. */
const WELL_AFTER_MS = 5000;

/**
 * Tells of a disk that cannot be written to: the first fault at once, then once a minute as long as something is lost,
 * and when it is over. A disk that fails does so for every file, every second: the counters have it all.
 */
export class DiskFaults {
  readonly #clock: () => number;
  readonly #losses: () => Losses;
  readonly #log: FaultLog;
  #told: Losses = { lostLines: 0, lostDumps: 0, withheldLines: 0, withheldDumps: 0 };
  #toldMs = Number.NEGATIVE_INFINITY;
  #faultMs = Number.NEGATIVE_INFINITY;
  /** A fault was told, and not yet that it is over. */
  #failing = false;
  #lastFault: string | null = null;

  /** `clock` gives milliseconds since 1970-01-01. */
  constructor(clock: () => number, losses: () => Losses, log: FaultLog) {
    this.#clock = clock;
    this.#losses = losses;
    this.#log = log;
  }

  /** The latest fault in words; null when there was none. */
  get lastFault(): string | null {
    return this.#lastFault;
  }

  /** An attempt to write failed, or something was given up because the disk is too slow. */
  fault(message: string): void {
    this.#lastFault = message;
    this.#faultMs = this.#clock();
    if (this.#faultMs - this.#toldMs < TOLD_EVERY_MS) return;
    this.#failing = true;
    this.#tell(message);
  }

  /** An attempt to write succeeded. */
  wrote(): void {
    if (!this.#failing || this.#clock() - this.#faultMs < WELL_AFTER_MS) return;
    this.#failing = false;
    this.#log.info('the files can be written again', { ...this.#losses() });
  }

  /** To be called once in a while: tells what was lost without a fault of the disk, as by lack of room. */
  advance(): void {
    if (this.#clock() - this.#toldMs < TOLD_EVERY_MS) return;
    const now = this.#losses();
    const told = this.#told;
    const names = Object.keys(now) as (keyof Losses)[];
    if (names.some((name) => now[name] > told[name])) this.#tell('lines or pcaps are not written');
  }

  #tell(message: string): void {
    this.#toldMs = this.#clock();
    this.#told = this.#losses();
    this.#log.error(message, { ...this.#told });
  }
}
