import type { CauseId } from '../model/cause-id.ts';
import { PodSide, type Side } from '../model/connection.ts';
import type { EventCode } from '../model/event-code.ts';
import type { TroubleKind } from './causes.ts';
import { rankOfCode } from './code-rank.ts';
import { type EventLine, endpointText } from './event-line.ts';
import { type Severity, worse } from './severity.ts';
import { Tally } from './tally.ts';

const MOST_CLIENTS = 64;
const MOST_NAMES = 4;
const MOST_PCAPS = 3;
/** Connections of a group that are known one by one. */
const MOST_CONNECTIONS = 256;
/** Codes whose value counts the resets from one address and port so far. */
const COUNTS_RESETS: ReadonlySet<EventCode> = new Set<EventCode>(['00002', '00009']);

/** Many resets within a short time (00010). */
export interface Burst {
  readonly resets: number;
  /** Null where the events do not say. */
  readonly windowSeconds: number | null;
}

/** Where an event is: the server of its connection, or the interface. */
export function placeOf(event: EventLine): string {
  if (event.destinationAddress === '') return event.interfaceName;
  return endpointText(event.destinationAddress, event.destinationPort);
}

/** The client's end, which tells a connection from others to the same server. */
export function clientOf({ sourceAddress, sourcePort }: Pick<EventLine, 'sourceAddress' | 'sourcePort'>): string {
  return `${sourceAddress} ${sourcePort}`;
}

/** Whether an event is about a TCP connection: not about a DNS question, or an interface. */
export function isOfConnection({ sourcePort, facts }: EventLine): boolean {
  return sourcePort !== 0 && facts.dnsName === undefined;
}

/** Events of one trouble at one place, as they are gathered. */
export class TroubleGroup {
  readonly kind: TroubleKind;
  readonly where: string;
  /** Events by code. */
  readonly codes = new Map<EventCode, number>();
  readonly clients = new Tally(MOST_CLIENTS);
  readonly processes = new Tally(MOST_NAMES);
  readonly serverNames = new Tally(MOST_NAMES);
  readonly doubts = new Tally(MOST_NAMES);
  readonly pcaps: string[] = [];
  /** Client ends of the connections that events name. */
  readonly connections = new Set<string>();
  /** There were more connections than are kept. */
  hasMoreConnections = false;
  /** Causes of other groups that were found to be the same trouble. */
  readonly joined = new Set<CauseId>();
  burst: Burst | null = null;
  /** The event that says most. */
  telling: EventLine;
  severity: Severity = 'worth knowing';
  events = 0;
  /** Events that are not there, as others stand for them. */
  suppressed = 0;
  certain = 0;
  mostResets = 0;
  firstUs: number;
  lastUs: number;

  constructor(kind: TroubleKind, event: EventLine) {
    this.kind = kind;
    this.where = placeOf(event);
    this.telling = event;
    this.firstUs = event.timeUs;
    this.lastUs = event.timeUs;
  }

  get by(): Side | null {
    return this.telling.by;
  }

  get causeId(): CauseId {
    return this.telling.causeId;
  }

  /** What nothing but doubtful events tell is a sign at most. */
  get judgedSeverity(): Severity {
    return this.severity === 'broken' && this.certain === 0 ? 'suspicious' : this.severity;
  }

  /** How often it happened at least, as far as events tell. */
  get times(): number {
    return Math.max(this.events + this.suppressed, this.mostResets);
  }

  add(event: EventLine, severity: Severity): void {
    this.events++;
    this.suppressed += event.suppressed;
    this.codes.set(event.code, (this.codes.get(event.code) ?? 0) + 1);
    this.firstUs = Math.min(this.firstUs, event.timeUs);
    this.lastUs = Math.max(this.lastUs, event.timeUs);
    if (event.certain) this.certain++;
    if (event.confidence !== '') this.doubts.add(event.confidence);
    if (this.events === 1 || this.#tellsMore(event, severity)) this.telling = event;
    this.severity = worse(this.severity, severity);
    if (COUNTS_RESETS.has(event.code)) this.mostResets = Math.max(this.mostResets, event.value);
    if (event.podSide !== PodSide.initiator && event.sourceAddress !== '') this.clients.add(event.sourceAddress);
    if (event.process !== '') this.processes.add(event.process);
    if (event.serverName !== '') this.serverNames.add(event.serverName);
    if (event.pcap !== '') this.#addPcaps([event.pcap]);
    if (isOfConnection(event)) this.#addConnection(clientOf(event));
    if (event.name === 'TCP_RESET_ABNORMAL') this.#addBurst(event);
  }

  /** It was made for connections that no event tells of, `certain` of them beyond doubt. */
  forgetEvents(certain: number): void {
    this.events = 0;
    this.mostResets = 0;
    this.certain = certain;
    for (const code of this.codes.keys()) this.codes.set(code, 0);
    this.connections.clear();
  }

  /** Takes over a group that is the same trouble. */
  absorb(other: TroubleGroup): void {
    for (const [code, number] of other.codes) this.codes.set(code, (this.codes.get(code) ?? 0) + number);
    for (const causeId of [other.causeId, ...other.joined]) if (causeId !== this.causeId) this.joined.add(causeId);
    this.firstUs = Math.min(this.firstUs, other.firstUs);
    this.lastUs = Math.max(this.lastUs, other.lastUs);
    this.burst ??= other.burst;
    if (other.kind === 'manyResets') return; // speaks of the same resets once more
    this.events += other.events;
    this.suppressed += other.suppressed;
    this.certain += other.certain;
    this.severity = worse(this.severity, other.severity);
    this.mostResets = Math.max(this.mostResets, other.mostResets);
    this.clients.addAll(other.clients);
    this.processes.addAll(other.processes);
    this.serverNames.addAll(other.serverNames);
    this.doubts.addAll(other.doubts);
    this.#addPcaps(other.pcaps);
    for (const client of other.connections) this.#addConnection(client);
    this.hasMoreConnections ||= other.hasMoreConnections;
  }

  /** The worse event tells more, of two equally bad ones that of the more telling code, of one code the newer. */
  #tellsMore({ code }: EventLine, severity: Severity): boolean {
    if (severity !== this.severity) return worse(severity, this.severity) === severity;
    return rankOfCode(code) >= rankOfCode(this.telling.code);
  }

  #addPcaps(names: readonly string[]): void {
    this.pcaps.unshift(...names.filter((name) => !this.pcaps.includes(name)));
    this.pcaps.length = Math.min(this.pcaps.length, MOST_PCAPS);
  }

  #addConnection(client: string): void {
    if (this.connections.size < MOST_CONNECTIONS) this.connections.add(client);
    else if (!this.connections.has(client)) this.hasMoreConnections = true;
  }

  #addBurst({ value, facts }: EventLine): void {
    const windowSeconds = facts.windowSeconds ?? null;
    if (value > (this.burst?.resets ?? 0)) this.burst = { resets: value, windowSeconds };
  }
}
