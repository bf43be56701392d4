import type { Connection, Side } from '../model/connection.ts';
import type { ProcessIdentity } from '../model/process.ts';
import { DiagSockets } from './diag-sockets.ts';
import type { PodNamespace } from './pod-namespace.ts';
import { keyOf, NO_SOCKET, NOT_KNOWN_YET, type PodSockets, portOf } from './pod-sockets.ts';
import { inodeOf, networkNamespaceOf } from './proc-files.ts';
import { ProcNetSockets } from './proc-net-sockets.ts';
import type { ProcessKnowledge } from './process-knowledge.ts';
import { SocketScan } from './socket-scan.ts';

/** Sockets that were there at the start and are remembered. */
const MAX_EARLIER = 10_000;
/** Owners that are remembered; the oldest go first. */
const MAX_OWNERS = 4096;
/** A listener's owner is looked for again after this long. */
const OWNER_FRESH_MS = 2000;
/** Which socket listens is asked again after this long. */
const LISTENER_FRESH_MS = 1000;
/** Of the time, at most this part is spent on looking through descriptors. */
const SCANNING_SHARE = 0.12;
/** A socket that asks the kernel is closed when it was not used for this long: it keeps the pod's namespace alive. */
const IDLE_MS = 1000;
/** Where nobody lives in the namespace, it is looked again after this long. */
const REOPEN_MS = 200;
/** So many sockets without a visible owner, and none with: then something is wrong with what can be seen. */
const UNSEEN_BEFORE_TOLD = 3;

interface Owner {
  readonly identity: ProcessIdentity | null;
  readonly sinceMs: number;
}

interface Listener {
  readonly inode: number;
  readonly word: number;
  readonly askedMs: number;
}

/** Finds who owns the sockets of one pod, without eBPF: the kernel tells the socket, /proc/<pid>/fd its owner. */
export class ProcessFinder {
  readonly #shared: ProcessKnowledge;
  readonly #namespace: PodNamespace;
  readonly #note: (message: string) => void;
  readonly #scan: SocketScan;
  #sockets: PodSockets | null = null;
  #usedMs = Number.NEGATIVE_INFINITY;

  /** Inode numbers of sockets whose owner is to be found in the next pass. */
  #wanted = new Set<number>();
  readonly #owners = new Map<number, Owner>();
  readonly #listeners = new Map<number, Listener>();
  readonly #earlier = new Map<string, ProcessIdentity>();

  /** The pass through the descriptors that is under way. */
  #pass: Generator<void> | null;
  #passMs = 0;
  /** Nobody is known to live in the namespace, though something is asked of it. */
  #isDeserted = false;
  #nextPassMs = Number.NEGATIVE_INFINITY;
  #sawSome = false;
  #unseen = 0;
  #told = false;
  #fallbackTold = false;

  /** Begins with the sockets there are now. `note` is given what people should know, each thing once. */
  constructor(shared: ProcessKnowledge, namespace: PodNamespace, note: (message: string) => void) {
    this.#shared = shared;
    this.#namespace = namespace;
    this.#note = note;
    this.#scan = new SocketScan(shared.processes, namespace.inode);
    this.#pass = this.#rememberEarlier();
  }

  /**
   * Inode number of a connection's socket in the pod, which is its end `side`; `NO_SOCKET`; `UNOWNED_SOCKET`;
   * `NOT_KNOWN_YET` when nobody is known who lives there.
   */
  socketOf(connection: Connection, side: Side): number {
    return this.#open()?.connection(connection, side) ?? NOT_KNOWN_YET;
  }

  /** Cookie of the socket that `socketOf` found last; null where it is not known. Valid until the next question. */
  get cookie(): Uint8Array | null {
    return this.#sockets?.cookie ?? null;
  }

  /** Inode number of the socket that listens for what arrives at the end `side`; `NO_SOCKET`. */
  listenerOf(connection: Connection, side: Side): number {
    const port = portOf(connection, side);
    const word = connection.addressWord(side, connection.ipVersion === 4 ? 0 : 3);
    const slot = connection.ipVersion === 4 ? port : port + 0x10000;
    const known = this.#listeners.get(slot);
    const nowMs = this.#shared.now();
    if (known?.word === word && nowMs - known.askedMs < LISTENER_FRESH_MS) return known.inode;
    const inode = this.#open()?.listener(connection, side) ?? NO_SOCKET;
    this.#listeners.set(slot, { inode, word, askedMs: nowMs });
    return inode;
  }

  /** Who had the connection when the finder began; null when it was not there. */
  earlierOwner(connection: Connection, side: Side): ProcessIdentity | null {
    if (this.#earlier.size === 0) return null;
    return this.#earlier.get(keyOf(connection, side)) ?? null;
  }

  /** Asks for the owner of a socket to be found, unless it was found a moment ago. */
  want(inode: number): void {
    const owner = this.#owners.get(inode);
    if (owner === undefined || this.#shared.now() - owner.sinceMs > OWNER_FRESH_MS) this.#wanted.add(inode);
  }

  /** Who owns a socket; null when nobody that can be seen does, undefined when it was not found yet. */
  ownerOf(inode: number): ProcessIdentity | null | undefined {
    return this.#owners.get(inode)?.identity;
  }

  /** Looks for owners until `untilMs` at the most. True when there is more to do at once. */
  work(untilMs: number): boolean {
    for (let nowMs = this.#shared.now(); nowMs < untilMs; ) {
      if (this.#pass === null) {
        if ((this.#wanted.size === 0 && !this.#isDeserted) || nowMs < this.#nextPassMs) return false;
        this.#pass = this.#wanted.size > 0 ? this.#findOwners() : this.#shared.processes.refresh(nowMs);
        this.#isDeserted = false;
        this.#passMs = 0;
      }
      const beganCpuMs = this.#shared.cpuMs();
      const { done } = this.#pass.next();
      this.#passMs += this.#shared.cpuMs() - beganCpuMs;
      nowMs = this.#shared.now();
      if (done !== true) continue;
      this.#pass = null;
      this.#nextPassMs = nowMs + this.#passMs * (1 / SCANNING_SHARE - 1);
    }
    return this.#pass !== null;
  }

  /** To be called now and then: lets go of what keeps the pod's namespace alive, also while a pass is under way. */
  rest(): void {
    if (this.#shared.now() - this.#usedMs >= IDLE_MS) this.#closeSockets();
  }

  /** Gives back what is open, and ends the pass that is under way; it is opened again when something is asked. */
  close(): void {
    this.#pass?.return(undefined);
    this.#pass = null;
    this.#closeSockets();
  }

  #closeSockets(): void {
    this.#sockets?.close();
    this.#sockets = null;
    this.#usedMs = Number.NEGATIVE_INFINITY;
  }

  *#findOwners(): Generator<void> {
    const wanted = this.#wanted;
    this.#wanted = new Set();
    yield* this.#scan.look(wanted, (inode, pid) => this.#found(inode, pid), this.#shared.now());
    for (const inode of wanted) this.#remember(inode, null);
    this.#unseen += wanted.size;
    if (!this.#sawSome && this.#unseen >= UNSEEN_BEFORE_TOLD) this.#tellUnseen();
  }

  *#rememberEarlier(): Generator<void> {
    const sockets = new Map<string, number>();
    yield* this.#shared.processes.refresh(this.#shared.now());
    const open = this.#openAny(); // not the one that is asked for single sockets in between
    if (open === null) return;
    try {
      yield* open.list(MAX_EARLIER, sockets);
    } finally {
      open.close();
    }
    const wanted = new Set(sockets.values());
    const owners = new Map<number, ProcessIdentity>();
    const found = (inode: number, pid: number) => {
      this.#sawSome = true;
      const identity = this.#shared.facts.of(pid, this.#shared.now());
      if (identity !== null) owners.set(inode, identity);
    };
    yield* this.#scan.look(wanted, found, this.#shared.now());
    for (const [key, inode] of sockets) {
      const owner = owners.get(inode);
      if (owner !== undefined) this.#earlier.set(key, owner);
    }
    if (sockets.size > 0 && !this.#sawSome) this.#tellUnseen();
  }

  #found(inode: number, pid: number): void {
    this.#sawSome = true;
    this.#remember(inode, this.#shared.facts.of(pid, this.#shared.now()));
  }

  #remember(inode: number, identity: ProcessIdentity | null): void {
    this.#owners.delete(inode);
    this.#owners.set(inode, { identity, sinceMs: this.#shared.now() });
    if (this.#owners.size <= MAX_OWNERS) return;
    for (const oldest of this.#owners.keys()) {
      this.#owners.delete(oldest);
      return;
    }
  }

  #open(): PodSockets | null {
    const nowMs = this.#shared.now();
    if (this.#sockets === null && nowMs - this.#usedMs < REOPEN_MS) return null;
    this.#usedMs = nowMs;
    this.#sockets ??= this.#openAny();
    return this.#sockets;
  }

  #openAny(): PodSockets | null {
    return this.#openDiag() ?? this.#openProcNet();
  }

  #openDiag(): PodSockets | null {
    const path = this.#path();
    if (path === null) return null;
    try {
      return DiagSockets.open(path);
    } catch (error) {
      if (!this.#fallbackTold) {
        this.#note(`${(error as Error).message}; its sockets are read from /proc/<pid>/net instead`);
      }
      this.#fallbackTold = true;
      return null;
    }
  }

  #openProcNet(): PodSockets | null {
    return this.#dweller() === null ? null : new ProcNetSockets(() => this.#dweller(), this.#shared);
  }

  /** What leads to the namespace now; null when nothing that is known does. */
  #path(): string | null {
    const { path, inode } = this.#namespace;
    if (inodeOf(path) === inode) return path;
    const pid = this.#dweller();
    return pid === null ? null : `/proc/${pid}/ns/net`;
  }

  /** A process that is known to live in the namespace. */
  #dweller(): number | 'self' | null {
    const { inode } = this.#namespace;
    if (networkNamespaceOf('self') === inode) return 'self';
    const pid = this.#shared.processes.in(inode).find((known) => networkNamespaceOf(known) === inode) ?? null;
    this.#isDeserted = pid === null;
    return pid;
  }

  #tellUnseen(): void {
    if (this.#told) return;
    this.#told = true;
    this.#note(`Cannot name processes: ${this.#whatIsMissing()}`);
  }

  #whatIsMissing(): string {
    if (this.#scan.closed > 0) return 'those of other users cannot be looked into; the agent needs CAP_DAC_READ_SEARCH';
    const { hidden } = this.#shared.processes;
    if (hidden > 0) return `${hidden} processes cannot be looked at; run the agent as root with CAP_SYS_PTRACE`;
    if (networkNamespaceOf('self') === this.#namespace.inode) {
      return "those of the pod's other containers cannot be seen; set shareProcessNamespace: true in the pod's spec";
    }
    return "those of the pod cannot be seen; set hostPID: true in the agent's spec";
  }
}

/** What others need of a `ProcessFinder`. */
export type Finder = Pick<ProcessFinder, keyof ProcessFinder>;
