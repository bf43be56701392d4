import { MEBIBYTE } from '../model/mebibyte.ts';

/** Where neither MEMORY_MB nor a limit of the container says how much there is. */
const DEFAULT_MEMORY_MB = 512;
/** With less nothing is left for packets and connections. */
export const LEAST_MEMORY_MB = 160;
/** The part of a container's limit that is the kernel's: page cache under way to the disk, sockets, page tables. */
const KERNEL_SHARE = 0.1;

/** Code, threads, and what the C library and the engine have besides the heap. */
const CODE_MB = 64;
const HEAP_SHARE = 0.2;
const [LEAST_HEAP_MB, MOST_HEAP_MB] = [48, 1024];
/** Up to here the young generation has 8 MiB, beyond it 16; it takes three times as much. */
const SMALL_MEMORY_MB = 384;

/** How the memory of the process is divided. */
export interface MemoryPlan {
  /** All that may be resident: MEMORY_MB. */
  readonly limitBytes: number;
  /** Limits of the engine's heap, old and young. */
  readonly heapMb: number;
  readonly semiSpaceMb: number;
  /** Set aside for code and heap; the rest is for rings, tables, packets and what else there is of sessions. */
  readonly programBytes: number;
}

/** Says how much memory there is where MEMORY_MB does not, from the limit of the container in bytes; null when there is none. */
export function memoryMbWithin(containerBytes: number | null): number {
  if (containerBytes === null) return DEFAULT_MEMORY_MB;
  return Math.max(LEAST_MEMORY_MB, Math.floor((containerBytes / MEBIBYTE) * (1 - KERNEL_SHARE)));
}

/** Divides so many MiB. */
export function planMemory(memoryMb: number): MemoryPlan {
  const heapMb = Math.min(MOST_HEAP_MB, Math.max(LEAST_HEAP_MB, Math.floor(memoryMb * HEAP_SHARE)));
  const semiSpaceMb = memoryMb <= SMALL_MEMORY_MB ? 8 : 16;
  const programMb = Math.min(memoryMb - 16, CODE_MB + heapMb + 3 * semiSpaceMb);
  return { limitBytes: memoryMb * MEBIBYTE, heapMb, semiSpaceMb, programBytes: programMb * MEBIBYTE };
}
