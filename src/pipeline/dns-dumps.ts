import { DnsPackets } from '../history/dns-packets.ts';
import type { NetworkEvent } from '../model/event.ts';
import { EventCode } from '../model/event-code.ts';
import type { Frame } from '../model/frame.ts';
import type { PacketNotes } from '../model/packet-notes.ts';
import type { DumpRate } from './dump-rate.ts';
import type { DumpSink } from './dumps.ts';

interface DueDump {
  readonly name: string;
  readonly slot: number;
  readonly notes: PacketNotes;
}

/** Keeps the packets of open DNS questions, and writes those of one when an event tells of it. */
export class DnsDumps {
  readonly #packets = new DnsPackets();
  readonly #sink: DumpSink;
  readonly #rate: DumpRate;
  /** Written once the packet that brought them about is kept. */
  readonly #due: DueDump[] = [];

  constructor(sink: DumpSink, rate: DumpRate) {
    this.#sink = sink;
    this.#rate = rate;
  }

  /** Keeps a packet of a question; `payloadStart` and `maxPayloadBytes` cut what is kept. */
  keep(slot: number, frame: Frame, payloadStart: number, maxPayloadBytes: number): void {
    this.#packets.keep(slot, frame, payloadStart, maxPayloadBytes);
  }

  /** The name of the file that proves an event of a question; null when there are too many dumps, or no room. */
  prove(slot: number, { name, timeUs, cause, connection }: NetworkEvent): string | null {
    if (connection === null || !this.#rate.takeShare(connection, timeUs)) return null;
    const file = this.#sink.reserveDump(connection, timeUs);
    if (file === null) return null;
    const text = `${EventCode[name]} ${name}: ${cause}`;
    this.#due.push({ name: file, slot, notes: { connection: '', packets: [{ timeUs, text }] } });
    return file;
  }

  /** Writes what is due: the packet that brought it about is kept now. */
  flush(): void {
    if (this.#due.length === 0) return;
    for (const due of this.#due) this.#write(due);
    this.#due.length = 0;
  }

  /** The slot is about to stand for another question. */
  forgotten(slot: number): void {
    if (this.#due.length > 0) this.flush();
    this.#packets.drop(slot);
  }

  #write({ name, slot, notes }: DueDump): void {
    const records = this.#packets.cut(slot);
    if (records === null) this.#sink.releaseDump(name);
    else this.#sink.writeDump(name, records, notes);
  }
}
