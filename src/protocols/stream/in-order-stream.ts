import { sequenceAdd, sequenceDiff } from '../../model/sequence.ts';
import type { StreamBudget } from './stream-budget.ts';

/** Bytes a stream keeps at most while it waits for missing ones. */
const MAX_HELD_BYTES = 256 * 1024;
/** Segments a stream keeps at most while it waits for missing ones. */
export const MAX_HELD_SEGMENTS = 64;
/** A segment further ahead than the largest window (RFC 7323 §2.3) cannot belong to this stream. */
const MAX_AHEAD_BYTES = 2 ** 30;

/** Who reads one direction of a connection. Both calls are synchronous and must not feed the stream again. */
export interface StreamConsumer {
  /** The next bytes, `bytes[start..end)`. They belong to the caller and are only valid during the call. */
  data(bytes: Uint8Array, start: number, end: number, timeUs: number): void;
  /** The next `lengthBytes` bytes will never come; what follows comes behind them. */
  gap(lengthBytes: number): void;
}

/** A copied segment, or what is left of one, that waits for the bytes before it. */
interface HeldSegment {
  readonly sequence: number;
  readonly bytes: Uint8Array;
  /** Bytes behind `bytes` that the capture cut off. */
  readonly missingBytes: number;
  readonly timeUs: number;
}

function heldEnd(held: HeldSegment): number {
  return sequenceAdd(held.sequence, held.bytes.length + held.missingBytes);
}

/**
 * Puts the segments of one direction of a connection in order (RFC 9293 §3.4, §3.10.7.4). The expected bytes are handed
 * on in place; early ones are copied and wait within bounds; of bytes that come twice the first win. A hole is given up,
 * and told as a gap, when the other end has acknowledged it (then it was sent and not captured) or when a bound is reached.
 */
export class InOrderStream {
  readonly #consumer: StreamConsumer;
  readonly #budget: StreamBudget;
  #begun = false;
  /** The sequence number expected next. */
  #next = 0;
  /** The furthest byte the other end has acknowledged; only looked at when something is missing. */
  #acknowledged = 0;
  #hasAcknowledged = false;
  /** Sorted, without overlaps; created when a segment first has to wait. */
  #held: HeldSegment[] | null = null;
  #heldBytes = 0;

  constructor(consumer: StreamConsumer, budget: StreamBudget) {
    this.#consumer = consumer;
    this.#budget = budget;
  }

  /** True once it is known where the stream begins. */
  get hasBegun(): boolean {
    return this.#begun;
  }

  /** The sequence number expected next. */
  get nextSequence(): number {
    return this.#next;
  }

  /** Whether bytes wait for others before them. */
  get isWaiting(): boolean {
    return this.#held !== null && this.#held.length > 0;
  }

  /** Bytes held in copies now. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Says where the stream starts: the ISN plus one. Without it the first segment's sequence is taken. */
  begin(sequence: number): void {
    this.#begun = true;
    this.#next = sequence;
  }

  /**
   * The payload of one segment: `capturedBytes` of it from `bytes[start]` on, `lengthBytes` on the wire. `sequence` is
   * that of the first payload byte: of a segment with SYN, the one after the SYN's. Bytes are copied when they are kept.
   */
  segment(
    sequence: number,
    bytes: Uint8Array,
    start: number,
    capturedBytes: number,
    lengthBytes: number,
    timeUs: number,
  ): void {
    if (lengthBytes === 0) return;
    if (!this.#begun) this.begin(sequence);
    const ahead = sequenceDiff(sequence, this.#next);
    if (ahead === 0 && (this.#held === null || this.#held.length === 0)) {
      this.#next = sequenceAdd(sequence, lengthBytes);
      if (capturedBytes > 0) this.#consumer.data(bytes, start, start + capturedBytes, timeUs);
      if (capturedBytes < lengthBytes) this.#consumer.gap(lengthBytes - capturedBytes);
      return;
    }
    if (ahead <= 0) {
      if (ahead + lengthBytes <= 0) return; // all of it was delivered before
      this.#insert(this.#next, bytes, start - ahead, capturedBytes + ahead, lengthBytes + ahead, timeUs);
    } else if (ahead < MAX_AHEAD_BYTES) {
      this.#insert(sequence, bytes, start, capturedBytes, lengthBytes, timeUs);
    }
  }

  /** The other end has acknowledged everything before `acknowledgment`: a hole before it is not going to be filled. */
  acknowledged(acknowledgment: number): void {
    if (!this.#hasAcknowledged || sequenceDiff(acknowledgment, this.#acknowledged) > 0) {
      this.#acknowledged = acknowledgment;
      this.#hasAcknowledged = true;
    }
    const held = this.#held;
    if (held === null) return;
    while (held.length > 0 && this.#isAcknowledged((held[0] as HeldSegment).sequence)) this.#skipFirstHole(held);
  }

  /** Nobody reads any more: what is held is dropped and its memory given back. A consumer may call it while it reads. */
  release(): void {
    this.#budget.give(this.#heldBytes);
    this.#heldBytes = 0;
    if (this.#held !== null) this.#held.length = 0; // in place: a delivery may be under way
    this.#held = null;
  }

  /** True when everything before `sequence` was acknowledged, so that what is missing before it was only not captured. */
  #isAcknowledged(sequence: number): boolean {
    return this.#hasAcknowledged && sequenceDiff(this.#acknowledged, sequence) >= 0;
  }

  /** Takes a segment that starts at or behind the expected byte while something may be waiting. */
  #insert(sequence: number, bytes: Uint8Array, start: number, captured: number, length: number, timeUs: number): void {
    this.#held ??= [];
    const held = this.#held;
    const end = sequenceAdd(sequence, length);
    let at = sequence;
    // The parts of the segment that nobody has brought yet: between, before and behind what is held.
    for (let i = 0; i <= held.length && sequenceDiff(end, at) > 0; i++) {
      const neighbour = held[i];
      const partEnd = neighbour === undefined || sequenceDiff(neighbour.sequence, end) > 0 ? end : neighbour.sequence;
      const partLength = sequenceDiff(partEnd, at);
      if (partLength > 0) {
        const offset = sequenceDiff(at, sequence);
        const partCaptured = Math.max(0, Math.min(captured - offset, partLength));
        if (!this.#hold(held, i, at, bytes, start + offset, partCaptured, partLength, timeUs)) {
          const done = offset + partLength;
          this.segment(partEnd, bytes, start + done, Math.max(0, captured - done), length - done, timeUs);
          return;
        }
        i++; // the neighbour has moved on by one
      }
      if (neighbour !== undefined && sequenceDiff(heldEnd(neighbour), at) > 0) at = heldEnd(neighbour);
    }
    this.#deliverHeld(held);
    // A hole before the segment that the other end has acknowledged was not captured; no need to wait for it.
    while (held.length > 0 && this.#isAcknowledged((held[0] as HeldSegment).sequence)) this.#skipFirstHole(held);
    while (held.length > MAX_HELD_SEGMENTS || this.#heldBytes > MAX_HELD_BYTES) this.#skipFirstHole(held);
  }

  /** Copies one part into its place; false when there is no memory for it, and then all that is held is delivered. */
  #hold(
    held: HeldSegment[],
    index: number,
    sequence: number,
    bytes: Uint8Array,
    start: number,
    captured: number,
    length: number,
    timeUs: number,
  ): boolean {
    if (!this.#budget.take(captured)) {
      // Nothing may be kept: what waits goes out in order with its gaps, and this part in its turn without a copy.
      for (let i = 0; i < index && held.length > 0; i++) this.#deliverOne(held.shift() as HeldSegment);
      this.#skipTo(sequence);
      this.#next = sequenceAdd(sequence, length);
      if (captured > 0) this.#consumer.data(bytes, start, start + captured, timeUs);
      if (captured < length) this.#consumer.gap(length - captured);
      this.#deliverHeld(held);
      return false;
    }
    this.#heldBytes += captured;
    held.splice(index, 0, {
      sequence,
      bytes: bytes.slice(start, start + captured),
      missingBytes: length - captured,
      timeUs,
    });
    return true;
  }

  /** Gives up the bytes before the first held segment and delivers what follows without a hole. */
  #skipFirstHole(held: HeldSegment[]): void {
    this.#skipTo((held[0] as HeldSegment).sequence);
    this.#deliverHeld(held);
  }

  #skipTo(sequence: number): void {
    const missing = sequenceDiff(sequence, this.#next);
    if (missing <= 0) return;
    this.#next = sequence;
    this.#consumer.gap(missing);
  }

  #deliverHeld(held: HeldSegment[]): void {
    let count = 0;
    while (count < held.length && (held[count] as HeldSegment).sequence === this.#next) {
      this.#deliverOne(held[count] as HeldSegment);
      count++;
    }
    if (count > 0) held.splice(0, count);
  }

  #deliverOne(one: HeldSegment): void {
    this.#skipTo(one.sequence);
    this.#next = heldEnd(one);
    this.#budget.give(one.bytes.length);
    this.#heldBytes -= one.bytes.length;
    if (one.bytes.length > 0) this.#consumer.data(one.bytes, 0, one.bytes.length, one.timeUs);
    if (one.missingBytes > 0) this.#consumer.gap(one.missingBytes);
  }
}
