import { closeDescriptor, readLinkAt, tryOpenReadOnly } from '../native/libc.ts';
import { listDirectory, readBeginning } from './proc-files.ts';
import type { ProcessTable } from './process-table.ts';

/** Links read between two chances to stop: well below a millisecond. */
const READS_AT_ONCE = 128;

const SOCKET_PREFIX = Buffer.from('socket:[');
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;

/** Finds which process of a network namespace has a socket open, by the links in /proc/<pid>/fd. */
export class SocketScan {
  readonly #processes: ProcessTable;
  readonly #namespace: number;
  readonly #target = Buffer.alloc(64);
  /** Processes in which something was found, the last one first: there it is looked first. */
  #likely: number[] = [];
  #closed = 0;

  /** @param namespace inode number of the network namespace */
  constructor(processes: ProcessTable, namespace: number) {
    this.#processes = processes;
    this.#namespace = namespace;
  }

  /** How often a process was there whose descriptors could not be looked at. */
  get closed(): number {
    return this.#closed;
  }

  /**
   * Looks for the owners of sockets, by inode number; takes out of `wanted` what it finds and hands it to `found`. In
   * pieces: work stops at each `yield`. A socket that several processes share is that of the first of them.
   */
  *look(wanted: Set<number>, found: (inode: number, pid: number) => void, nowMs: number): Generator<void> {
    const looked = new Set<number>();
    const known = this.#processes.in(this.#namespace);
    const likely = this.#likely.filter((pid) => known.includes(pid));
    this.#likely = likely;
    for (const pid of [...likely, ...known]) {
      if (wanted.size === 0) return;
      if (!looked.has(pid)) yield* this.#lookInto(pid, wanted, found);
      looked.add(pid);
    }
    if (wanted.size === 0) return;
    yield* this.#processes.refresh(nowMs);
    for (const pid of this.#processes.in(this.#namespace)) {
      if (wanted.size === 0) return;
      if (!looked.has(pid)) yield* this.#lookInto(pid, wanted, found);
    }
  }

  *#lookInto(pid: number, wanted: Set<number>, found: (inode: number, pid: number) => void): Generator<void> {
    const path = `/proc/${pid}/fd`;
    const directory = tryOpenReadOnly(path);
    if (directory === null) {
      if (readBeginning(`/proc/${pid}/stat`) !== null) this.#closed++;
      return;
    }
    try {
      const names = listDirectory(path);
      let hit = false;
      // from the end: a process that gathers connections has the newest there
      for (let i = names.length - 1; i >= 0 && wanted.size > 0; i--) {
        const inode = this.#socketInode(directory, names[i]);
        if (inode !== 0 && wanted.delete(inode)) {
          hit = true;
          found(inode, pid);
        }
        if (i % READS_AT_ONCE === 0) yield;
      }
      if (hit && this.#likely[0] !== pid) this.#likely = [pid, ...this.#likely.filter((other) => other !== pid)];
    } finally {
      closeDescriptor(directory);
    }
  }

  /** Inode number of the socket that a descriptor is; 0 when it is something else. */
  #socketInode(directory: number, name: string): number {
    const target = this.#target;
    const length = readLinkAt(directory, name, target);
    if (length <= SOCKET_PREFIX.length || target.compare(SOCKET_PREFIX, 0, 8, 0, 8) !== 0) return 0;
    let inode = 0;
    for (let at = SOCKET_PREFIX.length; at < length; at++) {
      const digit = target[at];
      if (digit < DIGIT_0 || digit > DIGIT_9) break;
      inode = 10 * inode + (digit - DIGIT_0);
    }
    return inode;
  }
}
