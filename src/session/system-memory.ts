import type { MemorySupply } from '../model/memory-supply.ts';
import { mapMemory, releasePages } from '../native/libc.ts';
import { PreparedMemory, prepareMemory } from '../native/prepared-memory.ts';

/** Memory of the operating system, in huge pages where it has them. */
export const systemMemory: MemorySupply = {
  whole: (lengthBytes) => mapMemory(lengthBytes, 0),
  prepared: prepareMemory,
  growing: (lengthBytes) => new PreparedMemory(lengthBytes),
  release: releasePages,
};
