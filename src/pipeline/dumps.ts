import type { PacketHistory } from '../history/packet-history.ts';
import { type ConnectionSummary, type NetworkEvent, summarize } from '../model/event.ts';
import { EventCode } from '../model/event-code.ts';
import type { PacketNote, PacketNotes } from '../model/packet-notes.ts';
import type { PacketRecords } from '../model/packet-records.ts';
import { type ProcessIdentity, UNKNOWN_PROCESS } from '../model/process.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import type { ConnectionOwners } from './connection-owners.ts';
import { DumpRate } from './dump-rate.ts';
import { ServerNames } from './server-names.ts';

/** How long after an event its connection is still kept: what follows a reset or an alert is part of the story. */
const AFTERMATH_US = 700_000;
/** Events of a connection that are said beside its packets. */
const MOST_NOTES = 64;

/** Where dumps go. */
export interface DumpSink {
  /** A file name that nothing else gets; `writeDump` or `releaseDump` follows. Null when there is no room for a dump. */
  reserveDump(ends: ConnectionSummary, timeUs: number): string | null;
  /** Writes what was kept under a reserved name, and what is to be said of it. */
  writeDump(name: string, records: PacketRecords, notes: PacketNotes): void;
  /** Nothing was kept: the name is free again. */
  releaseDump(name: string): void;
}

interface PendingDump {
  readonly name: string;
  /** What happened, in the order of time. */
  readonly notes: PacketNote[];
  /** SNI; empty when unknown. */
  serverName: string;
  dueUs: number;
  /** The connection has ended: once this is written, nothing of it needs to be kept. */
  last: boolean;
}

/** Decides when what is kept of a connection is written: soon after an event, and some time after it began to be followed. */
export class Dumps {
  readonly #history: PacketHistory;
  readonly #sink: DumpSink;
  readonly #owners: ConnectionOwners;
  /** By slot; at most one dump of a connection is due at a time. */
  readonly #pending = new Map<number, PendingDump>();
  readonly #rate: DumpRate;
  /** SNI of connections of which a dump may become due. */
  readonly serverNames = new ServerNames();
  #earliestUs = Number.POSITIVE_INFINITY;

  constructor(history: PacketHistory, sink: DumpSink, owners: ConnectionOwners, rate = new DumpRate()) {
    this.#history = history;
    this.#rate = rate;
    this.#sink = sink;
    this.#owners = owners;
  }

  /** No packets are kept now: of a connection of which nothing was kept before, there is no dump. */
  isPaused = false;

  /** No dump is due before this, in microseconds since 1970-01-01; infinity when none is. */
  get earliestUs(): number {
    return this.#earliestUs;
  }

  /** Dumps that were not made because there were too many of them. */
  get refused(): number {
    return this.#rate.refused;
  }

  /**
   * The name of the file that will prove what happened to a connection; null when there are too many dumps to make one
   * more, or no room for it.
   */
  prove(connection: TrackedConnection, event: NetworkEvent): string | null {
    const { timeUs } = event;
    const mayBegin = (ends: ConnectionSummary) => this.#rate.takeShare(ends, timeUs);
    const pending = this.#schedule(connection, timeUs, timeUs + AFTERMATH_US, mayBegin);
    this.note(connection, event);
    return pending?.name ?? null;
  }

  /**
   * Follows a connection for a reason: its dump is due `seconds` from `timeUs` on, or when it ends. Answers like
   * `prove`.
   */
  follow(connection: TrackedConnection, timeUs: number, seconds: number, reason: string): string | null {
    const mayBegin = () => this.#rate.take(timeUs);
    const pending = this.#schedule(connection, timeUs, timeUs + seconds * 1_000_000, mayBegin);
    if (pending !== null) addNote(pending, { timeUs, text: reason });
    return pending?.name ?? null;
  }

  /** Says of a connection of which a dump is due what happened to it. */
  note({ slot }: TrackedConnection, { name, timeUs, cause, tls }: NetworkEvent): void {
    const pending = this.#pending.get(slot);
    if (pending === undefined) return;
    addNote(pending, { timeUs, text: `${EventCode[name]} ${name}: ${cause}` });
    pending.serverName = tls?.serverName ?? pending.serverName;
  }

  /** A connection ended: if a dump of it is due, then soon; if none is, nothing of it needs to be kept any longer. */
  ended(connection: TrackedConnection): void {
    const pending = this.#pending.get(connection.slot);
    if (pending === undefined) {
      this.#history.mute(connection.slot);
    } else {
      pending.last = true;
      this.#rescheduleEarlier(pending, connection.endUs + AFTERMATH_US);
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

  /** The clock was set by `deltaUs`: what is due stays due in as long a time. */
  shiftTimes(deltaUs: number): void {
    this.#rate.shiftTimes(deltaUs);
    for (const pending of this.#pending.values()) pending.dueUs += deltaUs;
    this.#earliestUs += deltaUs;
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

  #schedule(
    connection: TrackedConnection,
    timeUs: number,
    dueUs: number,
    mayBegin: (ends: ConnectionSummary) => boolean,
  ): PendingDump | null {
    const { slot } = connection;
    let pending = this.#pending.get(slot);
    if (pending === undefined) {
      if (this.isPaused && this.#history.packetCount(slot) === 0) return null;
      const ends = summarize(connection);
      if (!mayBegin(ends)) return null;
      const name = this.#sink.reserveDump(ends, timeUs);
      if (name === null) return null;
      pending = { name, notes: [], serverName: this.serverNames.of(connection), dueUs, last: false };
      this.#pending.set(slot, pending);
    }
    this.#rescheduleEarlier(pending, dueUs);
    return pending;
  }

  #rescheduleEarlier(pending: PendingDump, dueUs: number): void {
    pending.dueUs = Math.min(pending.dueUs, dueUs);
    this.#earliestUs = Math.min(this.#earliestUs, pending.dueUs);
  }

  #write(slot: number, pending: PendingDump): void {
    this.#pending.delete(slot);
    const records = this.#history.cut(slot);
    if (pending.last) this.#history.mute(slot);
    if (records === null) this.#sink.releaseDump(pending.name);
    else this.#sink.writeDump(pending.name, records, notesOf(pending, this.#owners.processOf(slot)));
  }
}

function addNote({ notes }: PendingDump, note: PacketNote): void {
  if (notes.length < MOST_NOTES) notes.push(note);
}

/** What is said beside the packets. */
function notesOf({ notes, serverName }: PendingDump, process: ProcessIdentity): PacketNotes {
  const facts: string[] = [];
  if (process.name !== UNKNOWN_PROCESS.name) {
    facts.push(`process ${process.name} (pid ${process.pid}, uid ${process.uid}) ${process.commandLine}`.trimEnd());
  }
  if (serverName !== '') facts.push(`SNI ${serverName}`);
  return { connection: facts.join('; '), packets: notes };
}
