/** A power of two; names beyond that take each other's places. */
const PLACES = 4096;
/** An address that was answered so lately is still known to the client. */
const LATELY_US = 30_000_000;

/** Which names were answered lately, by a hash of client and name: who has an address of one kind does without the other. */
export class RecentAnswers {
  readonly #hashes = new Int32Array(PLACES);
  readonly #times = new Float64Array(PLACES);

  note(hash: number, timeUs: number): void {
    this.#hashes[hash & (PLACES - 1)] = hash;
    this.#times[hash & (PLACES - 1)] = timeUs;
  }

  has(hash: number, timeUs: number): boolean {
    const place = hash & (PLACES - 1);
    return this.#hashes[place] === hash && Math.abs(timeUs - this.#times[place]) < LATELY_US;
  }

  /** The clock was set by `deltaUs`. */
  shiftTimes(deltaUs: number): void {
    for (let i = 0; i < PLACES; i++) this.#times[i] += deltaUs;
  }
}
