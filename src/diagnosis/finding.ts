import type { CauseId } from '../model/cause-id.ts';
import { PodSide, Side } from '../model/connection.ts';
import type { EventCode } from '../model/event-code.ts';
import { formatIsoTime } from '../model/utc-time.ts';
import { adviceFor } from './advice.ts';
import { type TroubleKind, wordsOf } from './causes.ts';
import type { Counts } from './counts.ts';
import { dnsTitle } from './dns-advice.ts';
import type { DnsCounts, DnsLookups } from './dns-lookups.ts';
import type { Server } from './servers.ts';
import type { Severity } from './severity.ts';
import { Tally } from './tally.ts';
import { type Burst, isOfConnection, type TroubleGroup } from './trouble-group.ts';

/** One trouble at one place: all events and connections that tell of it. */
export interface Finding {
  readonly kind: TroubleKind;
  /** The probable cause for machines. */
  readonly causeId: CauseId;
  /** Causes of further events that belong to the same trouble. */
  readonly joined: readonly CauseId[];
  readonly severity: Severity;
  readonly title: string;
  /** The server's address and port; the interface for 00011. */
  readonly where: string;
  /** The monitored pod's part in it. */
  readonly pod: 'client' | 'server' | 'unknown';
  /** Who did it, where the events say so. */
  readonly by: 'client' | 'server' | null;
  readonly cause: string;
  /** Events that were told, by code; 0 where the throttle kept all of them back. */
  readonly events: Readonly<Partial<Record<EventCode, number>>>;
  /** Connections it hit, of all to that server in the time asked for; null for what is not about connections. */
  readonly connections: { readonly failed: number; readonly all: number; readonly isAtLeast: boolean } | null;
  /** DNS queries, or questions, that it hit, of all there were; null for what is not about DNS, or where no line tells. */
  readonly questions: { readonly failed: number; readonly all: number; readonly unit: DnsCounts['unit'] } | null;
  /** How often it happened at least. */
  readonly times: number;
  /** Very many resets within a short time (00010); null when there were not. */
  readonly burst: Burst | null;
  /** `happening`: to the end; `stopped`: connections went well after it; `unknown`: neither is known. */
  readonly state: 'happening' | 'stopped' | 'unknown';
  /** Connections went well between those that failed. */
  readonly isIntermittent: boolean;
  /** ISO 8601, UTC. */
  readonly first: string;
  readonly last: string;
  /** From the last time to now, or to the end of files that are no longer written; seconds. */
  readonly lastBeforeEndSeconds: number;
  /** Who connected, with the number of connections or events, most frequent first; the pod itself is left out. */
  readonly clients: readonly { readonly address: string; readonly times: number }[];
  /** The same for clients beyond those listed. */
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

/** What a finding is made with, besides its events. */
export interface FindingContext {
  readonly server: Server | undefined;
  readonly counts: Counts;
  readonly lookups: DnsLookups;
  /** Until when the files speak, microseconds since 1970-01-01 UTC. */
  readonly endUs: number;
  readonly hasFile: (name: string) => boolean;
}

const CLIENTS_LISTED = 5;
const MOST_NAMES = 4;
/** What happened last within this time still goes on, as far as anybody knows. */
const STILL_US = 60_000_000;
/** A server that answers others about this long before or after is not away. */
const MEANWHILE_US = 10_000_000;

export function findingOf(group: TroubleGroup, context: FindingContext): Finding {
  const { server, counts, lookups, endUs, hasFile } = context;
  const { telling, where, by } = group;
  const firstUs = Math.min(group.firstUs, ...counts.failures.map((failure) => failure.firstUs));
  const lastUs = Math.max(group.lastUs, ...counts.failures.map((failure) => failure.lastUs));
  const causeId = probableCause(group, counts);
  const othersAnswered = group.kind === 'unanswered' && answeredMeanwhile(server, firstUs, lastUs);
  const severity = group.judgedSeverity;
  const dns = isOfConnection(telling) ? null : lookups.countsOf(telling);
  const isIntermittent =
    counts.failures.some(({ interrupted }) => interrupted) || (dns !== null && dns.failed < dns.all);
  const alternatives = causeId === 'dns.no-such-name' ? lookups.alternativesTo(telling.facts.dnsName ?? '') : [];
  return {
    kind: group.kind,
    causeId,
    joined: [...group.joined].sort(),
    severity,
    title: dnsTitle(telling, causeId, dns) ?? titleOf(group, causeId, othersAnswered),
    where,
    pod: (['client', 'server', 'unknown'] as const)[telling.podSide],
    by: by === null ? null : by === Side.initiator ? 'client' : 'server',
    cause: causeOf(group, causeId, othersAnswered),
    events: Object.fromEntries([...group.codes].sort()),
    connections: counts.failed === 0 ? null : pick(counts),
    questions: dns && { failed: dns.failed, all: dns.all, unit: dns.unit },
    times: Math.max(counts.failed, dns?.failed ?? 0, counts.failures.length > 0 ? group.events : group.times),
    burst: group.burst,
    ...stateOf(dns?.lastGoodUs ?? server?.lastHealthyBeginUs, lastUs, endUs, isIntermittent),
    isIntermittent,
    first: formatIsoTime(firstUs),
    last: formatIsoTime(lastUs),
    lastBeforeEndSeconds: Math.max(0, Math.round((endUs - lastUs) / 1_000_000)),
    ...clientsOf(group, counts),
    processes: processesOf(group, counts),
    serverNames: group.serverNames.texts(),
    pcaps: group.pcaps.filter(hasFile),
    doubtful: Math.max(0, group.events - group.certain),
    doubts: group.doubts.texts(),
    tryNext: adviceFor({ causeId, event: telling, othersAnswered, isIntermittent, alternatives }),
  };
}

function pick({ failed, all, isAtLeast }: Counts): Finding['connections'] {
  return { failed, all, isAtLeast };
}

/** SYNs that were all answered when they were repeated got lost: nobody is away. */
function probableCause({ causeId, codes }: TroubleGroup, { failures, failed }: Counts): CauseId {
  if (causeId !== 'tcp.syn.no-answer' || codes.has('00006') || failures.length === 0) return causeId;
  const answered = failures.reduce((sum, { answeredSyn }) => sum + answeredSyn, 0);
  return answered === failed ? 'tcp.syn.lost' : causeId;
}

/** Whether the server took other connections about the time of a trouble. */
function answeredMeanwhile(server: Server | undefined, firstUs: number, lastUs: number): boolean {
  if (server === undefined) return false;
  const { firstAnsweredBeginUs, lastAnsweredBeginUs } = server;
  return firstAnsweredBeginUs <= lastUs + MEANWHILE_US && lastAnsweredBeginUs >= firstUs - MEANWHILE_US;
}

/** As the event tells it, unless its connections together tell more than each of them could. */
function causeOf({ telling }: TroubleGroup, causeId: CauseId, othersAnswered: boolean): string {
  if (causeId === 'tcp.syn.no-answer' && othersAnswered) {
    return 'the SYN was never answered, while the same port answered others: its accept queue is full, one of several endpoints is away, or SYNs get lost or are dropped on the way';
  }
  return causeId === telling.causeId && telling.cause !== '' ? telling.cause : (wordsOf(causeId)?.cause ?? '');
}

function titleOf(group: TroubleGroup, causeId: CauseId, othersAnswered: boolean): string {
  const { where, by, severity } = group;
  if (causeId === 'tcp.syn.no-answer') {
    if (othersAnswered) return `Some connections to ${where} are not answered`;
    if (severity !== 'broken') return `SYNs to ${where} are answered late or not at all`;
  }
  return wordsOf(causeId)?.title({ where, by }) ?? where;
}

function stateOf(
  lastHealthyUs: number | undefined,
  lastUs: number,
  endUs: number,
  isIntermittent: boolean,
): Pick<Finding, 'state'> {
  const isRecent = endUs - lastUs <= STILL_US;
  const wentWellAfter = (lastHealthyUs ?? Number.NEGATIVE_INFINITY) > lastUs;
  if (wentWellAfter) return { state: isIntermittent && isRecent ? 'happening' : 'stopped' };
  return { state: isRecent ? 'happening' : 'unknown' };
}

function clientsOf(group: TroubleGroup, { failures }: Counts): Pick<Finding, 'clients' | 'otherClients'> {
  if (group.telling.podSide === PodSide.initiator) return { clients: [], otherClients: 0 };
  const counted = new Tally(Number.POSITIVE_INFINITY);
  for (const { clients } of failures) counted.addAll(clients);
  const clients = counted.total > 0 ? counted : toldClients(group);
  const listed = clients.entries().slice(0, CLIENTS_LISTED);
  return {
    clients: listed.map(([address, times]) => ({ address, times })),
    otherClients: clients.total - listed.reduce((sum, [, times]) => sum + times, 0),
  };
}

/** Clients by their connections; by events where these are too many to be known one by one. */
function toldClients({ hasMoreConnections, connections, clients }: TroubleGroup): Tally {
  if (hasMoreConnections || connections.size === 0) return clients;
  const counted = new Tally(Number.POSITIVE_INFINITY);
  for (const client of connections) counted.add(client.slice(0, client.indexOf(' ')));
  return counted;
}

/** As events name them; where none does, as the lines of connections do. */
function processesOf(group: TroubleGroup, { failures }: Counts): string[] {
  const told = group.processes.texts();
  if (told.length > 0) return told;
  const counted = new Tally(MOST_NAMES);
  for (const { processes } of failures) counted.addAll(processes);
  return counted.texts();
}
