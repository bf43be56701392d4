import type { DnsDetectors, DnsOccurrence } from '../detect/dns-detectors.ts';
import type { DnsView } from '../detect/dns-event.ts';
import type { FloodGate } from '../detect/flood-gate.ts';
import { PodSide } from '../model/connection.ts';
import type { DnsQuestion } from '../model/dns-question.ts';
import type { NetworkEvent } from '../model/event.ts';
import type { Packet } from '../model/packet.ts';
import type { DnsListener } from '../track/dns-listener.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import type { DnsDumps } from './dns-dumps.ts';
import type { Dumps } from './dumps.ts';
import type { OutputSink } from './emitter.ts';
import type { PodAddresses } from './pod-addresses.ts';

/** Whether DNS is reported; may be changed while the emitter runs. */
export interface DnsReportSettings {
  eventsForDns: boolean;
}

/** What a DNS emitter works with. */
export interface DnsEmitterParts {
  readonly detectors: DnsDetectors;
  readonly floodGate: FloodGate;
  readonly sink: OutputSink;
  readonly pod: PodAddresses;
  readonly settings: DnsReportSettings;
  /** Whether the capture lost packets since a time. */
  readonly hasLostSince: (timeUs: number) => boolean;
  /** Which directions the capture sees. */
  readonly directions: () => DnsView['directions'];
  /** A TCP connection by its slot. */
  readonly connectionAt: (slot: number) => TrackedConnection;
  /** Null: no pcaps are written. */
  readonly dumps: Dumps | null;
  readonly dnsDumps: DnsDumps | null;
}

/** Hears what becomes of DNS questions, asks the detectors what it means, and hands both on. */
export class DnsEmitter implements DnsListener {
  readonly #parts: DnsEmitterParts;

  constructor(parts: DnsEmitterParts) {
    this.#parts = parts;
  }

  queryUnanswered(question: DnsQuestion, slot: number, sentUs: number, timeUs: number, connection: number): void {
    const view = this.#viewSince(sentUs);
    this.#report(slot, connection, this.#parts.detectors.unanswered(this.#ofPod(question), sentUs, view, timeUs));
  }

  queryRejected(question: DnsQuestion, slot: number, error: Packet, connection: number): void {
    this.#report(slot, connection, this.#parts.detectors.rejected(this.#ofPod(question), error));
  }

  queryAnswered(latencyUs: number): void {
    this.#parts.sink.queryAnswered(latencyUs);
  }

  questionFailed(question: DnsQuestion, slot: number, timeUs: number, connection: number): void {
    const view = this.#viewSince(question.firstUs);
    this.#report(slot, connection, this.#parts.detectors.failed(this.#ofPod(question), view, timeUs));
  }

  questionEnded(question: DnsQuestion): void {
    this.#parts.sink.questionEnded(this.#ofPod(question));
  }

  questionForgotten(slot: number): void {
    this.#parts.dnsDumps?.forgotten(slot);
  }

  /** The question, with the pod's part in it where the packets' direction did not tell. */
  #ofPod(question: DnsQuestion): DnsQuestion {
    if (question.podSide !== PodSide.unknown) return question;
    const podSide = this.#parts.pod.sideAmong(question.clientAddress, question.resolverAddress);
    return podSide === PodSide.unknown ? question : { ...question, podSide };
  }

  #viewSince(sinceUs: number): DnsView {
    const { hasLostSince, directions } = this.#parts;
    return { lossMeanwhile: hasLostSince(sinceUs), directions: directions() };
  }

  #report(slot: number, connection: number, occurrence: DnsOccurrence | null): void {
    const { settings, sink, floodGate } = this.#parts;
    if (occurrence === null || !settings.eventsForDns) return;
    sink.queryOccurred(occurrence.event);
    const told = occurrence.isTold ? floodGate.pass(occurrence.event) : null;
    if (told === null) return;
    const pcap = this.#prove(slot, connection, told);
    sink.event(pcap === null ? told : { ...told, pcap }, null);
  }

  #prove(slot: number, connection: number, event: NetworkEvent): string | null {
    const { dumps, dnsDumps, connectionAt } = this.#parts;
    if (connection < 0) return dnsDumps?.prove(slot, event) ?? null;
    return dumps?.prove(connectionAt(connection), event) ?? null;
  }
}
