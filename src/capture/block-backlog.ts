import { forgetMemory, mapLargeMemory } from '../native/libc.ts';
import { Memory } from './memory.ts';

/**
 * Blocks of a ring that were copied out of it because they came faster than they were read, oldest first. Its memory is
 * the operating system's: reserved from the start, taken where blocks come to lie, and given back by `trim`.
 */
export class BlockBacklog extends Memory {
  readonly #blockBytes: number;
  readonly #capacity: number;
  /** Number of the place of the oldest block, of as many as there is room for. */
  #first = 0;
  #count = 0;
  #isTouched = false;

  /** With room for `capacity` blocks. Throws `SystemError` when the address space cannot be had. */
  constructor(blockBytes: number, capacity: number) {
    super(mapLargeMemory(blockBytes * capacity));
    this.#blockBytes = blockBytes;
    this.#capacity = capacity;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  get isFull(): boolean {
    return this.#count === this.#capacity;
  }

  get isHalfFull(): boolean {
    return this.#count >= this.#capacity >>> 1;
  }

  /** Where the oldest block begins, in bytes, when there is one. */
  get oldest(): number {
    return this.#first * this.#blockBytes;
  }

  /** Copies a block, or as much of it as is used, behind the others. It must not be full. */
  add(block: Uint8Array): void {
    const place = (this.#first + this.#count) % this.#capacity;
    this.bytes.set(block, place * this.#blockBytes);
    this.#count++;
    this.#isTouched = true;
  }

  /** Lets the oldest block go. */
  shift(): void {
    this.#first = (this.#first + 1) % this.#capacity;
    this.#count--;
  }

  /** Lets all blocks go, and the memory with them. */
  clear(): void {
    this.#count = 0;
    this.trim();
  }

  /** Gives the memory back when nothing is in it. */
  trim(): void {
    if (this.#count > 0 || !this.#isTouched) return;
    forgetMemory(this.bytes);
    this.#first = 0;
    this.#isTouched = false;
  }
}
