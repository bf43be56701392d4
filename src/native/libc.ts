import { statSync } from 'node:fs';
import koffi from 'koffi';
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
