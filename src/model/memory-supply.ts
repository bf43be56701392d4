/** Memory that is used from its beginning on. */
export interface GrowingMemory {
  readonly buffer: ArrayBuffer;
  /** Says that bytes up to before `endBytes` are used from now on, so that those behind can be prefaulted. Costs next to nothing. */
  reach(endBytes: number): void;
  /** Bytes that are resident at most when it is used up to before `endBytes`. */
  residentBytes(endBytes: number): number;
  /** Gives the pages from `endBytes` on back to the system: they are zeros, and may be used again. */
  shrink(endBytes: number): void;
}

/**
 * Gives zeroed memory of so many bytes that becomes resident only where it is touched. Who calls does not know where it
 * comes from: a session hands in memory of the operating system, tests take the engine's.
 */
export interface MemorySupply {
  /** For what is used all over from the start. */
  whole(lengthBytes: number): ArrayBuffer;
  /** The same for what can wait: `ready` is given it once it is resident, at once where that makes no difference. */
  prepared(lengthBytes: number, ready: (memory: ArrayBuffer) => void): void;
  /** For what is used from its beginning on, and may never be used whole. */
  growing(lengthBytes: number): GrowingMemory;
  /** Gives pages of a buffer, of this supply or of the engine, back to the system: they are zeros, and may be used again. */
  release(memory: ArrayBufferLike, startBytes: number, endBytes: number): void;
}

function clear(memory: ArrayBufferLike, startBytes: number, endBytes: number): void {
  new Uint8Array(memory).fill(0, startBytes, endBytes);
}

/** Memory of the JavaScript engine. */
export const engineMemory: MemorySupply = {
  whole: (lengthBytes) => new ArrayBuffer(lengthBytes),
  prepared: (lengthBytes, ready) => ready(new ArrayBuffer(lengthBytes)),
  growing: (lengthBytes) => {
    const buffer = new ArrayBuffer(lengthBytes);
    return {
      buffer,
      reach: () => undefined,
      residentBytes: (endBytes) => endBytes,
      shrink: (endBytes) => clear(buffer, endBytes, lengthBytes),
    };
  },
  release: clear,
};
