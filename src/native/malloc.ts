import koffi from 'koffi';

const M_MMAP_THRESHOLD = -3; // malloc.h of glibc
/** Where glibc begins by itself. */
const LARGE_BYTES = 128 * 1024;

/**
 * Makes large pieces of memory come from the kernel one by one, and go back to it when they are freed. They are zero
 * without having been touched then, so that tables sized for the worst case cost only what is used of them. glibc does
 * so by itself, but from the first one that is freed on only for larger and larger ones (mallopt(3), M_MMAP_THRESHOLD).
 * Where there is no `mallopt` (musl) it is always so.
 */
export function keepLargeMemoryLazy(): void {
  let mallopt: (parameter: number, value: number) => number;
  try {
    mallopt = koffi.load(null).func('int mallopt(int parameter, int value)');
  } catch {
    return;
  }
  mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
}
