import type { StreamBudget } from '../stream/stream-budget.ts';
import { REPORTED_BYTES, reportedText } from './http-matches.ts';

/** What is asked of the budget for one unfinished head: its request line and the line that is cut. */
const KEPT_BYTES = 2 * REPORTED_BYTES;
const FIRST_PIECE_BYTES = 64; // most lines are shorter

/**
 * What has to outlive a call when a head comes in pieces: the request line, and the first bytes of the line in which
 * the piece ended. Holds memory only while a head is unfinished.
 */
export class LineKeeper {
  readonly #budget: StreamBudget;
  #requestLine: string | null = null;
  #bytes: Uint8Array | null = null;
  #length = 0;
  #tookBudget = false;

  constructor(budget: StreamBudget) {
    this.#budget = budget;
  }

  /** The line begun in an earlier call: its bytes, `length` of them. */
  get bytes(): Uint8Array | null {
    return this.#length > 0 ? this.#bytes : null;
  }

  get length(): number {
    return this.#length;
  }

  /** Request line of the head, when it came in an earlier call. */
  get requestLine(): string | null {
    return this.#requestLine;
  }

  keepRequestLine(requestLine: string): boolean {
    if (!this.#reserve()) return false;
    this.#requestLine = requestLine;
    return true;
  }

  /** Adds a piece of a line, as far as it is of use. False when there is no memory for it. */
  keepPiece(bytes: Uint8Array, start: number, end: number): boolean {
    if (start === end) return true;
    if (!this.#reserve()) return false;
    const limit = Math.min(end, start + REPORTED_BYTES - this.#length);
    const kept = this.#room(limit - start);
    for (let i = start; i < limit; i++) kept[this.#length++] = bytes[i];
    return true;
  }

  /** Text of the kept line. */
  text(): string {
    return this.#bytes === null ? '' : reportedText(this.#bytes, 0, this.#length);
  }

  /** The kept line is dealt with. */
  clearLine(): void {
    this.#length = 0;
  }

  /** The head is dealt with. */
  release(): void {
    this.#requestLine = null;
    this.#bytes = null;
    this.#length = 0;
    if (this.#tookBudget) this.#budget.give(KEPT_BYTES);
    this.#tookBudget = false;
  }

  #room(bytes: number): Uint8Array {
    const needed = this.#length + bytes;
    if (this.#bytes !== null && this.#bytes.length >= needed) return this.#bytes;
    const grown = new Uint8Array(Math.min(REPORTED_BYTES, Math.max(FIRST_PIECE_BYTES, 2 * needed)));
    if (this.#bytes !== null) grown.set(this.#bytes);
    this.#bytes = grown;
    return grown;
  }

  #reserve(): boolean {
    if (!this.#tookBudget) this.#tookBudget = this.#budget.take(KEPT_BYTES);
    return this.#tookBudget;
  }
}
