import { PodSide, Side } from '../model/connection.ts';
import type { EventCode } from '../model/event-code.ts';
import { formatIsoTime } from '../model/utc-time.ts';
import { adviceFor } from './advice.ts';
import { BoundedGroups } from './bounded-groups.ts';
import { type EventLine, endpointText } from './event-line.ts';
import { Tally } from './tally.ts';
import { SEVERITIES, type Severity, severityOf, type TroubleKind, titleOf, troubleOf, variantOf } from './trouble.ts';

/** One trouble at one place: all events that tell of it. */
export interface Finding {
  readonly kind: TroubleKind;
  readonly severity: Severity;
  readonly title: string;
  /** The server's address and port; the interface for 00011. */
  readonly where: string;
  /** The monitored pod's part in it. */
  readonly pod: 'client' | 'server' | 'unknown';
  /** Who did it, where the events say so. */
  readonly by: 'client' | 'server' | null;
  readonly cause: string;
  /** Events by code. */
  readonly events: Readonly<Partial<Record<EventCode, number>>>;
  /** How often it happened at least: resets are told thinned out with their count, floods are summed up. */
  readonly times: number;
  /** ISO 8601, UTC. */
  readonly first: string;
  readonly last: string;
  /** Who connected, with the number of events, most frequent first; the pod itself is left out. */
  readonly clients: readonly { readonly address: string; readonly events: number }[];
  /** Events of clients beyond those listed. */
  readonly otherClients: number;
  readonly processes: readonly string[];
  readonly serverNames: readonly string[];
  /** Names of the pcaps that prove it, the newest first. */
  readonly pcaps: readonly string[];
  /** Events that are in doubt, and why. */
  readonly doubtful: number;
  readonly doubts: readonly string[];
  readonly tryNext: readonly string[];
}

/** Events of one trouble, as they are gathered. */
interface Group {
  readonly kind: TroubleKind;
  readonly codes: Map<EventCode, number>;
  readonly clients: Tally;
  readonly processes: Tally;
  readonly serverNames: Tally;
  readonly doubts: Tally;
  readonly pcaps: string[];
  /** The one that says most: the worst, of those the newest. */
  telling: EventLine;
  severity: Severity;
  events: number;
  /** Events that are not there, as others stand for them. */
  suppressed: number;
  certain: number;
  mostResets: number;
  firstUs: number;
  lastUs: number;
}

const MOST_FINDINGS = 1000;
const MOST_CLIENTS = 64;
const CLIENTS_LISTED = 5;
const MOST_NAMES = 4;
const MOST_PCAPS = 3;

/** Gathers the events of one session to findings; bounded, the least of them go first. */
export class Findings {
  readonly #groups = new BoundedGroups<Group>(MOST_FINDINGS, weightOf);

  /** Groups of events for which there was no room. */
  get dropped(): number {
    return this.#groups.dropped;
  }

  add(event: EventLine): void {
    const kind = troubleOf(event);
    if (kind === null) return;
    const key = [kind, whereOf(event), event.podSide, event.by, variantOf(event, kind)].join('\n');
    const group = this.#groups.get(key, () => newGroup(kind, event));
    gather(group, event, severityOf(event, kind));
  }

  /** What was found, worst first. `hasFile` says whether a pcap is still there. */
  list(hasFile: (name: string) => boolean): Finding[] {
    return this.#groups.heaviest().map((group) => findingOf(group, hasFile));
  }
}

/** Where it is: the server of the connection, or the interface. */
function whereOf(event: EventLine): string {
  if (event.destinationAddress === '') return event.interfaceName;
  return endpointText(event.destinationAddress, event.destinationPort);
}

/** Worst first, then the more certain, then the more frequent, then the newer. */
function weightOf(group: Group): number {
  const severity = SEVERITIES.length - SEVERITIES.indexOf(severityOfGroup(group));
  const frequency = Math.log2(1 + timesOf(group)) / 64; // below 1
  return severity * 4 + (group.certain > 0 ? 2 : 0) + frequency + group.lastUs / 1e18;
}

function newGroup(kind: TroubleKind, event: EventLine): Group {
  return {
    kind,
    codes: new Map(),
    clients: new Tally(MOST_CLIENTS),
    processes: new Tally(MOST_NAMES),
    serverNames: new Tally(MOST_NAMES),
    doubts: new Tally(MOST_NAMES),
    pcaps: [],
    telling: event,
    severity: 'note',
    events: 0,
    suppressed: 0,
    certain: 0,
    mostResets: 0,
    firstUs: event.timeUs,
    lastUs: event.timeUs,
  };
}

function gather(group: Group, event: EventLine, severity: Severity): void {
  group.events++;
  group.suppressed += event.suppressed;
  group.codes.set(event.code, (group.codes.get(event.code) ?? 0) + 1);
  group.firstUs = Math.min(group.firstUs, event.timeUs);
  group.lastUs = Math.max(group.lastUs, event.timeUs);
  if (event.certain) group.certain++;
  if (event.confidence !== '') group.doubts.add(event.confidence);
  if (SEVERITIES.indexOf(severity) <= SEVERITIES.indexOf(group.severity)) {
    group.severity = severity;
    group.telling = event;
  }
  if (group.kind === 'reset' || group.kind === 'refused' || group.kind === 'manyResets') {
    group.mostResets = Math.max(group.mostResets, event.value);
  }
  if (event.podSide !== PodSide.initiator && event.sourceAddress !== '') group.clients.add(event.sourceAddress);
  if (event.process !== '') group.processes.add(event.process);
  if (event.serverName !== '') group.serverNames.add(event.serverName);
  if (event.pcap !== '') {
    group.pcaps.unshift(event.pcap);
    group.pcaps.length = Math.min(group.pcaps.length, MOST_PCAPS);
  }
}

/** What nothing but doubtful events tell is a sign at most. */
function severityOfGroup({ severity, certain }: Group): Severity {
  return severity === 'broken' && certain === 0 ? 'suspect' : severity;
}

function timesOf({ events, suppressed, mostResets }: Group): number {
  return Math.max(events + suppressed, mostResets);
}

function findingOf(group: Group, hasFile: (name: string) => boolean): Finding {
  const { kind, telling, clients } = group;
  const where = whereOf(telling);
  const listed = clients.entries().slice(0, CLIENTS_LISTED);
  return {
    kind,
    severity: severityOfGroup(group),
    title: titleOf(kind, group.severity, telling.by, where),
    where,
    pod: (['client', 'server', 'unknown'] as const)[telling.podSide],
    by: telling.by === null ? null : telling.by === Side.initiator ? 'client' : 'server',
    cause: telling.cause,
    events: Object.fromEntries([...group.codes].sort()),
    times: timesOf(group),
    first: formatIsoTime(group.firstUs),
    last: formatIsoTime(group.lastUs),
    clients: listed.map(([address, events]) => ({ address, events })),
    otherClients: group.events - listed.reduce((sum, [, events]) => sum + events, 0) - eventsOfPod(group),
    processes: group.processes.texts(),
    serverNames: group.serverNames.texts(),
    pcaps: group.pcaps.filter(hasFile),
    doubtful: group.events - group.certain,
    doubts: group.doubts.texts(),
    tryNext: adviceFor(kind, telling),
  };
}

/** Events whose client is the pod itself: one side of a group is the same for all of its events. */
function eventsOfPod({ telling, events }: Group): number {
  return telling.podSide === PodSide.initiator || telling.sourceAddress === '' ? events : 0;
}
