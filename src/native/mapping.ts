import koffi, { type KoffiFunc } from 'koffi';
import { MEBIBYTE } from '../model/mebibyte.ts';
import { lastError } from './errno.ts';

/* Memory that is mapped into the address space (mmap(2)), on LP64 Linux. */

const libc = koffi.load(null);

const c = {
  mmap: libc.func('void *mmap(void *address, size_t length, int prot, int flags, int fd, int64_t offset)') as (
    address: bigint | null,
    length: number,
    protection: number,
    flags: number,
    fd: number,
    offset: number,
  ) => bigint | null,
  madvise: libc.func('int madvise(void *address, size_t length, int advice)') as KoffiFunc<
    (address: bigint, length: number, advice: number) => number
  >,
  sysconf: libc.func('intptr_t sysconf(int name)') as (name: number) => number,
  munmap: libc.func('int munmap(void *address, size_t length)') as (address: bigint, length: number) => number,
};

const PROT_READ = 0x1;
const PROT_READ_WRITE = 0x1 | 0x2;
const SC_PAGESIZE = 30;
const MAP_SHARED = 0x01;
const MAP_PRIVATE = 0x02;
const MAP_FIXED = 0x10;
const MAP_ANONYMOUS = 0x20;
const MAP_NORESERVE = 0x4000;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;
const MADV_DONTNEED = 4;
const MADV_HUGEPAGE = 14;
const MADV_POPULATE_WRITE = 23; // Linux 5.14

const PAGE_BYTES = c.sysconf(SC_PAGESIZE);

/** Bytes of a huge page, on amd64 and on arm64 with pages of 4 KiB. */
export const HUGE_PAGE_BYTES = 2 * MEBIBYTE;

/** A piece of the address space: where it begins, and its bytes. */
export interface Mapping {
  readonly address: bigint;
  readonly lengthBytes: number;
  /** The memory itself; reads and writes go straight to it. */
  readonly buffer: ArrayBuffer;
}

/** Unmaps what nobody can reach any more: see `retireMapping`. */
const retired = new FinalizationRegistry((mapping: Omit<Mapping, 'buffer'>) => {
  c.munmap(mapping.address, mapping.lengthBytes);
});

/** Maps `lengthBytes` of what a descriptor offers (a packet ring), shared, for reading and writing. Throws `SystemError`. */
export function mapShared(
  fd: number,
  lengthBytes: number,
  action: string,
  hints?: Readonly<Record<string, string>>,
): Mapping {
  const address = c.mmap(null, lengthBytes, PROT_READ_WRITE, MAP_SHARED, fd, 0);
  if (address === null || address === MAP_FAILED) throw lastError(action, hints);
  return { address, lengthBytes, buffer: koffi.view(address, lengthBytes) };
}

/**
 * Zeroed memory, resident only where it was touched, from `hugeFromBytes` on in huge pages where the system has them for
 * who asks: large tables that are read at random then spare the processor a walk through its page tables for most reads.
 * Given back when the garbage collector has seen the last view go. Throws `SystemError`.
 */
export function mapMemory(lengthBytes: number, hugeFromBytes = lengthBytes): ArrayBuffer {
  const reservedBytes = lengthBytes + HUGE_PAGE_BYTES; // so that a huge page can begin where the memory does
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  const address = c.mmap(null, reservedBytes, PROT_READ_WRITE, flags, -1, 0);
  if (address === null || address === MAP_FAILED) throw lastError(`reserve ${lengthBytes} bytes of memory`);
  const pageBytes = BigInt(HUGE_PAGE_BYTES);
  const start = ((address + pageBytes - 1n) / pageBytes) * pageBytes;
  const hugeBytes = lengthBytes - hugeFromBytes;
  // only advice: without huge pages everything works, more slowly
  if (hugeBytes > 0) c.madvise(start + BigInt(hugeFromBytes), hugeBytes, MADV_HUGEPAGE);
  const buffer = koffi.view(start, lengthBytes);
  retired.register(buffer, { address, lengthBytes: reservedBytes });
  return buffer;
}

/**
 * Makes memory of `mapMemory` resident, in another thread; `done` is told afterwards whether it could be. `memory` has to
 * begin where a page does.
 */
export function populateMemory(memory: Uint8Array, done: (isDone: boolean) => void): void {
  c.madvise.async(addressOf(memory), memory.length, MADV_POPULATE_WRITE, (error: unknown, result: number) => {
    done(error === null && result === 0);
  });
}

/**
 * Gives back the pages that lie wholly between two offsets of a buffer of private memory: they are zeros from here on and
 * can be used as before.
 */
export function releasePages(memory: ArrayBufferLike, startBytes: number, endBytes: number): void {
  if (endBytes <= startBytes) return;
  const page = BigInt(PAGE_BYTES);
  const address = koffi.address(new Uint8Array(memory));
  const first = ((address + BigInt(startBytes) + page - 1n) / page) * page;
  const end = ((address + BigInt(endBytes)) / page) * page;
  if (end > first) c.madvise(first, Number(end - first), MADV_DONTNEED);
}

/**
 * Maps `lengthBytes` of what a descriptor offers from `offset` on, shared, for reading only: a write crashes the process.
 * Throws `SystemError`.
 */
export function mapForReading(fd: number, offset: number, lengthBytes: number, action: string): Mapping {
  const address = c.mmap(null, lengthBytes, PROT_READ, MAP_SHARED, fd, offset);
  if (address === null || address === MAP_FAILED) throw lastError(action);
  return { address, lengthBytes, buffer: koffi.view(address, lengthBytes) };
}

/** Bytes of a page of memory. */
export function pageBytes(): number {
  return PAGE_BYTES;
}

/**
 * Gives the mapped memory back. A view of memory that is not mapped crashes the process when it is read, so the
 * address range itself stays: an empty mapping without pages (it reads as zeros) takes its place until the garbage
 * collector has seen the last view go. Idempotent as far as the kernel is concerned, but call it once.
 */
export function retireMapping(mapping: Mapping): void {
  const { address, lengthBytes, buffer } = mapping;
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
  c.mmap(address, lengthBytes, PROT_READ_WRITE, flags, -1, 0);
  retired.register(buffer, { address, lengthBytes });
}

/** Address of the memory behind `bytes`, for pointers inside C structures. Valid as long as `bytes` is alive. */
export function addressOf(bytes: Uint8Array): bigint {
  return koffi.address(bytes);
}
