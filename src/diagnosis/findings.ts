import { Side } from '../model/connection.ts';
import { BoundedGroups } from './bounded-groups.ts';
import { wordsOf } from './causes.ts';
import { countsOf } from './counts.ts';
import type { DnsLookups } from './dns-lookups.ts';
import type { EndFlowLine } from './end-flow-line.ts';
import { type EventLine, endpointText } from './event-line.ts';
import { type Finding, type FindingContext, findingOf } from './finding.ts';
import { joinTroubles } from './join-troubles.ts';
import type { Server, Servers } from './servers.ts';
import { SEVERITIES, severityOf } from './severity.ts';
import { clientOf, isOfConnection, placeOf, TroubleGroup } from './trouble-group.ts';
import { PodAddresses, untoldEvent } from './untold.ts';

const MOST_FINDINGS = 1000;
/** Connections that are known by name to be in trouble, and not known to have ended. */
const MOST_OPEN = 20_000;
/** Events from before the time asked for, which may explain what goes on in it. */
const MOST_EARLIER = 2_000;
/** The end of a connection is written with the time of its last packet, an event's with that of a deadline. */
const SLACK_US = 1_000_000;
const DAY_US = 86_400_000_000;
const NOBODY: ReadonlySet<string> = new Set();

/** What a list of findings is made for. */
export interface ListOptions {
  /** Connections that ended in the time asked for. */
  readonly servers: Servers;
  /** DNS questions that ended in that time. */
  readonly lookups: DnsLookups;
  /** Until when the files speak, microseconds since 1970-01-01 UTC. */
  readonly endUs: number;
  /** Whether a pcap is still there. */
  readonly hasFile: (name: string) => boolean;
}

/** Gathers the events and connections of one session to findings; bounded, the least of them go first. */
export class Findings {
  readonly #groups = new BoundedGroups<TroubleGroup>(MOST_FINDINGS, (group) => weightOf(group));
  /** When the latest event came of a connection whose end was not seen yet, by its two ends. */
  readonly #open = new Map<string, number>();
  /** The latest event of a server and code from before the time asked for. */
  readonly #earlier = new Map<string, EventLine>();
  readonly #pod = new PodAddresses();
  #dropped = 0;

  /** Groups of events for which there was no room. */
  get dropped(): number {
    return this.#dropped + this.#groups.dropped;
  }

  add(line: EventLine): void {
    const event = withPlainCause(line);
    this.#pod.learn(event);
    const words = wordsOf(event.causeId);
    if (words === null) return;
    const key = `${placeOf(event)}\n${reasonOf(event)}`;
    this.#groups.get(key, () => new TroubleGroup(words.kind, event)).add(event, severityOf(event));
    if (!isOfConnection(event)) return;
    const ends = `${placeOf(event)} ${clientOf(event)}`;
    if (this.#open.size < MOST_OPEN || this.#open.has(ends)) this.#open.set(ends, event.timeUs);
  }

  /** Takes note of an event from before the time asked for: it may explain what was not told again. */
  addEarlier(event: EventLine): void {
    this.#pod.learn(event);
    const key = `${placeOf(event)} ${event.code}`;
    if (this.#earlier.size < MOST_EARLIER || this.#earlier.has(key)) this.#earlier.set(key, event);
  }

  /** Takes note of a connection that ended; to be called after all events were added. */
  ended(flow: EndFlowLine): void {
    if (this.#open.size === 0) return;
    const ends = `${endpointText(flow.destinationAddress, flow.destinationPort)} ${clientOf(flow)}`;
    const toldUs = this.#open.get(ends);
    if (toldUs !== undefined && toldUs <= flow.endUs + SLACK_US) this.#open.delete(ends);
  }

  /** What was found, worst first. */
  list({ servers, lookups, endUs, hasFile }: ListOptions): Finding[] {
    const byPlace = servers.byPlace();
    const groups = this.#groups.heaviest();
    const openByPlace = this.#openByPlace();
    const found: { readonly weight: number; readonly group: TroubleGroup; readonly context: FindingContext }[] = [];
    for (const [where, troubles] of byPlaceOf([...groups, ...this.#untold(groups, byPlace)])) {
      const server = byPlace.get(where);
      const open = openByPlace.get(where) ?? NOBODY;
      const joined = joinTroubles(
        troubles.sort((a, b) => weightOf(b) - weightOf(a)),
        server,
      );
      for (const group of joined) {
        const counts = countsOf(group, joined, server, open);
        const weight = weightOf(group, Math.max(group.times, counts.failed));
        found.push({ weight, group, context: { server, counts, lookups, endUs, hasFile } });
      }
    }
    found.sort((a, b) => b.weight - a.weight);
    this.#dropped = Math.max(0, found.length - MOST_FINDINGS);
    return found.slice(0, MOST_FINDINGS).map(({ group, context }) => findingOf(group, context));
  }

  /** Client ends of the connections in trouble that have not ended, by their server. */
  #openByPlace(): Map<string, Set<string>> {
    const byPlace = new Map<string, Set<string>>();
    for (const ends of this.#open.keys()) {
      const at = ends.indexOf(' ');
      const [where, client] = [ends.slice(0, at), ends.slice(at + 1)];
      const clients = byPlace.get(where);
      if (clients === undefined) byPlace.set(where, new Set([client]));
      else clients.add(client);
    }
    return byPlace;
  }

  /** Groups for connections that failed without an event in the time asked for: the throttle kept it back. */
  #untold(groups: readonly TroubleGroup[], servers: ReadonlyMap<string, Server>): TroubleGroup[] {
    const told = new Set<string>();
    for (const { where, codes, severity } of groups) {
      if (severity !== 'worth knowing') for (const code of codes.keys()) told.add(`${where} ${code}`);
    }
    const untold: TroubleGroup[] = [];
    for (const { where, failures } of servers.values()) {
      for (const [code, failure] of failures) {
        if (told.has(`${where} ${code}`)) continue;
        const earlier = this.#earlier.get(`${where} ${code}`);
        const event = untoldEvent(code, failure, this.#pod, earlier);
        const kind = wordsOf(event.causeId)?.kind;
        if (kind === undefined) continue;
        const group = new TroubleGroup(kind, event);
        group.add(event, severityOf(event));
        group.forgetEvents(failure.certain);
        untold.push(group);
      }
    }
    return untold;
  }
}

/** A client that does not say why it rejects a certificate rejects one that has expired for that. */
function withPlainCause(event: EventLine): EventLine {
  const { causeId, by, timeUs, certificateUntilUs } = event;
  const isExpired = certificateUntilUs + DAY_US < timeUs; // the line tells the day only
  const isVague = causeId === 'tls.alert.bad-certificate' || causeId === 'tls.alert.certificate-unknown';
  return isVague && isExpired && by === Side.initiator ? { ...event, causeId: 'tls.alert.certificate-expired' } : event;
}

/** What tells the trouble of an event from others at the same place: the cause, and who did it where that matters. */
function reasonOf(event: EventLine): string {
  const { causeId, by, value, facts } = event;
  const kind = wordsOf(causeId)?.kind;
  switch (kind) {
    case 'unanswered':
    case 'foreign':
    case 'pathMtu':
      return kind;
    case 'noName':
      return `${causeId} ${causeId === 'dns.no-such-reverse-name' ? '' : facts.dnsName}`;
    case 'loss':
      return `${kind} ${by}`;
    case 'stuck':
      return `${causeId} ${value}`; // whose turn it is
    default:
      return `${causeId} ${by}`;
  }
}

/** Worst first, then the more certain, then the more frequent, then the newer. */
function weightOf(group: TroubleGroup, times = group.times): number {
  const severity = SEVERITIES.length - SEVERITIES.indexOf(group.judgedSeverity);
  const frequency = Math.log2(1 + times) / 64; // below 1
  return severity * 4 + (group.certain > 0 ? 2 : 0) + frequency + group.lastUs / 1e18;
}

function byPlaceOf(groups: readonly TroubleGroup[]): Map<string, TroubleGroup[]> {
  const byPlace = new Map<string, TroubleGroup[]>();
  for (const group of groups) {
    const others = byPlace.get(group.where);
    if (others === undefined) byPlace.set(group.where, [group]);
    else others.push(group);
  }
  return byPlace;
}
