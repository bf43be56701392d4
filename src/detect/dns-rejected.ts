import { PodSide, Side } from '../model/connection.ts';
import type { DnsQuestion } from '../model/dns-question.ts';
import type { NetworkEvent } from '../model/event.ts';
import type { Packet } from '../model/packet.ts';
import { senderOf } from '../track/icmp-errors.ts';
import { dnsFacts, endsOf } from './dns-event.ts';
import { icmpCause } from './icmp-error.ts';

/** 00014: an ICMP error is the answer to a query. `Fragmentation needed` is none: the client's kernel makes fragments. */
export function dnsRejected(question: DnsQuestion, error: Packet): NetworkEvent | null {
  if (question.podSide === PodSide.responder) return null;
  const icmpFrom = senderOf(error);
  const { causeId, cause } = icmpCause(error.ipVersion, error.icmp, Side.initiator, icmpFrom);
  if (causeId === 'icmp.fragmentation-needed') return null;
  return {
    name: 'ICMP_ERROR',
    timeUs: error.timeUs,
    value: error.icmp,
    causeId,
    cause: `${cause}. It was the query for \`${question.candidate}\` (${question.type}) to the resolver ${question.resolverAddress}`,
    connection: endsOf(question),
    facts: { icmpFrom, ...dnsFacts(question) },
  };
}
