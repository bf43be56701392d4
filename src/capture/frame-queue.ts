import { ASSERTING, assert } from '../model/assert.ts';
import { type Frame, NO_VLAN } from '../model/frame.ts';

/** Before each frame in the queue: captured length and time. */
const HEADER_BYTES = 16;
const TIME_OFFSET = 8;

/** In place of a captured length: the next frame is at the beginning of the memory. */
const WRAP = 0xffff_ffff;

/**
 * Copies of frames in one piece of memory of fixed size, first in, first out; for sources that are handed frames when
 * they come and not when they are wanted.
 */
export class FrameQueue {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #head = 0;
  #tail = 0;
  #usedBytes = 0;
  /** Room of the frame that was handed out last: free again at the next `shift()`. */
  #lentBytes = 0;

  constructor(capacityBytes: number) {
    this.#bytes = new Uint8Array(capacityBytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** True when `shift()` would find nothing. */
  get isEmpty(): boolean {
    return this.#usedBytes === this.#lentBytes;
  }

  /** How much of the memory is taken by frames that wait, 0 to 1. */
  get level(): number {
    return this.#usedBytes / this.#bytes.length;
  }

  /** Copies the first `length` bytes; false when there is no room, and then nothing has changed. */
  push(source: Uint8Array, length: number, timeUs: number): boolean {
    const need = HEADER_BYTES + ((length + 7) & ~7);
    const capacity = this.#bytes.length;
    let tail = this.#tail;
    let waste = 0;
    if (tail + need > capacity) {
      waste = capacity - tail;
      tail = 0;
    }
    if (this.#usedBytes + waste + need > capacity) return false;
    if (waste > 0) this.#view.setUint32(this.#tail, WRAP, true);
    this.#view.setUint32(tail, length, true);
    this.#view.setFloat64(tail + TIME_OFFSET, timeUs, true);
    this.#bytes.set(source.subarray(0, length), tail + HEADER_BYTES);
    this.#usedBytes += waste + need;
    if (ASSERTING) assert(this.#usedBytes <= capacity, 'no frame is written over another');
    this.#tail = tail + need === capacity ? 0 : tail + need;
    return true;
  }

  /** Points `frame` at the oldest frame, whose bytes stay valid until the next call; false when there is none. */
  shift(frame: Frame): boolean {
    this.#usedBytes -= this.#lentBytes;
    this.#lentBytes = 0;
    if (this.#usedBytes === 0) return false;
    if (this.#view.getUint32(this.#head, true) === WRAP) {
      this.#usedBytes -= this.#bytes.length - this.#head;
      this.#head = 0;
    }
    const head = this.#head;
    const length = this.#view.getUint32(head, true);
    const taken = HEADER_BYTES + ((length + 7) & ~7);
    frame.view = this.#view;
    frame.bytes = this.#bytes;
    frame.start = head + HEADER_BYTES;
    frame.end = frame.start + length;
    frame.wireLengthBytes = length;
    frame.timeUs = this.#view.getFloat64(head + TIME_OFFSET, true);
    frame.vlanTci = NO_VLAN;
    if (ASSERTING) assert(taken <= this.#usedBytes, 'the frame is in the memory that is used');
    this.#lentBytes = taken;
    this.#head = head + taken === this.#bytes.length ? 0 : head + taken;
    return true;
  }
}
