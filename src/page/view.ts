import { severityOfFailure } from '../diagnosis/failure-severity.ts';
import type { Severity } from '../diagnosis/severity.ts';
import type { PageConnection } from '../model/page-messages.ts';
import type { PageEvent } from './store.ts';

/** What is looked for in the connections. */
export interface ConnectionQuery {
  /** Words, all of which have to be somewhere. */
  readonly text: string;
  readonly state: string;
  readonly type: string;
  /** Code of an event that the connection has to have. */
  readonly code: string;
  readonly sortBy: keyof PageConnection;
  readonly descending: boolean;
}

/** The connections that fit a query, in its order. `codes` are the codes of events by `client → server`. */
export function selectConnections(
  connections: Iterable<PageConnection>,
  codes: ReadonlyMap<string, ReadonlySet<string>>,
  query: ConnectionQuery,
): PageConnection[] {
  const words = query.text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  const fits = (connection: PageConnection) => {
    if (query.state !== '' && connection.state !== query.state) return false;
    if (query.type !== '' && connection.type !== query.type) return false;
    if (query.code !== '' && codes.get(endsOf(connection))?.has(query.code) !== true) return false;
    if (words.length === 0) return true;
    const { client, server, state, type, process, serverName } = connection;
    const text = `${client} ${server} ${state} ${type} ${process} ${serverName}`.toLowerCase();
    return words.every((word) => text.includes(word));
  };
  const found = [...connections].filter(fits);
  const sign = query.descending ? -1 : 1;
  const { sortBy } = query;
  return found.sort((a, b) => {
    const [left, right] = [a[sortBy], b[sortBy]];
    return sign * (left < right ? -1 : left > right ? 1 : 0);
  });
}

/** The two ends of a connection or of an event, to tell which belong together. */
export function endsOf({ client, server }: { readonly client: string; readonly server: string }): string {
  return `${client} → ${server}`;
}

/** Codes of events by the ends of their connection. */
export function codesByEnds(events: readonly PageEvent[]): Map<string, Set<string>> {
  const codes = new Map<string, Set<string>>();
  for (const event of events) {
    const ends = endsOf(event);
    const known = codes.get(ends);
    if (known === undefined) codes.set(ends, new Set([event.code]));
    else known.add(event.code);
  }
  return codes;
}

/** Events around another one in time, of the same pod: at most `most` before and after. */
export function neighbours(events: readonly PageEvent[], event: PageEvent, most: number): PageEvent[] {
  const same = events.filter(({ directory }) => directory === event.directory);
  const at = same.findIndex(({ id }) => id === event.id);
  return same.slice(Math.max(0, at - most), at + most + 1).filter(({ id }) => id !== event.id);
}

/** How severities look: names of the style sheet. */
export const SEVERITY_CLASSES: Readonly<Record<Severity, string>> = {
  broken: 'broken',
  suspicious: 'suspicious',
  'worth knowing': 'note',
};

/** How the state of a connection looks: by the trouble it had, not by how it ended. */
export function stateClass({ state, failure }: PageConnection): string {
  if (failure !== '') return SEVERITY_CLASSES[severityOfFailure(failure)];
  return state === 'established' ? 'note' : state === 'half-open' ? 'suspicious' : '';
}

/** `1.5 MB`. */
export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const exponent = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** exponent;
  return `${exponent === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[exponent]}`;
}

/** `412 µs`; nothing for 0. */
export function latencyText(us: number): string {
  if (us === 0) return '';
  if (us < 1000) return `${Math.round(us)} µs`;
  return us < 1_000_000 ? `${(us / 1000).toPrecision(3)} ms` : `${(us / 1_000_000).toPrecision(3)} s`;
}

/** The latency that a part of all does not exceed, in milliseconds, out of `LatencyBuckets`; null without any. */
export function quantileMs(counts: readonly number[], boundsUs: readonly number[], part: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let seen = 0;
  for (const [i, count] of counts.entries()) {
    seen += count;
    if (seen >= part * total) return (boundsUs[i] ?? 2 * (boundsUs.at(-1) ?? 0)) / 1000;
  }
  return null;
}
