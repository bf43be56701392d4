import type { MemorySupply } from '../model/memory-supply.ts';
import { mapMemory, releasePages } from '../native/mapping.ts';
import { PrefaultedMemory, prefaultMemory } from '../native/prefaulted-memory.ts';

/** Memory of the operating system, in huge pages where it has them. */
export const systemMemory: MemorySupply = {
  whole: (lengthBytes) => mapMemory(lengthBytes, 0),
  prepared: prefaultMemory,
  growing: (lengthBytes) => new PrefaultedMemory(lengthBytes),
  release: releasePages,
};
