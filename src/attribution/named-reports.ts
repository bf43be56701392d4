import type { CauseId } from '../model/cause-id.ts';
import { PodSide, Side } from '../model/connection.ts';
import type { NetworkEvent } from '../model/event.ts';
import type { EventName } from '../model/event-code.ts';
import { everyStep } from '../model/every-step.ts';
import { type ProcessIdentity, UNKNOWN_PROCESS } from '../model/process.ts';
import type { SeenConnection } from '../model/seen-connection.ts';
import type { ConnectionOwners } from '../pipeline/connection-owners.ts';
import type { ReportSink } from '../pipeline/reporter.ts';
import type { ConnectionTracer } from '../process/connection-tracer.ts';
import { NO_SOCKET, NOBODYS_SOCKET, NOT_KNOWN_YET } from '../process/pod-sockets.ts';
import type { Finder } from '../process/process-finder.ts';
import type { ProcessKnowledge } from '../process/process-knowledge.ts';
import { Sightings } from '../process/sightings.ts';
import { Phase } from '../track/phase.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import { LineQueue, Quest } from './line-queue.ts';
import { NamesBySlot } from './names-by-slot.ts';
import { WaitingEvents } from './waiting-events.ts';

/** A line waits this long for its process: with reading and writing it is on disk within a second. */
const LINE_WAIT_MS = 300;
/** When it is asked again who has accepted a connection; after the last time the listener stands for it. */
const ACCEPT_WAITS_MS = [30, 60, 120, 250];
/** The same with eBPF, which tells who serves a connection when its first bytes are read, or when it ends. */
const READ_WAITS_MS = [150];
/** What the kernel saw may seem this much older than the packet that it led to. */
const CLOCK_SLACK_US = 5000;
/** Time given to naming before packets have their turn. */
const TURN_MS = 2;
/** How soon it is looked again while something waits. */
const TICK_MS = 10;
/** A longer time between two turns is a machine that stalls: nobody can have looked meanwhile, so it counts for no more. */
const STALL_MS = 50;
/** Lines asked for between two looks at the clock. */
const LINES_AT_ONCE = 32;

/** What naming works with. */
export interface NamingParts {
  /** Where reports go once they are named. */
  readonly sink: ReportSink;
  /** Slots of the connection table. */
  readonly capacity: number;
  readonly knowledge: ProcessKnowledge;
  /** Told of each connection while there is nobody to name it. */
  readonly missed: () => void;
  /** Told what goes wrong in a turn that nobody called. */
  readonly fail: (error: unknown) => void;
}

/**
 * Stands between the reporter and the files and says which process of the pod each connection belongs to. Lines wait a
 * moment for that, in order; what is not found in time, or cannot wait, goes on without a name.
 */
export class NamedReports implements ReportSink, ConnectionOwners {
  readonly #parts: NamingParts;
  readonly #names: NamesBySlot;
  readonly #lines = new LineQueue();
  /** Lines that wait, by slot: before a slot is used again they have to go. */
  readonly #waiting: Uint8Array;
  readonly #events = new WaitingEvents((event, process) => this.#tell(event, process));
  #finder: Finder | null = null;
  /** Not null while eBPF helps. */
  #tracer: ConnectionTracer | null = null;
  #sightings = new Sightings();
  /** There are sightings that came after the lines that wait were last looked at. */
  #hasNewSightings = false;
  /** A window of its own onto the connections. */
  #window: TrackedConnection | null = null;
  /** The first line nobody has asked for. */
  #next = 0;
  #timer: NodeJS.Timeout | null = null;
  /** When the last turn was, or waiting began after it. */
  #turnedMs = 0;
  /** Time that passed while something waited, stalls left out: what waits is as old as this clock says. */
  #clockMs = 0;
  /** The finder has begun what it has not ended: it has to have its turn again, whether a line waits or not. */
  #hasMore = false;
  #isClosed = false;
  #named = 0;
  #unnamed = 0;

  constructor(parts: NamingParts) {
    this.#parts = parts;
    this.#names = new NamesBySlot(parts.capacity);
    this.#waiting = new Uint8Array(parts.capacity);
  }

  /** From now on connections are named by `finder`, which belongs to this from here on. */
  use(finder: Finder): void {
    this.#finder?.close();
    this.#finder = finder;
    this.#hasMore = true;
    this.#arm(0);
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

  processOf(slot: number): ProcessIdentity {
    return this.#names.get(slot);
  }

  /**
   * Connections that were named, and that were not: too short-lived, or nobody that can be seen has them. The time spent
   * is that of all sessions, in milliseconds.
   */
  counters(): Readonly<Record<string, number>> {
    const { spentMs } = this.#parts.knowledge.budget;
    return { named: this.#named, unnamed: this.#unnamed, spentMs: Math.round(spentMs) };
  }

  connectionBegan(connection: TrackedConnection): void {
    if (this.#finder === null) this.#parts.missed();
    this.#window ??= connection.another();
    this.#names.setPending(connection.slot);
    this.#push(connection, false);
  }

  connectionEnded(connection: TrackedConnection): void {
    if (this.#lines.isEmpty) this.#write(connection, true);
    else this.#push(connection, true);
  }

  occurred(name: EventName, causeId: CauseId, connection: TrackedConnection, timeUs: number): void {
    this.#parts.sink.occurred(name, causeId, connection, timeUs);
  }

  event(event: NetworkEvent, connection: TrackedConnection | null): void {
    if (connection === null) {
      this.#parts.sink.event(event, null); // a summary: what it says of a process it has said already
      return;
    }
    const { slot } = connection;
    const process = this.#names.isPending(slot) ? undefined : this.#names.get(slot);
    if (this.#events.isEmpty && process !== undefined) this.#tell(event, process);
    else {
      this.#arm(TICK_MS);
      this.#events.push(event, slot, process, this.#clockMs);
    }
  }

  note(message: string, fields: Readonly<Record<string, unknown>>): void {
    this.#parts.sink.note(message, fields);
  }

  forgotten(slot: number): void {
    while (this.#waiting[slot] > 0) this.#pop();
    this.#names.delete(slot);
  }

  /** Names what can be named now; to be called after packets were read. Calls itself while something waits. */
  turn(): void {
    const { now, cpuMs, budget } = this.#parts.knowledge;
    const beganMs = now();
    this.#clockMs += Math.min(beganMs - this.#turnedMs, STALL_MS);
    this.#turnedMs = beganMs;
    let delayMs = TICK_MS;
    if (this.#finder !== null && budget.allows(beganMs)) {
      const beganCpuMs = cpuMs();
      this.#hasMore = this.#find(this.#finder, beganMs);
      budget.spend(cpuMs() - beganCpuMs);
      if (this.#hasMore) delayMs = 0;
    }
    this.#flush();
    if (!this.#lines.isEmpty || !this.#events.isEmpty || this.#hasMore) this.#arm(delayMs);
  }

  /** To be called now and then: lets go of what keeps the pod's namespace, and with it its interface, alive. */
  rest(): void {
    this.#finder?.rest();
  }

  /** Lets everything go on, named or not. Nothing may be reported any more. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    everyStep(
      () => this.turn(),
      () => {
        while (!this.#lines.isEmpty) this.#pop();
      },
      () => this.#events.flush(Number.POSITIVE_INFINITY),
      () => {
        this.#hasMore = false;
        this.#finder?.close();
        this.#finder = null;
      },
    );
  }

  #arm(ms: number): void {
    if (this.#timer !== null || this.#isClosed) return;
    this.#turnedMs = this.#parts.knowledge.now();
    this.#timer = setTimeout(() => {
      this.#timer = null;
      try {
        this.turn();
      } catch (error) {
        this.#parts.fail(error);
      }
    }, ms);
  }

  #push(connection: TrackedConnection, ended: boolean): void {
    if (this.#lines.isFull) this.#pop();
    this.#arm(TICK_MS);
    this.#lines.push(connection.slot, ended, connection.lossMeanwhile, this.#clockMs);
    this.#waiting[connection.slot]++;
  }

  /** Names what it can; true when there is more to do at once. A finder that fails is done without: names are not all. */
  #find(finder: Finder, nowMs: number): boolean {
    try {
      this.#ask(finder, nowMs + TURN_MS);
      const hasMore = finder.work(nowMs + TURN_MS);
      this.#collect(finder);
      return hasMore;
    } catch (error) {
      this.#finder = null;
      finder.close();
      this.note('processes are no longer named without eBPF', { cause: (error as Error).message });
      return false;
    }
  }

  /** Asks for the sockets of the lines that came since the last time. */
  #ask(finder: Finder, untilMs: number): void {
    const lines = this.#lines;
    this.#next = Math.max(this.#next, lines.head);
    for (let asked = 0; this.#next < lines.tail; this.#next++) {
      if (lines.quest(this.#next) !== Quest.new) continue;
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
    const connection = this.#at(line);
    const side = podEnd(connection);
    const isOpened = side === Side.initiator;
    // eBPF tells who serves a connection when that process reads from it, or closes it
    const mayWait = !isOpened && !last && !connection.closed;
    if (mayWait && this.#tracer !== null) {
      this.#lines.putOff(line);
      return;
    }
    const socket = this.#mayHaveSocket(connection, isOpened) ? finder.socketOf(connection, side) : NOBODYS_SOCKET;
    if (socket > 0) {
      if (!isOpened || !this.#isConnecting(line, finder)) this.#await(line, socket, finder);
      return;
    }
    this.#tracer?.poll(); // it is gone, so what was seen of it is there
    if (this.#isSeen(line)) return;
    const earlier = connection.midstream ? finder.earlierOwner(connection, side) : null;
    if (earlier === null && socket === NOT_KNOWN_YET) {
      this.#lines.setQuest(line, Quest.early);
    } else if (earlier === null && socket === NOBODYS_SOCKET && mayWait) {
      this.#lines.putOff(line);
    } else if (earlier !== null || isOpened) {
      this.#decide(line, earlier);
    } else {
      const listener = finder.listenerOf(connection, side);
      if (listener === NO_SOCKET) this.#decide(line, null);
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
    const connection = this.#at(line);
    const seen = this.#sightings.take(connection, podEnd(connection), connection.beginUs - CLOCK_SLACK_US);
    if (seen !== null) this.#decide(line, this.#parts.knowledge.facts.ofOwner(seen.owner));
    return seen !== null;
  }

  /** Whether eBPF knows who opens the connection whose socket was just found: then that is decided. */
  #isConnecting(line: number, finder: Finder): boolean {
    const { cookie } = finder;
    const owner = cookie === null || this.#tracer === null ? null : this.#tracer.connecting(cookie);
    if (owner !== null) this.#decide(line, this.#parts.knowledge.facts.ofOwner(owner));
    return owner !== null;
  }

  #await(line: number, socket: number, finder: Finder): void {
    finder.want(socket);
    const owner = finder.ownerOf(socket);
    if (owner === undefined) this.#lines.setInode(line, socket);
    else this.#decide(line, owner);
  }

  /** Takes what the finder has found, and asks again for what the pod had not accepted. */
  #collect(finder: Finder): void {
    const lines = this.#lines;
    const waitsMs = this.#tracer === null ? ACCEPT_WAITS_MS : READ_WAITS_MS;
    const lastWaitMs = waitsMs[waitsMs.length - 1];
    for (let line = lines.head; line < this.#next; line++) {
      const quest = lines.quest(line);
      if (quest === Quest.decided || (this.#hasNewSightings && this.#isSeen(line))) continue;
      if (quest === Quest.early) {
        const ageMs = this.#clockMs - lines.sinceMs(line);
        const waits = Math.min(Math.max(lines.putOffs(line), 1), waitsMs.length);
        const isWanted = this.#events.has(lines.slot(line));
        if (!isWanted && ageMs < waitsMs[waits - 1]) continue;
        this.#askFor(line, finder, isWanted || ageMs >= lastWaitMs);
      } else if (quest === Quest.socket) {
        const owner = finder.ownerOf(lines.inode(line));
        if (owner !== undefined) this.#decide(line, owner);
      }
    }
    this.#hasNewSightings = false;
  }

  #decide(line: number, process: ProcessIdentity | null): void {
    const slot = this.#lines.slot(line);
    this.#lines.setQuest(line, Quest.decided);
    if (process === null) {
      this.#unnamed++;
      this.#names.delete(slot);
    } else {
      this.#named++;
      this.#names.set(slot, process);
    }
    this.#events.decide(slot, process ?? UNKNOWN_PROCESS);
  }

  /** Lets go on what is decided or has waited long enough. */
  #flush(): void {
    const lines = this.#lines;
    while (!lines.isEmpty) {
      const isDecided = lines.quest(lines.head) === Quest.decided;
      if (!isDecided && this.#clockMs - lines.sinceMs(lines.head) < LINE_WAIT_MS) break;
      this.#pop();
    }
    this.#events.flush(this.#clockMs);
  }

  /** Lets the first line go on. */
  #pop(): void {
    const line = this.#lines.head;
    if (this.#lines.quest(line) !== Quest.decided) this.#decide(line, null);
    const connection = this.#at(line);
    connection.lossMeanwhile = this.#lines.loss(line);
    this.#lines.head++;
    this.#waiting[connection.slot]--;
    this.#write(connection, this.#lines.ended(line));
  }

  #write(connection: TrackedConnection, ended: boolean): void {
    const { sink } = this.#parts;
    connection.process = this.#names.get(connection.slot);
    if (ended) sink.connectionEnded(connection);
    else sink.connectionBegan(connection);
  }

  #tell(event: NetworkEvent, process: ProcessIdentity): void {
    const { connection } = event;
    const named = connection === null ? event : { ...event, connection: { ...connection, process } };
    this.#parts.sink.event(named, null);
  }

  #at(line: number): TrackedConnection {
    const window = this.#window;
    if (window === null) throw new Error('Cannot happen: a line waits for a connection that nobody has seen');
    return window.at(this.#lines.slot(line));
  }
}

/** The end of a connection that is in the pod; where that is not known, the one that opened it. */
function podEnd(connection: TrackedConnection): Side {
  return connection.podSide === PodSide.responder ? Side.responder : Side.initiator;
}
