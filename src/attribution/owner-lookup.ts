import { PodSide, Side } from '../model/connection.ts';
import type { ProcessIdentity } from '../model/process.ts';
import type { SeenConnection } from '../model/seen-connection.ts';
import type { ConnectionTracer } from '../process/connection-tracer.ts';
import { NO_SOCKET, NOT_KNOWN_YET, UNOWNED_SOCKET } from '../process/pod-sockets.ts';
import type { Finder } from '../process/process-finder.ts';
import type { ProcessKnowledge } from '../process/process-knowledge.ts';
import { Sightings } from '../process/sightings.ts';
import { Phase } from '../track/phase.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import { type LineQueue, LookupState } from './line-queue.ts';

/** When it is asked again who has accepted a connection; after the last time the listener stands for it. */
const ACCEPT_WAITS_MS = [30, 60, 120, 250];
/** The same with eBPF, which tells who serves a connection when its first bytes are read, or when it ends. */
const READ_WAITS_MS = [150];
/** What the kernel saw may seem this much older than the packet that it led to. */
const CLOCK_SLACK_US = 5000;
/** Lines asked for between two looks at the clock. */
const LINES_AT_ONCE = 32;

/** What owners are looked up for, and who is told. */
export interface OwnerLookupParts {
  /** The lines that wait for the process of their connection. */
  readonly lines: LineQueue;
  readonly knowledge: ProcessKnowledge;
  /** The connection of a line that waits; valid until the next call. */
  readonly connectionOf: (line: number) => TrackedConnection;
  /** Told the owner of a line's connection, once; null when nobody that can be seen is. */
  readonly decide: (line: number, process: ProcessIdentity | null) => void;
  /** Whether something waits for the owner of that connection that cannot wait for long. */
  readonly isWanted: (slot: number) => boolean;
}

/** Asks the kernel, and what eBPF saw, for the owners of the connections of lines that wait. */
export class OwnerLookup {
  readonly #parts: OwnerLookupParts;
  /** Not null while eBPF helps. */
  #tracer: ConnectionTracer | null = null;
  #sightings = new Sightings();
  /** There are sightings that came after the lines that wait were last looked at. */
  #hasNewSightings = false;
  /** The first line nobody has asked for. */
  #next = 0;

  constructor(parts: OwnerLookupParts) {
    this.#parts = parts;
  }

  /** Whether eBPF helps from now on, to say what it sees by `saw`; null: it does not. */
  trace(tracer: ConnectionTracer | null): void {
    this.#tracer = tracer;
    this.#sightings = new Sightings();
  }

  /** eBPF saw a connection of the pod. */
  saw(seen: SeenConnection): void {
    this.#sightings.add(seen);
    this.#hasNewSightings = true;
  }

  /** Asks for the sockets of the lines that came since the last time. */
  ask(finder: Finder, untilMs: number): void {
    const { lines } = this.#parts;
    this.#next = Math.max(this.#next, lines.head);
    for (let asked = 0; this.#next < lines.tail; this.#next++) {
      if (lines.lookupState(this.#next) !== LookupState.new) continue;
      this.#askFor(this.#next, finder, false);
      if (++asked % LINES_AT_ONCE === 0 && this.#parts.knowledge.now() > untilMs) {
        this.#next++;
        return;
      }
    }
  }

  /** Asks whose one connection is. `last`: the listener stands for what the pod has not accepted. */
  #askFor(line: number, finder: Finder, last: boolean): void {
    if (this.#isSeen(line)) return;
    const connection = this.#parts.connectionOf(line);
    const side = podEnd(connection);
    const isOpened = side === Side.initiator;
    // eBPF tells who serves a connection when that process reads from it, or closes it
    const mayWait = !isOpened && !last && !connection.closed;
    if (mayWait && this.#tracer !== null) {
      this.#parts.lines.putOff(line);
      return;
    }
    const socket = this.#mayHaveSocket(connection, isOpened) ? finder.socketOf(connection, side) : UNOWNED_SOCKET;
    if (socket > 0) {
      if (!isOpened || !this.#isConnecting(line, finder)) this.#await(line, socket, finder);
      return;
    }
    this.#tracer?.poll(); // it is gone, so what was seen of it is there
    if (this.#isSeen(line)) return;
    const earlier = connection.midstream ? finder.earlierOwner(connection, side) : null;
    if (earlier === null && socket === NOT_KNOWN_YET) {
      this.#parts.lines.setLookupState(line, LookupState.retry);
    } else if (earlier === null && socket === UNOWNED_SOCKET && mayWait) {
      this.#parts.lines.putOff(line);
    } else if (earlier !== null || isOpened) {
      this.#parts.decide(line, earlier);
    } else {
      const listener = finder.listenerOf(connection, side);
      if (listener === NO_SOCKET) this.#parts.decide(line, null);
      else this.#await(line, listener, finder);
    }
  }

  /** What the pod has not accepted has no socket yet; what is closed in both directions has none any more. */
  #mayHaveSocket(connection: TrackedConnection, isOpened: boolean): boolean {
    return !connection.closed && (isOpened || connection.phase >= Phase.established);
  }

  /** Whether eBPF has told whose a connection is: then that is decided. */
  #isSeen(line: number): boolean {
    if (this.#tracer === null) return false;
    const connection = this.#parts.connectionOf(line);
    const seen = this.#sightings.take(connection, podEnd(connection), connection.beginUs - CLOCK_SLACK_US);
    if (seen !== null) this.#parts.decide(line, this.#parts.knowledge.facts.ofOwner(seen.owner));
    return seen !== null;
  }

  /** Whether eBPF knows who opens the connection whose socket was just found: then that is decided. */
  #isConnecting(line: number, finder: Finder): boolean {
    const { cookie } = finder;
    const owner = cookie === null || this.#tracer === null ? null : this.#tracer.connecting(cookie);
    if (owner !== null) this.#parts.decide(line, this.#parts.knowledge.facts.ofOwner(owner));
    return owner !== null;
  }

  #await(line: number, socket: number, finder: Finder): void {
    finder.want(socket);
    const owner = finder.ownerOf(socket);
    if (owner === undefined) this.#parts.lines.setInode(line, socket);
    else this.#parts.decide(line, owner);
  }

  /** Takes what the finder has found, and asks again for what the pod had not accepted. */
  collect(finder: Finder, clockMs: number): void {
    const { lines } = this.#parts;
    const waitsMs = this.#tracer === null ? ACCEPT_WAITS_MS : READ_WAITS_MS;
    const lastWaitMs = waitsMs[waitsMs.length - 1];
    for (let line = lines.head; line < this.#next; line++) {
      const lookupState = lines.lookupState(line);
      if (lookupState === LookupState.decided || (this.#hasNewSightings && this.#isSeen(line))) continue;
      if (lookupState === LookupState.retry) {
        const ageMs = clockMs - lines.sinceMs(line);
        const waits = Math.min(Math.max(lines.putOffs(line), 1), waitsMs.length);
        const isWanted = this.#parts.isWanted(lines.slot(line));
        if (!isWanted && ageMs < waitsMs[waits - 1]) continue;
        this.#askFor(line, finder, isWanted || ageMs >= lastWaitMs);
      } else if (lookupState === LookupState.socket) {
        const owner = finder.ownerOf(lines.inode(line));
        if (owner !== undefined) this.#parts.decide(line, owner);
      }
    }
    this.#hasNewSightings = false;
  }
}

/** The end of a connection that is in the pod; where that is not known, the one that opened it. */
function podEnd(connection: TrackedConnection): Side {
  return connection.podSide === PodSide.responder ? Side.responder : Side.initiator;
}
