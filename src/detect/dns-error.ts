import type { CauseId } from '../model/cause-id.ts';
import { PodSide } from '../model/connection.ts';
import { type DnsQuestion, NO_DATA, Rcode } from '../model/dns-question.ts';
import type { NetworkEvent } from '../model/event.ts';
import type { Cause } from './connection-event.ts';
import { type DnsView, dnsFacts, endsOf } from './dns-event.ts';

/** 00013: a question ends with an error. Not told where the capture sees one direction only, and where the pod is who is asked. */
export function dnsError(
  question: DnsQuestion,
  { lossMeanwhile, directions }: DnsView,
  timeUs: number,
): NetworkEvent | null {
  if (directions === 'one' || question.podSide === PodSide.responder) return null;
  const value = question.rcode === Rcode.noError ? NO_DATA : question.rcode;
  return {
    name: 'DNS_ERROR',
    timeUs,
    value,
    ...causeOf(question, value),
    connection: endsOf(question),
    facts: dnsFacts(question),
    ...(lossMeanwhile && {
      confidence: 'packets were lost by the capture meanwhile: the answer to another candidate may have gone by unseen',
    }),
  };
}

const ERRORS: ReadonlyMap<number, { readonly causeId: CauseId; readonly name: string; readonly why: string }> = new Map(
  [
    [
      Rcode.formErr,
      {
        causeId: 'dns.error.formerr',
        name: 'FORMERR',
        why: 'it does not understand the query, or an extension of it (EDNS)',
      },
    ],
    [
      Rcode.servFail,
      {
        causeId: 'dns.error.servfail',
        name: 'SERVFAIL',
        why: 'it could not find out: its upstream is away or refuses, DNSSEC does not validate, or it is misconfigured',
      },
    ],
    [Rcode.notImp, { causeId: 'dns.error.notimp', name: 'NOTIMP', why: 'it does not support this kind of query' }],
    [
      Rcode.refused,
      {
        causeId: 'dns.error.refused',
        name: 'REFUSED',
        why: 'it does not serve this client or this name: an access list, a missing zone, or no recursion',
      },
    ],
  ],
);

function causeOf(question: DnsQuestion, value: number): Cause {
  const { resolverAddress, name, candidate, type, candidates } = question;
  const error = ERRORS.get(value);
  if (error !== undefined) {
    return {
      causeId: error.causeId,
      cause: `the resolver ${resolverAddress} answers the query for \`${candidate}\` (${type}) with ${error.name}: ${error.why}`,
    };
  }
  const tried =
    candidates === 1
      ? ''
      : ` for all ${candidates} names that the search list makes of it, the last of them \`${candidate}\``;
  if (value === Rcode.nxDomain) {
    const isReverse = type === 'PTR';
    return {
      causeId: isReverse ? 'dns.no-such-reverse-name' : 'dns.no-such-name',
      cause: isReverse
        ? `no name is registered for the address \`${name}\` (NXDOMAIN): who looks up the names of its peers waits for that each time`
        : `\`${name}\` does not exist: NXDOMAIN${tried}. A wrong name, a missing namespace (NAME.NAMESPACE), or a Service that is not there`,
    };
  }
  if (value === NO_DATA) {
    return {
      causeId: 'dns.no-data',
      cause: `\`${name}\` exists but has no ${type} record: no data${tried}. A Service without ready endpoints (headless), or a name of the other IP version only`,
    };
  }
  return {
    causeId: 'dns.error.other',
    cause: `the resolver ${resolverAddress} answers the query for \`${candidate}\` (${type}) with response code ${value}`,
  };
}
