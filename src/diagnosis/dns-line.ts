import { DNS_LOG_HEADER } from '../model/dns-log-columns.ts';
import { safeText } from '../model/safe-text.ts';

/** A line of a dns file as it is reported: every text is fit to be shown. */
export interface DnsLine {
  /** Of the first query, microseconds since 1970-01-01 UTC. */
  readonly timeUs: number;
  readonly resolver: string;
  readonly name: string;
  readonly type: string;
  /** -1 without an answer. */
  readonly rcode: number;
  readonly answers: number;
  /** -1 without an answer. */
  readonly latencyUs: number;
  readonly queries: number;
  readonly candidates: number;
}

const COLUMNS = DNS_LOG_HEADER.slice(1).split(',');
const at = (name: string) => COLUMNS.indexOf(name);
const [TIME, RESOLVER, NAME, TYPE] = [at('time'), at('resolver'), at('name'), at('type')];
const [RCODE, ANSWERS, LATENCY] = [at('rcode'), at('answers'), at('latency')];
const [QUERIES, CANDIDATES] = [at('queries'), at('candidates')];

/** Reads a line of a dns file; null when it is the header or damaged. The columns keep their places, more may follow. */
export function parseDnsLine(line: string): DnsLine | null {
  if (line.startsWith('#')) return null;
  const fields = line.split(',', COLUMNS.length);
  if (fields.length < COLUMNS.length) return null;
  const number = (position: number) => Number(fields[position]);
  const text = (position: number) => safeText(fields[position] ?? '');
  const numbers = [TIME, RCODE, ANSWERS, LATENCY, QUERIES, CANDIDATES].map(number);
  if (!numbers.every((value) => value >= -1)) return null;
  return {
    timeUs: Math.round(number(TIME) * 1_000_000),
    resolver: text(RESOLVER),
    name: text(NAME),
    type: text(TYPE),
    rcode: number(RCODE),
    answers: number(ANSWERS),
    latencyUs: number(LATENCY),
    queries: number(QUERIES),
    candidates: Math.max(1, number(CANDIDATES)),
  };
}
