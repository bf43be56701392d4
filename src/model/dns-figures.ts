import { type DnsQuestion, NO_ANSWER, Rcode } from './dns-question.ts';
import { LatencyBuckets } from './latency-buckets.ts';

/** How DNS questions end, in the words of metrics. */
const DNS_RESULTS = ['answered', 'no_answer', 'nxdomain', 'no_data', 'servfail', 'refused', 'other'] as const;

type DnsResult = (typeof DNS_RESULTS)[number];

/** Returns how a question ended. */
function dnsResultOf({ rcode, matches }: Pick<DnsQuestion, 'rcode' | 'matches'>): DnsResult {
  switch (rcode) {
    case NO_ANSWER:
      return 'no_answer';
    case Rcode.noError:
      return matches > 0 ? 'answered' : 'no_data';
    case Rcode.nxDomain:
      return 'nxdomain';
    case Rcode.servFail:
      return 'servfail';
    case Rcode.refused:
      return 'refused';
    default:
      return 'other';
  }
}

/** What a session counted of DNS. */
export class DnsFigures {
  /** Questions by how they ended. */
  readonly results = Object.fromEntries(DNS_RESULTS.map((result) => [result, 0])) as Record<DnsResult, number>;
  /** From each query to its answer. */
  readonly latencies = new LatencyBuckets();
  #queries = 0;

  /** Queries that were sent for these questions. */
  get queries(): number {
    return this.#queries;
  }

  add(question: DnsQuestion): void {
    this.results[dnsResultOf(question)]++;
    this.#queries += question.queries;
  }
}
