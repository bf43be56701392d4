import { NO_ANSWER, Rcode } from '../model/dns-question.ts';
import { LatencyHistogram } from '../model/latency-histogram.ts';
import { BoundedGroups } from './bounded-groups.ts';
import type { DnsLine } from './dns-line.ts';
import type { EventLine } from './event-line.ts';

const MOST_RESOLVERS = 100;
const MOST_NAMES = 10_000;
const MOST_COSTLY = 1000;
/** An address of each kind: what a lookup costs where no search list multiplies it. */
const USUAL_QUERIES = 2;

/** A resolver, and how the questions to it went. */
export interface Resolver {
  readonly where: string;
  /** Lookups of one name and type. */
  readonly questions: number;
  /** Messages that were sent for them. */
  readonly queries: number;
  /** Of these, messages without an answer. */
  readonly unanswered: number;
  /** Questions by how they ended, where not with records: response codes, `no data`, `no answer`. */
  readonly failed: Readonly<Record<string, number>>;
  /** From a query to its answer; null when there was none. */
  readonly latency: { readonly answers: number; readonly p50Us: number; readonly p99Us: number } | null;
}

/** A name whose lookup takes more than a query for each kind of address. */
export interface NameCost {
  readonly name: string;
  readonly lookups: number;
  /** Queries of all lookups together. */
  readonly queries: number;
  /** Queries of one, on the average. */
  readonly queriesEach: number;
  /** Names that a search list made of it at most. */
  readonly candidates: number;
}

/** How many of what there was failed. */
export interface DnsCounts {
  readonly failed: number;
  readonly all: number;
  /** Whether single messages are counted, or what a client wanted to know. */
  readonly unit: 'query' | 'question';
  /** When the latest one went well, microseconds since 1970-01-01 UTC; -Infinity without. */
  readonly lastGoodUs: number;
}

interface ResolverSum {
  readonly where: string;
  questions: number;
  queries: number;
  unanswered: number;
  readonly failed: Map<string, number>;
  latency: LatencyHistogram | null;
  lastAnsweredUs: number;
}

interface NameSum {
  readonly name: string;
  /** By type of record: lookups of A and AAAA are one. */
  readonly types: Map<string, number>;
  queries: number;
  candidates: number;
  questions: number;
  failed: number;
  answered: number;
  lastAnsweredUs: number;
}

const RCODE_NAMES: ReadonlyMap<number, string> = new Map([
  [NO_ANSWER, 'no answer'],
  [Rcode.formErr, 'FORMERR'],
  [Rcode.servFail, 'SERVFAIL'],
  [Rcode.nxDomain, 'NXDOMAIN'],
  [Rcode.notImp, 'NOTIMP'],
  [Rcode.refused, 'REFUSED'],
]);

/** How a question ended, where not with records; empty where it did. */
function failureOf({ rcode, answers }: DnsLine): string {
  if (rcode === Rcode.noError) return answers > 0 ? '' : 'no data';
  return RCODE_NAMES.get(rcode) ?? `RCODE ${rcode}`;
}

/** Gathers DNS questions of one session by resolver and by name; bounded, those that are asked least go first. */
export class DnsLookups {
  readonly #resolvers = new BoundedGroups<ResolverSum>(MOST_RESOLVERS, ({ queries }) => queries);
  readonly #names = new BoundedGroups<NameSum>(MOST_NAMES, ({ queries }) => queries);

  add(line: DnsLine): void {
    const { resolver: where, queries, candidates, rcode, latencyUs, timeUs } = line;
    const resolver = this.#resolvers.get(where, () => newResolver(where));
    const failure = failureOf(line);
    resolver.questions++;
    resolver.queries += queries;
    // each candidate before the last was answered, or the search would not have gone on
    resolver.unanswered += Math.max(0, queries - candidates + (rcode === NO_ANSWER ? 1 : 0));
    if (failure !== '') resolver.failed.set(failure, (resolver.failed.get(failure) ?? 0) + 1);
    if (latencyUs >= 0) {
      resolver.lastAnsweredUs = Math.max(resolver.lastAnsweredUs, timeUs + latencyUs);
      // what was sent again took as long as its sender waited, which says nothing of the resolver
      if (queries === candidates) {
        resolver.latency ??= new LatencyHistogram();
        resolver.latency.add(latencyUs / candidates);
      }
    }
    this.#addName(line, failure);
  }

  #addName({ name, type, queries, candidates, timeUs }: DnsLine, failure: string): void {
    const sum = this.#names.get(name, () => newName(name));
    sum.types.set(type, (sum.types.get(type) ?? 0) + 1);
    sum.queries += queries;
    sum.questions++;
    sum.candidates = Math.max(sum.candidates, candidates);
    if (failure === '') {
      sum.answered++;
      sum.lastAnsweredUs = Math.max(sum.lastAnsweredUs, timeUs);
    } else {
      sum.failed++;
    }
  }

  /** How the questions to each resolver went, the most used first. */
  resolvers(): Resolver[] {
    return this.#resolvers.heaviest().map(({ where, questions, queries, unanswered, failed, latency }) => ({
      where,
      questions,
      queries,
      unanswered,
      failed: Object.fromEntries([...failed].sort()),
      latency: latency && {
        answers: latency.count,
        p50Us: latency.quantile(0.5),
        p99Us: latency.quantile(0.99),
      },
    }));
  }

  /** Names that cost more than two queries because a search list is gone through, the most expensive in all first. */
  costlyNames(): NameCost[] {
    return this.#names
      .heaviest()
      .map(({ name, types, queries, candidates }) => {
        const lookups = Math.max(...types.values());
        return { name, lookups, queries, queriesEach: Math.round((queries / lookups) * 10) / 10, candidates };
      })
      .filter(({ queriesEach, candidates }) => candidates > 1 && queriesEach > USUAL_QUERIES)
      .sort((a, b) => b.queries - a.queries)
      .slice(0, MOST_COSTLY);
  }

  /** How many queries, or questions, the trouble of an event hit; null where there are no lines that tell. */
  countsOf({ code, causeId, destinationAddress, facts }: EventLine): DnsCounts | null {
    if (code === '00013' && causeId.startsWith('dns.no-')) {
      const name = this.#names.find(facts.dnsName ?? '');
      if (name === undefined) return null;
      return { failed: name.failed, all: name.questions, unit: 'question', lastGoodUs: name.lastAnsweredUs };
    }
    const resolver = this.#resolvers.find(destinationAddress);
    if (resolver === undefined) return null;
    const { unanswered, queries, questions, failed, lastAnsweredUs: lastGoodUs } = resolver;
    if (code !== '00013') return { failed: unanswered, all: queries, unit: 'query', lastGoodUs };
    const rcode = causeId.slice('dns.error.'.length).toUpperCase();
    return { failed: failed.get(rcode) ?? 0, all: questions, unit: 'question', lastGoodUs };
  }

  /** Names that were answered and begin like one that does not exist, as the same Service in another namespace does. */
  alternativesTo(name: string): string[] {
    const label = name.split('.', 1)[0];
    return this.#names
      .heaviest()
      .filter((other) => other.answered > 0 && other.name !== name && other.name.split('.', 1)[0] === label)
      .map((other) => other.name)
      .slice(0, 3);
  }
}

function newResolver(where: string): ResolverSum {
  return {
    where,
    questions: 0,
    queries: 0,
    unanswered: 0,
    failed: new Map(),
    latency: null,
    lastAnsweredUs: Number.NEGATIVE_INFINITY,
  };
}

function newName(name: string): NameSum {
  return {
    name,
    types: new Map(),
    queries: 0,
    candidates: 1,
    questions: 0,
    failed: 0,
    answered: 0,
    lastAnsweredUs: Number.NEGATIVE_INFINITY,
  };
}
