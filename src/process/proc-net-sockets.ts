import type { Connection, Side } from '../model/connection.ts';
import { connectionKey, keyOf, NO_SOCKET, NOT_KNOWN_YET, type PodSockets, portOf } from './pod-sockets.ts';
import { readText } from './proc-files.ts';

/** A table may be this old when it is asked: reading it costs, and grows with the number of sockets. */
const FRESH_MS = 25;
/** Of a core, at most this part is spent on reading tables. */
const READING_SHARE = 0.1;
const LISTEN = '0A'; // TCP_LISTEN in linux/net/tcp_states.h

/** Columns of a line that begin after spaces (proc_pid_net_tcp(5)): `sl local remote st queues timer retrans uid timeout inode`. */
const LOCAL = 1;
const REMOTE = 2;
const STATE = 3;
const INODE = 9;

/** A steady clock, and the CPU time of the thread, in milliseconds. */
export interface Clocks {
  readonly now: () => number;
  readonly cpuMs: () => number;
}

/**
 * Sockets as /proc/<pid>/net/tcp and tcp6 list them, for where the kernel cannot be asked for one (no right to enter
 * the namespace, no sock_diag): all of them have to be read to find one, so now and then only.
 */
export class ProcNetSockets implements PodSockets {
  readonly cookie = null;
  readonly #dweller: () => number | 'self' | null;
  readonly #clocks: Clocks;
  #connections = new Map<string, number>();
  #listeners = new Map<string, number>();
  #nextReadMs = Number.NEGATIVE_INFINITY;

  /** @param dweller gives a process that lives in the namespace now */
  constructor(dweller: () => number | 'self' | null, clocks: Clocks) {
    this.#dweller = dweller;
    this.#clocks = clocks;
  }

  connection(connection: Connection, side: Side): number {
    const isFresh = this.#refresh();
    return this.#connections.get(keyOf(connection, side)) ?? (isFresh ? NO_SOCKET : NOT_KNOWN_YET);
  }

  listener(connection: Connection, side: Side): number {
    this.#refresh();
    const port = portOf(connection, side);
    const address = [0, 1, 2, 3].map((word) => connection.addressWord(side, word)).join(' ');
    for (const where of [`${address} ${port}`, `0 0 0 0 ${port}`]) {
      const inode = this.#listeners.get(where);
      if (inode !== undefined) return inode;
    }
    return NO_SOCKET;
  }

  *list(limit: number, into: Map<string, number>): Generator<void> {
    this.#refresh();
    yield;
    for (const [key, inode] of this.#connections) {
      if (into.size >= limit) return;
      if (inode > 0) into.set(key, inode);
    }
  }

  close(): void {
    this.#connections.clear();
    this.#listeners.clear();
  }

  /** Reads the tables unless they were read a moment ago; true when they are as of now. */
  #refresh(): boolean {
    const beginMs = this.#clocks.now();
    if (beginMs < this.#nextReadMs) return false;
    const beganCpuMs = this.#clocks.cpuMs();
    this.#connections = new Map();
    this.#listeners = new Map();
    const pid = this.#dweller();
    if (pid !== null) for (const file of ['tcp', 'tcp6']) this.#read(readText(`/proc/${pid}/net/${file}`) ?? '');
    const tookMs = this.#clocks.cpuMs() - beganCpuMs;
    this.#nextReadMs = beginMs + Math.max(FRESH_MS, tookMs / READING_SHARE);
    return true;
  }

  #read(table: string): void {
    for (const line of table.split('\n').slice(1)) {
      const columns = line.trim().split(/\s+/);
      if (columns.length <= INODE) continue;
      const local = parseEnd(columns[LOCAL]);
      const remote = parseEnd(columns[REMOTE]);
      const inode = Number(columns[INODE]);
      if (columns[STATE] === LISTEN) {
        this.#listeners.set(listenerKey(local), inode);
        continue;
      }
      const key = connectionKey(
        local.words.length === 1 ? 4 : 6,
        local.port,
        remote.port,
        wordOf(local),
        wordOf(remote),
      );
      this.#connections.set(key, inode);
    }
  }
}

interface End {
  /** One word of an IPv4 address, four of an IPv6 one, network order. */
  readonly words: readonly number[];
  readonly port: number;
}

const wordOf = (end: End) => (word: number) => end.words[word] ?? 0;

/** `0100007F:1F90`: words of the address as the machine reads them, and the port. */
function parseEnd(text: string): End {
  const [address = '', port = ''] = text.split(':');
  const words: number[] = [];
  for (let at = 0; at < address.length; at += 8) words.push(swapBytes(Number.parseInt(address.slice(at, at + 8), 16)));
  return { words, port: Number.parseInt(port, 16) };
}

/** A word in network order that was read in the machine's, which is little-endian on all that Node runs on here. */
function swapBytes(word: number): number {
  return ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}

/** Any address listens to both IPv4 and IPv6 unless told otherwise: then its own port has it. */
function listenerKey({ words, port }: End): string {
  const [first = 0, second = 0, third = 0, fourth = 0] = words;
  const isMapped = first === 0 && second === 0 && third === 0xffff;
  return isMapped ? `${fourth} 0 0 0 ${port}` : `${first} ${second} ${third} ${fourth} ${port}`;
}
