import type { NetworkEvent } from '../model/event.ts';
import { type ProcessIdentity, UNKNOWN_PROCESS } from '../model/process.ts';

/** An event waits this long, and up to the beat after that: it has to be on disk within 200 ms. */
const EVENT_WAIT_MS = 50;
const MAX_EVENTS = 1024;

interface WaitingEvent {
  readonly event: NetworkEvent;
  readonly slot: number;
  readonly sinceMs: number;
  /** Undefined while it is being looked for. */
  process: ProcessIdentity | undefined;
}

/** Events that wait for the process of their connection, in order. Bounded: the first goes on without. */
export class WaitingEvents {
  readonly #events: WaitingEvent[] = [];
  /** Slots of the connections whose process is being looked for. */
  readonly #slots = new Set<number>();
  readonly #tell: (event: NetworkEvent, process: ProcessIdentity) => void;

  /** @param tell is given each event, once */
  constructor(tell: (event: NetworkEvent, process: ProcessIdentity) => void) {
    this.#tell = tell;
  }

  get isEmpty(): boolean {
    return this.#events.length === 0;
  }

  /** Whether an event waits for the process of that connection. */
  has(slot: number): boolean {
    return this.#slots.has(slot);
  }

  /** Adds an event at the end; `process` is undefined while it is being looked for. */
  push(event: NetworkEvent, slot: number, process: ProcessIdentity | undefined, nowMs: number): void {
    if (this.#events.length === MAX_EVENTS) this.#tellFirst();
    if (process === undefined) this.#slots.add(slot);
    this.#events.push({ event, slot, sinceMs: nowMs, process });
  }

  /** It is known whose connection it is. */
  decide(slot: number, process: ProcessIdentity): void {
    if (!this.#slots.delete(slot)) return;
    for (const waiting of this.#events) if (waiting.slot === slot) waiting.process ??= process;
  }

  /** Lets go on what is decided or has waited long enough. */
  flush(nowMs: number): void {
    while (this.#events.length > 0) {
      const [first] = this.#events;
      if (first.process === undefined && nowMs - first.sinceMs < EVENT_WAIT_MS) break;
      this.#tellFirst();
    }
  }

  #tellFirst(): void {
    const first = this.#events.shift();
    if (first !== undefined) this.#tell(first.event, first.process ?? UNKNOWN_PROCESS);
  }
}
