import { statSync } from 'node:fs';
import koffi, { type KoffiFunc } from 'koffi';
import { lastError } from './errno.ts';

/*
 * Functions and constants of the C library that the agent needs. Types are those of LP64 Linux (amd64, arm64).
 * Symbols are looked up in the running process, so that glibc and musl both do.
 */

const libc = koffi.load(null);

type Hints = Readonly<Record<string, string>>;

const c = {
  close: libc.func('int close(int fd)') as (fd: number) => number,
  open: libc.func('int open(const char *path, int flags, ...)') as (path: string, flags: number) => number,
  setns: libc.func('int setns(int fd, int nstype)') as (fd: number, type: number) => number,
  readlinkat: libc.func('intptr_t readlinkat(int directory, const char *name, void *target, size_t length)') as (
    directory: number,
    name: string,
    target: Uint8Array,
    length: number,
  ) => number,
  socket: libc.func('int socket(int domain, int type, int protocol)') as (
    domain: number,
    type: number,
    protocol: number,
  ) => number,
  bind: libc.func('int bind(int fd, const void *address, uint32_t length)') as (
    fd: number,
    address: Uint8Array,
    length: number,
  ) => number,
  getsockname: libc.func('int getsockname(int fd, void *address, void *length)') as (
    fd: number,
    address: Uint8Array,
    length: Uint8Array,
  ) => number,
  send: libc.func('intptr_t send(int fd, const void *bytes, size_t length, int flags)') as (
    fd: number,
    bytes: Uint8Array,
    length: number,
    flags: number,
  ) => number,
  recv: libc.func('intptr_t recv(int fd, void *bytes, size_t length, int flags)') as (
    fd: number,
    bytes: Uint8Array,
    length: number,
    flags: number,
  ) => number,
  setsockopt: libc.func('int setsockopt(int fd, int level, int name, const void *value, uint32_t length)') as (
    fd: number,
    level: number,
    name: number,
    value: Uint8Array,
    length: number,
  ) => number,
  getsockopt: libc.func('int getsockopt(int fd, int level, int name, void *value, void *length)') as (
    fd: number,
    level: number,
    name: number,
    value: Uint8Array | null,
    length: Uint8Array,
  ) => number,
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
  ifNameToIndex: libc.func('uint32_t if_nametoindex(const char *name)') as (name: string) => number,
  ifIndexToName: libc.func('void *if_indextoname(uint32_t index, void *name)') as (
    index: number,
    name: Uint8Array,
  ) => bigint | null,
};

const O_RDONLY = 0;
const O_CLOEXEC = 0o2000000;
const CLONE_NEWNET = 0x40000000;
const IF_NAMESIZE = 16;
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

/** Bytes of a huge page, on amd64 and on arm64 with pages of 4 KiB. */
export const HUGE_PAGE_BYTES = 2 * 1024 * 1024;

/** Socket constants of <sys/socket.h>, the same on amd64 and arm64. */
export const SOL_SOCKET = 1;
/** Socket type: link header and payload (packet(7)). */
export const SOCK_RAW = 3;
/** Socket type: link header taken off by the kernel (packet(7)). */
export const SOCK_DGRAM = 2;
/** Flag for the socket type: not inherited by programs that are executed. */
const SOCK_CLOEXEC = 0o2000000;

/** Option of the level SOL_SOCKET: the classic BPF program of a socket (linux/filter.h). */
export const SO_ATTACH_FILTER = 26;

const SO_ERROR = 4;
const MSG_DONTWAIT = 0x40;

/** Opens a socket and gives its descriptor. Throws `SystemError` with the first hint that fits. */
export function openSocket(domain: number, type: number, protocol: number, action: string, hints?: Hints): number {
  const fd = c.socket(domain, type | SOCK_CLOEXEC, protocol);
  if (fd < 0) throw lastError(action, hints);
  return fd;
}

/** Binds a socket to an address in the kernel's layout. Throws `SystemError`. */
export function bindSocket(fd: number, address: Uint8Array, action: string, hints?: Hints): void {
  if (c.bind(fd, address, address.length) < 0) throw lastError(action, hints);
}

/** Fills `address` with what the socket is bound to; false when that fails. */
export function socketName(fd: number, address: Uint8Array): boolean {
  const length = new Uint8Array(Uint32Array.of(address.length).buffer);
  return c.getsockname(fd, address, length) === 0;
}

/** Sends one datagram to the socket's peer (for netlink: the kernel). Throws `SystemError`. */
export function sendDatagram(fd: number, bytes: Uint8Array, action: string, hints?: Hints): void {
  if (c.send(fd, bytes, bytes.length, MSG_DONTWAIT) < 0) throw lastError(action, hints);
}

/**
 * Takes a datagram that has arrived already: its length, which is cut to that of `bytes`. Throws `SystemError`, with
 * the code EAGAIN when none has arrived.
 */
export function receiveDatagram(fd: number, bytes: Uint8Array, action: string): number {
  const length = c.recv(fd, bytes, bytes.length, MSG_DONTWAIT);
  if (length < 0) throw lastError(action);
  return length;
}

/** Sets a socket option; a number is passed as a C `int`. Throws `SystemError`. */
export function setSocketOption(
  fd: number,
  level: number,
  name: number,
  value: Uint8Array | number,
  action: string,
  hints?: Hints,
): void {
  const bytes = typeof value === 'number' ? new Uint8Array(Int32Array.of(value).buffer) : value;
  if (c.setsockopt(fd, level, name, bytes, bytes.length) < 0) throw lastError(action, hints);
}

/** Like `setSocketOption`, for options an older kernel may lack: false when it is refused. */
export function trySocketOption(fd: number, level: number, name: number, value: number): boolean {
  const bytes = new Uint8Array(Int32Array.of(value).buffer);
  return c.setsockopt(fd, level, name, bytes, bytes.length) === 0;
}

/**
 * Reads a socket option into `value` and gives what the kernel says about its length (bytes for most options). A
 * null `value` asks for the length only. Throws `SystemError`.
 */
export function socketOption(fd: number, level: number, name: number, value: Uint8Array | null, count: number): number {
  const length = Uint32Array.of(count);
  if (c.getsockopt(fd, level, name, value, new Uint8Array(length.buffer)) < 0) {
    throw lastError('read a socket option');
  }
  return length[0] ?? 0;
}

/** The pending error of a socket, which reading clears; 0 when there is none. */
export function takeSocketError(fd: number): number {
  const value = new Int32Array(1);
  socketOption(fd, SOL_SOCKET, SO_ERROR, new Uint8Array(value.buffer), 4);
  return value[0] ?? 0;
}

/** Closes a descriptor. A failure leaves nothing to be done and is not reported (close(2)). */
export function closeDescriptor(fd: number): void {
  c.close(fd);
}

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
export function mapShared(fd: number, lengthBytes: number, action: string, hints?: Hints): Mapping {
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

const PAGE_BYTES = c.sysconf(SC_PAGESIZE);

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

/** Name of a network interface of the current network namespace; null when there is none with that index. */
export function interfaceName(index: number): string | null {
  const name = Buffer.alloc(IF_NAMESIZE);
  if (c.ifIndexToName(index, name) === null) return null;
  const end = name.indexOf(0);
  return name.toString('utf8', 0, end < 0 ? name.length : end);
}

/** Index of a network interface of the current network namespace; 0 when there is none of that name. */
export function interfaceIndex(name: string): number {
  return c.ifNameToIndex(name);
}

/** Opens a file for reading and gives its descriptor; null when it cannot be opened. */
export function tryOpenReadOnly(path: string): number | null {
  const fd = c.open(path, O_RDONLY | O_CLOEXEC);
  return fd < 0 ? null : fd;
}

/** Writes where a link in an open directory leads into `target`: bytes written, at most as many as fit; -1 when it cannot be read. */
export function readLinkAt(directory: number, name: string, target: Uint8Array): number {
  return c.readlinkat(directory, name, target, target.length);
}

function openReadOnly(path: string, action: string): number {
  const fd = c.open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw lastError(action);
  return fd;
}

function isOwnNetworkNamespace(path: string): boolean {
  try {
    const [own, other] = ['/proc/thread-self/ns/net', path].map((name) => statSync(name));
    return own.ino === other.ino && own.dev === other.dev;
  } catch {
    return false; // opening it will say why
  }
}

/**
 * Runs `work` inside the network namespace that `path` names (e.g. `/proc/1234/ns/net`), and comes back before it
 * returns, also when `work` throws. A namespace belongs to a thread, so `work` must be synchronous: what it opens
 * stays in that namespace, everything else goes on in the old one. Needs CAP_SYS_ADMIN, unless it is the namespace the
 * agent is in anyway. Throws `SystemError`.
 */
export function inNetworkNamespace<T>(path: string, work: () => T): T {
  if (isOwnNetworkNamespace(path)) return work();
  const home = openReadOnly('/proc/thread-self/ns/net', 'open the own network namespace');
  try {
    const target = openReadOnly(path, `open the network namespace ${path}`);
    try {
      if (c.setns(target, CLONE_NEWNET) < 0) {
        throw lastError(`enter the network namespace ${path}`, { EPERM: 'needs CAP_SYS_ADMIN' });
      }
    } finally {
      c.close(target);
    }
    try {
      return work();
    } finally {
      if (c.setns(home, CLONE_NEWNET) < 0) {
        // biome-ignore lint/correctness/noUnsafeFinally: in a foreign namespace nothing else is right any more
        throw lastError('leave the network namespace again', { EPERM: 'restart the agent' });
      }
    }
  } finally {
    c.close(home);
  }
}
