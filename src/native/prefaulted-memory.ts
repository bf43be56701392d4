import { HUGE_PAGE_BYTES, mapMemory, populateMemory, releasePages } from './mapping.ts';

/** How far ahead of its use memory is made resident at most. */
const FARTHEST_AHEAD_BYTES = 2 * HUGE_PAGE_BYTES;

/**
 * Memory of the operating system that is made resident ahead of its use, by another thread. A page that is touched for
 * the first time has to be found and zeroed by the kernel, and on a virtual machine by its host too: 20 ms were seen for
 * one huge page, in which a busy link brings 8,000 packets.
 *
 * It begins with small pages, so that little use costs little memory and time; huge ones follow. As much is ready as is
 * used, and two huge pages more at most.
 */
export class PrefaultedMemory {
  readonly buffer: ArrayBuffer;
  readonly #bytes: Uint8Array;
  #usedBytes = 0;
  /** From here on nothing was prefaulted. */
  #readyBytes = HUGE_PAGE_BYTES;
  /** More is prefaulted when so much is used; never again when that is infinite. */
  #moreAtBytes = HUGE_PAGE_BYTES / 2;
  #isPopulating = false;

  /** Throws `SystemError` when there is no address space. */
  constructor(lengthBytes: number) {
    this.buffer = mapMemory(lengthBytes, HUGE_PAGE_BYTES);
    this.#bytes = new Uint8Array(this.buffer);
  }

  /** Says that bytes up to before `endBytes` are used from now on. */
  reach(endBytes: number): void {
    if (endBytes <= this.#moreAtBytes) return;
    this.#usedBytes = endBytes;
    if (!this.#isPopulating) this.#populate();
  }

  /** Bytes that are resident at most when it is used up to before `endBytes`: what is prefaulted ahead is counted in. */
  residentBytes(endBytes: number): number {
    if (endBytes <= HUGE_PAGE_BYTES / 2) return endBytes;
    const aheadBytes = Math.min(endBytes, FARTHEST_AHEAD_BYTES);
    const readyBytes = Math.ceil((endBytes + aheadBytes) / HUGE_PAGE_BYTES) * HUGE_PAGE_BYTES;
    return Math.min(this.#bytes.length, readyBytes);
  }

  /** Gives the pages from `endBytes` on back to the system. What is being prefaulted meanwhile may stay. */
  shrink(endBytes: number): void {
    releasePages(this.buffer, endBytes, this.#bytes.length);
    this.#usedBytes = endBytes;
    this.#readyBytes = HUGE_PAGE_BYTES;
    this.#moreAtBytes = Math.max(HUGE_PAGE_BYTES / 2, endBytes);
  }

  /** A huge page at a time: whoever asks the kernel for other memory of this process may have to wait for it. */
  #populate(): void {
    const touchedBytes = Math.ceil(this.#usedBytes / HUGE_PAGE_BYTES) * HUGE_PAGE_BYTES;
    const start = Math.max(this.#readyBytes, touchedBytes);
    this.#readyBytes = start;
    const isAll = start >= this.#bytes.length;
    this.#moreAtBytes = isAll ? Number.POSITIVE_INFINITY : Math.max(start / 2, start - FARTHEST_AHEAD_BYTES);
    if (this.#usedBytes <= this.#moreAtBytes) return;
    this.#isPopulating = true;
    populateMemory(this.#bytes.subarray(start, start + HUGE_PAGE_BYTES), (isDone) => {
      this.#isPopulating = false;
      this.#readyBytes = start + HUGE_PAGE_BYTES;
      if (isDone) this.#populate();
      else this.#moreAtBytes = Number.POSITIVE_INFINITY; // it becomes resident where it is touched
    });
  }
}

/** Gives memory in huge pages to `ready` once another thread has made it resident, as far as that can be done. */
export function prefaultMemory(lengthBytes: number, ready: (memory: ArrayBuffer) => void): void {
  const memory = mapMemory(lengthBytes, 0);
  const bytes = new Uint8Array(memory);
  const populateFrom = (start: number) => {
    // a huge page at a time, as above
    populateMemory(bytes.subarray(start, start + HUGE_PAGE_BYTES), (isDone) => {
      const next = start + HUGE_PAGE_BYTES;
      if (isDone && next < lengthBytes) populateFrom(next);
      else ready(memory);
    });
  };
  populateFrom(0);
}
