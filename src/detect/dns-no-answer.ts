import { PodSide } from '../model/connection.ts';
import type { DnsQuestion } from '../model/dns-question.ts';
import type { NetworkEvent } from '../model/event.ts';
import type { Cause } from './connection-event.ts';
import { type DnsView, dnsFacts, endsOf } from './dns-event.ts';

/**
 * 00012: a query that was sent at `sentUs` has no answer. Not told where the capture lost packets, where it sees one
 * direction only, and where the pod is who is asked. `value`, how many queries of this name and type so far, is for who counts them.
 */
export function dnsNoAnswer(
  question: DnsQuestion,
  sentUs: number,
  { lossMeanwhile, directions }: DnsView,
  timeUs: number,
): NetworkEvent | null {
  if (lossMeanwhile || directions === 'one' || question.podSide === PodSide.responder) return null;
  const isRepeated = question.queries > question.candidates;
  // who has an answer does not ask again
  const isDoubtful = directions === 'unknown' && !isRepeated;
  return {
    name: 'DNS_NO_ANSWER',
    timeUs,
    value: 1,
    ...causeOf(question, Math.round((timeUs - sentUs) / 1000)),
    connection: endsOf(question),
    facts: dnsFacts(question),
    ...(isDoubtful && {
      confidence: 'no packet in the other direction was seen yet: the answer may have gone by unseen',
    }),
  };
}

function causeOf(question: DnsQuestion, waitedMs: number): Cause {
  const { resolverAddress, name, candidate, type, isHalfAnswered, isForeign, isTcp } = question;
  const asked = `\`${candidate}\` (${type}${candidate === name ? '' : `, of the search for \`${name}\``}${isTcp ? ', over TCP' : ''})`;
  const waited = waitedMs < 950 ? `${waitedMs} ms` : `${(waitedMs / 1000).toFixed(1).replace(/\.0$/, '')} s`;
  const what = `the resolver ${resolverAddress} has not answered the query for ${asked} after ${waited}`;
  if (isForeign) {
    return {
      causeId: 'dns.no-answer.foreign',
      cause: `${what}: an answer came from another address than was asked, which the client does not take (address translation is lost on the way back)`,
    };
  }
  if (isHalfAnswered) {
    return {
      causeId: 'dns.no-answer.parallel',
      cause: `${what}, while the other of A and AAAA, which was sent from the same port at the same time, was answered: one of the two was dropped (the race of conntrack with address translation, or a firewall that takes one answer a port)`,
    };
  }
  return {
    causeId: 'dns.no-answer',
    cause: `${what}: it is down or overloaded, or packets are dropped (a network policy without UDP and TCP 53, a full conntrack table)`,
  };
}
