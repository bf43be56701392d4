import type { StreamConsumer } from '../stream/in-order-stream.ts';
import type { StreamBudget } from '../stream/stream-budget.ts';

const LENGTH_BYTES = 2;
const EMPTY = new Uint8Array(0);

/** Takes a message; its bytes are only valid during the call. */
export type DnsMessageSink = (bytes: Uint8Array, start: number, end: number, timeUs: number) => void;

/**
 * Cuts one direction of a TCP connection into DNS messages, each with its length in two bytes before it (RFC 1035
 * §4.2.2, RFC 7766 §8). A message in several pieces is put together in memory of `budget`. Behind a gap nobody knows
 * where a message begins: then, and when there is no memory, nothing more is read.
 */
export class DnsStream implements StreamConsumer {
  readonly #budget: StreamBudget;
  readonly #sink: DnsMessageSink;
  /** What is there of a message that is not whole, with its length before it. */
  #held: Uint8Array = EMPTY;
  #heldBytes = 0;
  #isLost = false;

  constructor(budget: StreamBudget, sink: DnsMessageSink) {
    this.#budget = budget;
    this.#sink = sink;
  }

  /** Whether nothing more is read. */
  get isLost(): boolean {
    return this.#isLost;
  }

  data(bytes: Uint8Array, start: number, end: number, timeUs: number): void {
    let at = start;
    while (at < end && !this.#isLost) {
      if (this.#heldBytes > 0) {
        at = this.#goOn(bytes, at, end, timeUs);
        continue;
      }
      // with a single byte not even the length is there
      const wholeBytes = LENGTH_BYTES + (end - at < LENGTH_BYTES ? 0 : (bytes[at] << 8) | bytes[at + 1]);
      const next = at + wholeBytes;
      if (next > end) {
        this.#hold(wholeBytes, bytes, at, end);
        return;
      }
      this.#sink(bytes, at + LENGTH_BYTES, next, timeUs);
      at = next;
    }
  }

  gap(): void {
    this.#isLost = true;
    this.release();
  }

  /** Gives back what is held. */
  release(): void {
    this.#budget.give(this.#held.length);
    this.#held = EMPTY;
    this.#heldBytes = 0;
  }

  /** Adds bytes to the message that is held; returns where the rest begins. */
  #goOn(bytes: Uint8Array, start: number, end: number, timeUs: number): number {
    const taken = Math.min(this.#held.length - this.#heldBytes, end - start);
    this.#held.set(bytes.subarray(start, start + taken), this.#heldBytes);
    this.#heldBytes += taken;
    if (this.#heldBytes < this.#held.length) return start + taken;
    const held = this.#held;
    const wholeBytes = LENGTH_BYTES + ((held[0] << 8) | held[1]);
    if (wholeBytes > held.length) {
      this.release(); // so far it was the length only
      this.#hold(wholeBytes, held, 0, held.length);
      return start + taken;
    }
    this.release();
    this.#sink(held, LENGTH_BYTES, wholeBytes, timeUs);
    return start + taken;
  }

  #hold(wholeBytes: number, bytes: Uint8Array, start: number, end: number): void {
    if (!this.#budget.take(wholeBytes)) {
      this.#isLost = true;
      return;
    }
    this.#held = new Uint8Array(wholeBytes);
    this.#held.set(bytes.subarray(start, end));
    this.#heldBytes = end - start;
  }
}
