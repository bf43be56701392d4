import type { DnsQuestion } from '../model/dns-question.ts';
import type { ConnectionSummary, EventFacts } from '../model/event.ts';
import { UNKNOWN_PROCESS } from '../model/process.ts';

/** The two ends of a question, as events name them. */
export function endsOf({
  clientAddress,
  clientPort,
  resolverAddress,
  resolverPort,
  podSide,
}: DnsQuestion): ConnectionSummary {
  return {
    sourceAddress: clientAddress,
    destinationAddress: resolverAddress,
    sourcePort: clientPort,
    destinationPort: resolverPort,
    podSide,
    synAckLatencyUs: 0,
    ackLatencyUs: 0,
    midstream: false,
    process: UNKNOWN_PROCESS,
  };
}

/** What an event knows of its question. */
export function dnsFacts({ name, type, queries, candidates, candidate }: DnsQuestion): EventFacts {
  return {
    dnsName: name,
    dnsType: type,
    queries,
    candidates,
    ...(candidate === name ? {} : { dnsCandidate: candidate }),
  };
}

/** What is known of the capture at the time of a question. */
export interface DnsView {
  /** Packets were lost since the query was sent. */
  readonly lossMeanwhile: boolean;
  /** Which directions the capture sees, as far as is known. */
  readonly directions: 'both' | 'one' | 'unknown';
}
