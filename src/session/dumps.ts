import type { PacketHistory } from '../history/packet-history.ts';
import type { ConnectionSummary } from '../model/event.ts';
import { summarize } from '../model/event.ts';
import type { PacketRecords } from '../model/packet-records.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import { DumpRate } from './dump-rate.ts';

/** How long after an event its connection is still kept: what follows a reset or an alert is part of the story. */
const AFTERMATH_US = 700_000;

/** Where dumps go. */
export interface DumpSink {
  /** A file name that nothing else gets; `writeDump` or `releaseDump` follows. Null when there is no room for a dump. */
  reserveDump(ends: ConnectionSummary, timeUs: number): string | null;
  /** Writes what was kept under a reserved name. */
  writeDump(name: string, records: PacketRecords): void;
  /** Nothing was kept: the name is free again. */
  releaseDump(name: string): void;
}

interface PendingDump {
  readonly name: string;
  dueUs: number;
  /** The connection has ended: once this is written, nothing of it needs to be kept. */
  last: boolean;
}

/** Decides when what is kept of a connection is written: soon after an event, and some time after it began to be followed. */
export class Dumps {
  readonly #history: PacketHistory;
  readonly #sink: DumpSink;
  /** By slot; at most one dump of a connection is due at a time. */
  readonly #pending = new Map<number, PendingDump>();
  readonly #rate = new DumpRate();
  /** No dump is due before this. */
  #earliestUs = Number.POSITIVE_INFINITY;

  constructor(history: PacketHistory, sink: DumpSink) {
    this.#history = history;
    this.#sink = sink;
  }

  /** Dumps that were not made because there were too many of them. */
  get refused(): number {
    return this.#rate.refused;
  }

  /**
   * The name of the file that will prove what happened to a connection at `timeUs`; null when there are too many dumps
   * to make one more, or no room for it.
   */
  prove(connection: TrackedConnection, timeUs: number): string | null {
    return this.#schedule(connection, timeUs, timeUs + AFTERMATH_US);
  }

  /** Follows a connection: its dump is due `seconds` from `timeUs` on, or when it ends. Answers like `prove`. */
  follow(connection: TrackedConnection, timeUs: number, seconds: number): string | null {
    return this.#schedule(connection, timeUs, timeUs + seconds * 1_000_000);
  }

  /** A connection ended: if a dump of it is due, then soon; if none is, nothing of it needs to be kept any longer. */
  ended(connection: TrackedConnection): void {
    const pending = this.#pending.get(connection.slot);
    if (pending === undefined) {
      this.#history.mute(connection.slot);
    } else {
      pending.last = true;
      this.#hasten(pending, connection.endUs + AFTERMATH_US);
    }
  }

  /** Nobody wants to hear of a connection any more: nothing of it is written. */
  discard(connection: TrackedConnection): void {
    const pending = this.#pending.get(connection.slot);
    if (pending !== undefined) this.#sink.releaseDump(pending.name);
    this.#pending.delete(connection.slot);
    this.#history.mute(connection.slot);
  }

  /** The slot is about to stand for another connection: what is due of it is written now. */
  forgotten(slot: number): void {
    const pending = this.#pending.get(slot);
    if (pending !== undefined) this.#write(slot, pending);
    this.#history.drop(slot);
  }

  /** Writes what is due. */
  advance(nowUs: number): void {
    if (nowUs < this.#earliestUs) return;
    this.#earliestUs = Number.POSITIVE_INFINITY;
    for (const [slot, pending] of this.#pending) {
      if (pending.dueUs <= nowUs) this.#write(slot, pending);
      else this.#earliestUs = Math.min(this.#earliestUs, pending.dueUs);
    }
  }

  #schedule(connection: TrackedConnection, timeUs: number, dueUs: number): string | null {
    const { slot } = connection;
    let pending = this.#pending.get(slot);
    if (pending === undefined) {
      if (!this.#rate.take(timeUs)) return null;
      const name = this.#sink.reserveDump(summarize(connection), timeUs);
      if (name === null) return null;
      pending = { name, dueUs, last: false };
      this.#pending.set(slot, pending);
    }
    this.#hasten(pending, dueUs);
    return pending.name;
  }

  #hasten(pending: PendingDump, dueUs: number): void {
    pending.dueUs = Math.min(pending.dueUs, dueUs);
    this.#earliestUs = Math.min(this.#earliestUs, pending.dueUs);
  }

  #write(slot: number, { name, last }: PendingDump): void {
    this.#pending.delete(slot);
    const records = this.#history.cut(slot);
    if (last) this.#history.mute(slot);
    if (records === null) this.#sink.releaseDump(name);
    else this.#sink.writeDump(name, records);
  }
}
