import { engineMemory, type GrowingMemory, type MemorySupply } from '../../src/model/memory-supply.ts';

/** Memory of the engine that remembers how far it was said to be used. */
class WatchedMemory implements GrowingMemory {
  readonly buffer: ArrayBuffer;
  reached = 0;

  constructor(lengthBytes: number) {
    this.buffer = new ArrayBuffer(lengthBytes);
  }

  reach(endBytes: number): void {
    this.reached = Math.max(this.reached, endBytes);
  }

  residentBytes(endBytes: number): number {
    return endBytes;
  }

  shrink(endBytes: number): void {
    this.reached = endBytes;
    new Uint8Array(this.buffer).fill(0, endBytes);
  }

  /** One past the last byte that is not zero. */
  get written(): number {
    const bytes = new Uint8Array(this.buffer);
    let end = bytes.length;
    while (end > 0 && bytes[end - 1] === 0) end--;
    return end;
  }
}

/** Gives memory and keeps it at hand, in the order in which it was given. */
export class WatchedSupply implements MemorySupply {
  readonly given: WatchedMemory[] = [];
  readonly release = engineMemory.release;

  whole(lengthBytes: number): ArrayBuffer {
    return new ArrayBuffer(lengthBytes);
  }

  prepared(lengthBytes: number, ready: (memory: ArrayBuffer) => void): void {
    ready(this.whole(lengthBytes));
  }

  growing(lengthBytes: number): GrowingMemory {
    const memory = new WatchedMemory(lengthBytes);
    this.given.push(memory);
    return memory;
  }
}
