import { DNS_PORT } from '../layers/udp.ts';
import { formatIpv4, formatIpv6 } from '../model/address.ts';
import type { PodSide } from '../model/connection.ts';
import { type DnsQuestion, NO_ANSWER, NO_DATA, Rcode } from '../model/dns-question.ts';
import { dnsNameText } from '../protocols/dns/dns-name.ts';
import { dnsTypeName } from '../protocols/dns/dns-types.ts';
import {
  ANSWERED_AT,
  ANSWERS,
  AT_ONCE,
  BASE_LENGTH,
  CANDIDATES,
  CLIENT,
  FIRST_AT,
  FOREIGN,
  IPV6,
  MATCHES,
  NAME_BYTES,
  NAME_LENGTH,
  PARTNER_ANSWERED,
  POD_SIDE,
  PORT_AND_ID,
  QUERIES,
  RCODE,
  RESOLVER,
  STATE,
  TCP,
  TIMES,
  TYPE,
  WORDS,
} from './dns-record.ts';
import type { DnsTable } from './dns-table.ts';

/** Copies what is known of a question out of its record. */
export function copyQuestion({ words, times, names }: DnsTable, slot: number): DnsQuestion {
  const word = slot * WORDS;
  const time = slot * TIMES;
  const state = words[word + STATE];
  const at = slot * NAME_BYTES;
  const candidate = dnsNameText(names, at, at + words[word + NAME_LENGTH]);
  const isWhole = words[word + BASE_LENGTH] === words[word + NAME_LENGTH];
  const rcode = words[word + RCODE];
  const isUnanswered = rcode === NO_ANSWER;
  return {
    clientAddress: addressText(words, word + CLIENT, state),
    clientPort: words[word + PORT_AND_ID] >>> 16,
    resolverAddress: addressText(words, word + RESOLVER, state),
    resolverPort: DNS_PORT,
    podSide: words[word + POD_SIDE] as PodSide,
    name: isWhole ? candidate : dnsNameText(names, at, at + words[word + BASE_LENGTH]),
    candidate,
    type: dnsTypeName(words[word + TYPE]),
    firstUs: times[time + FIRST_AT],
    rcode: rcode === NO_DATA ? Rcode.noError : rcode,
    answers: isUnanswered ? 0 : words[word + ANSWERS],
    matches: isUnanswered ? 0 : words[word + MATCHES],
    latencyUs: isUnanswered ? -1 : Math.max(0, times[time + ANSWERED_AT] - times[time + FIRST_AT]),
    queries: words[word + QUERIES],
    candidates: words[word + CANDIDATES],
    isTcp: (state & TCP) !== 0,
    isHalfAnswered: (state & AT_ONCE) !== 0 && (state & PARTNER_ANSWERED) !== 0,
    isForeign: (state & FOREIGN) !== 0,
  };
}

function addressText(words: Int32Array, word: number, state: number): string {
  if ((state & IPV6) === 0) return formatIpv4(words[word]);
  return formatIpv6(words[word] >>> 0, words[word + 1] >>> 0, words[word + 2] >>> 0, words[word + 3] >>> 0);
}
