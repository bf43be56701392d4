import { BEAT_MS, msToBeat } from '../model/beat.ts';
import type { CauseId } from '../model/cause-id.ts';
import type { DnsQuestion } from '../model/dns-question.ts';
import type { NetworkEvent } from '../model/event.ts';
import type { EventName } from '../model/event-code.ts';
import { everyStep } from '../model/every-step.ts';
import { type ProcessIdentity, UNKNOWN_PROCESS } from '../model/process.ts';
import type { SeenConnection } from '../model/seen-connection.ts';
import type { ConnectionOwners } from '../pipeline/connection-owners.ts';
import type { OutputSink } from '../pipeline/emitter.ts';
import type { ConnectionTracer } from '../process/connection-tracer.ts';
import type { Finder } from '../process/process-finder.ts';
import type { ProcessKnowledge } from '../process/process-knowledge.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import { LineQueue, LookupState } from './line-queue.ts';
import { NamesBySlot } from './names-by-slot.ts';
import { OwnerLookup } from './owner-lookup.ts';
import { WaitingEvents } from './waiting-events.ts';

/** A line waits this long for its process: with reading and writing it is on disk within a second. */
const LINE_WAIT_MS = 300;
/** Time given to naming before packets have their turn. */
const TURN_MS = 2;
/** A longer time between two turns is a machine that stalls: nobody can have looked meanwhile, so it counts for no more. */
const STALL_MS = 2 * BEAT_MS;

/** What naming works with. */
export interface NamingParts {
  /** Where reports go once they are named. */
  readonly sink: OutputSink;
  /** Slots of the connection table. */
  readonly capacity: number;
  readonly knowledge: ProcessKnowledge;
  /** Told of each connection while there is nobody to name it. */
  readonly missed: () => void;
  /** Told what goes wrong in a turn that nobody called. */
  readonly fail: (error: unknown) => void;
}

/**
 * Stands between the emitter and the files and says which process of the pod each connection belongs to. Lines wait a
 * moment for that, in order; what is not found in time, or cannot wait, goes on without a name.
 */
export class NamedOutput implements OutputSink, ConnectionOwners {
  readonly #parts: NamingParts;
  readonly #names: NamesBySlot;
  readonly #lines = new LineQueue();
  /** Lines that wait, by slot: before a slot is used again they have to go. */
  readonly #waiting: Uint8Array;
  readonly #events = new WaitingEvents((event, process) => this.#tell(event, process));
  readonly #lookup: OwnerLookup;
  #finder: Finder | null = null;
  /** A cursor of its own onto the connections. */
  #cursor: TrackedConnection | null = null;
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
    this.#lookup = new OwnerLookup({
      lines: this.#lines,
      knowledge: parts.knowledge,
      connectionOf: (line) => this.#at(line),
      decide: (line, process) => this.#decide(line, process),
      isWanted: (slot) => this.#events.has(slot),
    });
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
    this.#lookup.trace(tracer);
  }

  /** eBPF saw a connection of the pod. */
  saw(seen: SeenConnection): void {
    this.#lookup.saw(seen);
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
    this.#cursor ??= connection.another();
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

  queryOccurred(event: NetworkEvent): void {
    this.#parts.sink.queryOccurred(event);
  }

  queryAnswered(latencyUs: number): void {
    this.#parts.sink.queryAnswered(latencyUs);
  }

  questionEnded(question: DnsQuestion): void {
    this.#parts.sink.questionEnded(question);
  }

  event(event: NetworkEvent, connection: TrackedConnection | null): void {
    if (connection === null) {
      this.#parts.sink.event(event, null); // of a DNS question, or a summary: what it says of a process it has said already
      return;
    }
    const { slot } = connection;
    const process = this.#names.isPending(slot) ? undefined : this.#names.get(slot);
    if (this.#events.isEmpty && process !== undefined) this.#tell(event, process);
    else {
      this.#arm();
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

  /**
   * Names what can be named now; to be called after packets were read. Calls itself while something waits, and costs next
   * to nothing when nothing does.
   */
  turn(): void {
    if (!this.#isBusy) return;
    const { now, cpuMs, budget } = this.#parts.knowledge;
    const beganMs = now();
    this.#clockMs += Math.min(beganMs - this.#turnedMs, STALL_MS);
    this.#turnedMs = beganMs;
    let isSoon = false;
    if (this.#finder !== null && budget.allows(beganMs)) {
      const beganCpuMs = cpuMs();
      this.#hasMore = this.#find(this.#finder, beganMs);
      budget.spend(cpuMs() - beganCpuMs);
      isSoon = this.#hasMore;
    }
    this.#flush();
    if (this.#isBusy) this.#arm(isSoon ? 0 : undefined);
  }

  /** Something waits, or the finder has to have its turn. */
  get #isBusy(): boolean {
    return !this.#lines.isEmpty || !this.#events.isEmpty || this.#hasMore;
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

  /** Has the next turn after so long; at the next beat when that is not said. */
  #arm(ms?: number): void {
    if (this.#timer !== null || this.#isClosed) return;
    this.#turnedMs = this.#parts.knowledge.now();
    this.#timer = setTimeout(() => {
      this.#timer = null;
      try {
        this.turn();
      } catch (error) {
        this.#parts.fail(error);
      }
    }, ms ?? msToBeat(this.#turnedMs));
  }

  #push(connection: TrackedConnection, ended: boolean): void {
    if (this.#lines.isFull) this.#pop();
    this.#arm();
    this.#lines.push(connection.slot, ended, connection.lossMeanwhile, this.#clockMs);
    this.#waiting[connection.slot]++;
  }

  /** Names what it can; true when there is more to do at once. A finder that fails is done without: names are not all. */
  #find(finder: Finder, nowMs: number): boolean {
    try {
      this.#lookup.ask(finder, nowMs + TURN_MS);
      const hasMore = finder.work(nowMs + TURN_MS);
      this.#lookup.collect(finder, this.#clockMs);
      return hasMore;
    } catch (error) {
      this.#finder = null;
      finder.close();
      this.note('processes are no longer named without eBPF', { cause: (error as Error).message });
      return false;
    }
  }

  #decide(line: number, process: ProcessIdentity | null): void {
    const slot = this.#lines.slot(line);
    this.#lines.setLookupState(line, LookupState.decided);
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
      const isDecided = lines.lookupState(lines.head) === LookupState.decided;
      if (!isDecided && this.#clockMs - lines.sinceMs(lines.head) < LINE_WAIT_MS) break;
      this.#pop();
    }
    this.#events.flush(this.#clockMs);
  }

  /** Lets the first line go on. */
  #pop(): void {
    const line = this.#lines.head;
    if (this.#lines.lookupState(line) !== LookupState.decided) this.#decide(line, null);
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
    const cursor = this.#cursor;
    if (cursor === null) throw new Error('Cannot happen: a line waits for a connection that nobody has seen');
    return cursor.at(this.#lines.slot(line));
  }
}
