import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseDnsLine } from '../../src/diagnosis/dns-line.ts';
import { DnsLookups } from '../../src/diagnosis/dns-lookups.ts';
import { parseEventLine } from '../../src/diagnosis/event-line.ts';
import type { Finding } from '../../src/diagnosis/finding.ts';
import { Findings } from '../../src/diagnosis/findings.ts';
import { Servers } from '../../src/diagnosis/servers.ts';
import type { NetworkEvent } from '../../src/model/event.ts';
import { eventLine, T0_US } from '../report/sample-files.ts';

const test = suite('DNS in the diagnosis');

const RESOLVER = '10.96.0.10';

/** `name type rcode answers latency queries candidates`, each question a line. */
function lookups(...questions: readonly string[]): DnsLookups {
  const result = new DnsLookups();
  for (const question of questions) {
    const line = parseDnsLine(`1700000000.000000,40000,${RESOLVER},${question.replaceAll(' ', ',')}`);
    if (line === null) throw new Error(question);
    result.add(line);
  }
  return result;
}

function event(change: Partial<NetworkEvent>, destinationPort = 53): string {
  return eventLine(change, { destinationAddress: RESOLVER, destinationPort });
}

function findings(known: DnsLookups, ...lines: readonly string[]): Finding[] {
  const result = new Findings();
  for (const line of lines) {
    const parsed = parseEventLine(line);
    if (parsed !== null) result.add(parsed);
  }
  return result.list({ servers: new Servers(), lookups: known, endUs: T0_US, hasFile: () => true });
}

const unanswered = (causeId: 'dns.no-answer' | 'dns.no-answer.parallel', dnsName = 'db') =>
  event({ name: 'DNS_NO_ANSWER', causeId, facts: { dnsName, dnsType: 'A', queries: 1, candidates: 1 } });

test('a line, and what is none', () => {
  const line = parseDnsLine(`1700000000.000123,40000,${RESOLVER},db.shop,A,-1,0,-1,2,1`);
  assert.is(line?.timeUs, 1_700_000_000_000_123);
  assert.equal([line?.rcode, line?.latencyUs, line?.queries], [-1, -1, 2]);
  for (const damaged of ['', '#time', '1,2,3', `x,1,${RESOLVER},n,A,0,0,0,1,1`])
    assert.is(parseDnsLine(damaged), null, damaged);
});

test('resolvers: questions, queries, what failed, latency of a query', () => {
  const [resolver] = lookups('a A 0 1 1000 1 1', 'b A 3 0 5000 5 5', 'c A -1 0 -1 2 1', 'd A 0 0 700 1 1').resolvers();
  assert.equal(resolver, {
    where: RESOLVER,
    questions: 4,
    queries: 9,
    unanswered: 2,
    failed: { NXDOMAIN: 1, 'no answer': 1, 'no data': 1 },
    latency: { answers: 3, p50Us: resolver?.latency?.p50Us, p99Us: resolver?.latency?.p99Us },
  });
  assert.ok(Math.abs((resolver?.latency?.p50Us ?? 0) - 1000) < 40);
});

test('names that cost more than two queries, where a search list is the reason', () => {
  const known = lookups(
    'api.example A 0 1 1 5 5',
    'api.example AAAA 0 0 1 5 5',
    'one A 0 1 1 1 1',
    'one AAAA 0 1 1 1 1',
    'lost A 0 1 1 4 1',
  );
  assert.equal(known.costlyNames(), [{ name: 'api.example', lookups: 1, queries: 10, queriesEach: 10, candidates: 5 }]);
});

test('the conntrack race: how many of how many, and why', () => {
  const known = lookups('db AAAA 0 1 5000000 2 1', 'db A 0 1 900 1 1', 'db A -1 0 -1 1 1');
  const [finding, ...more] = findings(
    known,
    unanswered('dns.no-answer.parallel'),
    unanswered('dns.no-answer.parallel'),
    unanswered('dns.no-answer'),
  );
  assert.equal(more, [], 'one trouble of a resolver is one finding');
  assert.is(
    finding?.title,
    `The resolver ${RESOLVER} does not answer: 2 of 4 queries, A and AAAA sent from one port at once (the conntrack race)`,
  );
  assert.equal(finding?.questions, { failed: 2, all: 4, unit: 'query' });
  assert.is(finding?.connections, null);
  assert.is(finding?.severity, 'broken');
  assert.match(finding?.tryNext.join(' ') ?? '', /single-request-reopen/);
});

test('a name that does not exist: one finding for each name, with what was meant perhaps', () => {
  const noName = (dnsName: string) =>
    event({
      name: 'DNS_ERROR',
      causeId: 'dns.no-such-name',
      value: 3,
      facts: { dnsName, dnsType: 'A', queries: 5, candidates: 5 },
    });
  const known = lookups('db.shop A 3 0 900 5 5', 'db.store A 0 1 900 1 1');
  const found = findings(known, noName('db.shop'), noName('db.shop'), noName('cache'));
  assert.equal(found.map(({ title }) => title).sort(), [
    'cache does not exist (NXDOMAIN for all 5 candidates)',
    'db.shop does not exist (NXDOMAIN for all 5 candidates)',
  ]);
  const finding = found.find(({ title }) => title.startsWith('db.shop'));
  assert.match(finding?.tryNext[0] ?? '', /^Did you mean db\.store\?/);
  assert.match(finding?.tryNext[1] ?? '', /kubectl get service db -n shop/);
});

test('names from the network get into no command', () => {
  const hostile = event({
    name: 'DNS_ERROR',
    causeId: 'dns.error.servfail',
    value: 2,
    facts: { dnsName: '$(reboot).example', dnsType: 'A', queries: 1, candidates: 1 },
  });
  const [finding] = findings(lookups(), hostile);
  assert.not.match(finding?.tryNext.join(' ') ?? '', /reboot/);
});

test('a resolver that is silent over TCP too, or rejects by ICMP, is one finding', () => {
  const syn = event({ name: 'TCP_SYN_RETRANS', causeId: 'tcp.syn.no-answer' });
  assert.is(findings(lookups(), unanswered('dns.no-answer'), syn).length, 1);
  const icmp = event({
    name: 'ICMP_ERROR',
    causeId: 'icmp.port-unreachable',
    value: 0x303,
    facts: { dnsName: 'db', icmpFrom: RESOLVER },
  });
  const [finding, ...more] = findings(lookups(), icmp, unanswered('dns.no-answer'));
  assert.equal([finding?.causeId, more.length], ['icmp.port-unreachable', 0]);
});

test.run();
