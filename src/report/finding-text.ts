import type { Finding } from '../diagnosis/finding.ts';
import type { CauseId } from '../model/cause-id.ts';
import { count, type Layout, shownPath, spanText, timeOf } from './layout.ts';
import type { Diagnosis } from './read-session.ts';

/** What is said of a finding, by label. */
export function factsOf(finding: Finding, diagnosis: Diagnosis, layout: Layout): [label: string, text: string][] {
  const { cause, clients, otherClients, processes, serverNames, pcaps, doubtful, doubts } = finding;
  const facts: [string, string][] = [
    ['cause', cause],
    ['how often', frequencyOf(finding)],
    ['when', spanOf(finding, diagnosis)],
  ];
  if (finding.kind !== 'gone') facts.push(['who', whoOf(finding)]);
  if (clients.length > 0) {
    const listed = clients.map(({ address, times }) => (times === 1 ? address : `${address} (${times})`));
    facts.push(['clients', [...listed, ...(otherClients > 0 ? [`${otherClients} more of others`] : [])].join(', ')]);
  }
  if (processes.length > 0) facts.push(['process', processes.join(', ')]);
  if (serverNames.length > 0) facts.push(['SNI', serverNames.join(', ')]);
  for (const [i, name] of pcaps.entries()) {
    facts.push([i === 0 ? 'proof' : '', shownPath(diagnosis.directory, name, layout)]);
  }
  if (doubtful > 0) {
    const why = doubts.length === 0 ? '' : `: ${doubts.join('; ')}`;
    facts.push(['in doubt', `${doubtful} of ${count(eventsOf(finding), 'event')}${why}`]);
  }
  return facts;
}

/** What differs in the advice for two servers, besides their addresses. */
const OWN_WORDS = /port \d+| -servername \S+/g;

/** What to try, at length for the first of several findings that ask for the same. */
export function adviceOf(
  { where, tryNext }: Finding,
  number: number,
  advised: Map<string, number>,
): [label: string, text: string][] {
  const address = where.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  const key = [where, address].reduce(
    (text, own) => text.replaceAll(own, 'HERE'),
    tryNext.join('\n').replace(OWN_WORDS, ''),
  );
  const earlier = advised.get(key);
  if (earlier !== undefined) return [['try', `as for ${earlier}`]];
  advised.set(key, number);
  return tryNext.map((step, i) => [i === 0 ? 'try' : '', `- ${step}`]);
}

function eventsOf({ events }: Finding): number {
  return Object.values(events).reduce((sum, number) => sum + number, 0);
}

/** How many connections it hit, or how often it was told, and by which codes. */
function frequencyOf(finding: Finding): string {
  const { events, connections, questions, times, burst } = finding;
  const parts: string[] = [];
  if (connections !== null) {
    const { failed, all, isAtLeast } = connections;
    parts.push(`${isAtLeast ? 'at least ' : ''}${failed} of ${count(all, 'connection')}`);
  }
  if (questions !== null && questions.failed > 0) {
    const { failed, all, unit } = questions;
    parts.push(`${failed} of ${unit === 'query' ? (all === 1 ? '1 query' : `${all} queries`) : count(all, unit)}`);
  }
  if (times > Math.max(eventsOf(finding), connections?.failed ?? 0, questions?.failed ?? 0))
    parts.push(`at least ${times} times`);
  if (burst !== null) parts.push(`very many: ${burst.resets} within ${windowText(burst.windowSeconds)}`);
  const codes = Object.entries(events).map(([code, number]) => (number <= 1 ? code : `${code} ${number} times`));
  const isUntold = eventsOf(finding) === 0;
  parts.push(isUntold ? `${codes.join(', ')}, not told one by one in this time` : codes.join(', '));
  return parts.join('; ');
}

function windowText(seconds: number | null): string {
  return seconds === null ? 'RESET_ABNORMAL_SECONDS' : `${seconds} s`;
}

/** From when to when, and whether it goes on. */
function spanOf(finding: Finding, { isLive }: Diagnosis): string {
  const { first, last, state, isIntermittent, lastBeforeEndSeconds, times, connections } = finding;
  const day = first.slice(0, 10) === last.slice(0, 10) ? '' : `${last.slice(0, 10)} `;
  const span =
    first === last
      ? `${first.slice(0, 10)} ${timeOf(first)} UTC`
      : `${first.slice(0, 10)} ${timeOf(first)} to ${day}${timeOf(last)} UTC`;
  const ago = isLive
    ? `${spanText(lastBeforeEndSeconds)} ago`
    : lastBeforeEndSeconds === 0
      ? 'at the very end'
      : `${spanText(lastBeforeEndSeconds)} before the end`;
  if (finding.kind === 'gone') return span;
  if (state === 'stopped') return `${span}, last ${ago}; not since: later connections went well`;
  if (state === 'happening' && isIntermittent) {
    return `${span}, last ${ago}, still happening now and then: others went well in between`;
  }
  return `${span}, last ${ago}${state === 'happening' && (connections?.failed ?? times) > 1 ? ', still happening' : ''}`;
}

function whoOf({ kind, causeId, pod, by }: Finding): string {
  const part = {
    client: 'the monitored pod connects',
    server: 'the monitored pod is the server',
    unknown: 'which side the monitored pod is, is not known (POD_IP tells)',
  }[pod];
  return by === null ? part : `${roleOf(kind, causeId, by)}; ${part}`;
}

/** The part of the side that an event names. */
function roleOf(kind: Finding['kind'], causeId: CauseId, by: 'client' | 'server'): string {
  if (causeId === 'tcp.reset.keepalive-unanswered') return `the kernel of the ${by} gave up`;
  if (causeId === 'tcp.reset.middlebox') return `in the name of the ${by}`;
  switch (kind) {
    case 'noAnswer':
      return `the ${by} ended it`;
    case 'halfClosed':
      return `the ${by} does not close`;
    case 'loss':
      return `what the ${by} sends gets lost`;
    case 'zeroWindow':
      return `the ${by} does not read`;
    case 'pathMtu':
      return `what the ${by} sends does not get through`;
    default:
      return `the ${by} did it`;
  }
}
