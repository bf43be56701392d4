import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type DnsLine, parseDnsLine } from '../../src/diagnosis/dns-line.ts';
import type { Finding } from '../../src/diagnosis/finding.ts';
import { AGENT, AgentRun } from '../lab/agent.ts';
import { Lab, type Pod } from '../lab/lab.ts';
import { run } from '../lab/program.ts';
import type { EventLine } from '../lab/session-files.ts';
import { waitFor } from '../lab/wait.ts';
import { SEARCH, startDnsmasq, startUnbound, useResolvers } from './resolvers.ts';

const test = suite('DNS with real resolvers and clients');

const GOOD_LOOKUPS = 1_000;
const DNS_SECONDS = 2;
/** 00012 has to be on disk so long after its time; the machine may be busy with other tests. */
const LATEST_MS = process.env['DLLT_STRICT_TIMES'] === '1' ? 300 : 1_500;

interface Stage {
  readonly lab: Lab;
  readonly pod: Pod;
  readonly dnsmasq: Pod;
  readonly unbound: Pod;
  readonly agent: AgentRun;
}

/** Asks as Node's own resolver (c-ares) does, and through getaddrinfo; good names only. */
async function goodLookups({ lab, pod, dnsmasq }: Stage): Promise<void> {
  const script = `
    const dns = require('node:dns');
    const resolver = new dns.promises.Resolver();
    resolver.setServers(['${dnsmasq.ipv4}']);
    (async () => {
      for (let i = 0; i < ${GOOD_LOOKUPS}; i += 20) {
        await Promise.all(Array.from({ length: 20 }, (_, n) => resolver.resolve4('n' + (i + n) + '.good.test')));
      }
      for (let i = 0; i < 50; i++) await dns.promises.lookup('both.test.', { all: true });
    })();`;
  await lab.start(pod.namespace, [process.execPath, '-e', script]).output();
  for (let i = 0; i < 20; i++) await lab.start(pod.namespace, ['getent', 'ahosts', `g${i}.good.test.`]).output();
  await lab.start(pod.namespace, ['getent', 'hosts', 'both.test.']).output();
  await lab.start(pod.namespace, ['getent', 'hosts', 'h.good.test.']).output(); // AAAA without data, then A
}

const ended = async (stage: Stage, argv: readonly string[]) =>
  (await stage.lab.start(stage.pod.namespace, argv).ended).status;

let events: readonly EventLine[];
let lines: readonly DnsLine[];
let findings: readonly Finding[];
let report: string;
let afterGood: number;
let directory: string;
/** Milliseconds from the time of the first 00012 until it was read. */
let noAnswerMs: number;
let stage: Pick<Stage, 'pod' | 'dnsmasq' | 'unbound'>;

const named = (name: string) => events.filter(({ extra }) => extra.dnsName === name);
const linesOf = (name: string) => lines.filter((line) => line.name === name);

test.before(async () => {
  await Lab.use(async (lab) => {
    const [pod, dnsmasq, unbound] = [lab.pod(), lab.pod(), lab.pod()];
    useResolvers(lab, pod, [dnsmasq.ipv4], 'ndots:5 timeout:3 attempts:1');
    await Promise.all([startDnsmasq(lab, dnsmasq), startUnbound(lab, unbound)]);
    const agent = await AgentRun.watch(lab, pod, { EVENT_THROTTLE: 'N' });
    const all = { lab, pod, dnsmasq, unbound, agent };
    stage = all;
    await goodLookups(all);
    await new Promise((resolve) => setTimeout(resolve, 3_000)); // whoever has no answer would be told by now
    afterGood = agent.files(pod.hostIndex).events.filter(({ code }) => code === '00012' || code === '00013').length;

    await ended(all, ['getent', 'ahosts', 'db.shop']);
    await ended(all, ['getent', 'ahosts', 'db.store']);
    await ended(all, ['dig', '+notcp', '+noedns', 'big.test', 'TXT', `@${dnsmasq.ipv4}`]);
    await ended(all, ['dig', '+tcp', 'tcp.good.test', `@${dnsmasq.ipv4}`]);
    await ended(all, ['dig', '+tries=1', '+time=3', 'failing.corp', `@${unbound.ipv4}`]);
    await ended(all, ['dig', '+tries=1', 'refused.test', `@${unbound.ipv4}`]);
    await ended(all, ['dig', 'fine.good.test', `@${unbound.ipv4}`]);

    const match = ['-p', 'udp', '-d', unbound.ipv4, '--dport', '53'];
    lab.node.run('iptables', '-w', '-A', 'FORWARD', ...match, '-j', 'DROP');
    const dropped = lab.start(pod.namespace, ['dig', '+tries=2', '+time=3', 'dropped.good.test', `@${unbound.ipv4}`]);
    const [first] = await agent.events(
      pod.hostIndex,
      ({ code, extra }) => code === '00012' && extra.dnsName === 'dropped.good.test',
    );
    noAnswerMs = Date.now() - Number(first?.timemillis);
    await dropped.ended;
    lab.node.run('iptables', '-w', '-D', 'FORWARD', ...match, '-j', 'DROP');
    lab.node.run('iptables', '-w', '-A', 'FORWARD', ...match, '-j', 'REJECT');
    await ended(all, ['dig', '+tries=1', '+time=3', 'rejected.good.test', `@${unbound.ipv4}`]);
    await agent.events(pod.hostIndex, ({ code }) => code === '00014');

    await waitFor(
      'the line of each question',
      () => /rejected.good.test/.test(dnsText(agent.files(pod.hostIndex).directory)),
      { timeoutMs: 15_000 },
    );
    await agent.stop();
    ({ directory, events } = agent.files(pod.hostIndex));
    lines = dnsText(directory)
      .split('\n')
      .flatMap((line) => parseDnsLine(line) ?? []);
    const command = [process.execPath, AGENT, 'report'];
    [{ findings }] = JSON.parse(run([...command, '--json', directory])).sessions;
    report = run([...command, directory]).replace(/\s+/g, ' ');
    events = events.map((event) => ({
      ...event,
      pcap: event.pcap === undefined ? '' : readPcap(directory, event.pcap),
    }));
  });
});

function dnsText(path: string): string {
  const names = readdirSync(path).filter((name) => /^dns_.*\.log$/.test(name));
  return names.map((name) => readFileSync(join(path, name), 'utf8')).join('');
}

/** Names and response codes in a pcap, as tshark reads them. */
function readPcap(path: string, name: string): string {
  if (!existsSync(join(path, name))) return `${name} is missing`;
  return run([
    'tshark',
    '-r',
    join(path, name),
    '-T',
    'fields',
    '-e',
    'dns.qry.name',
    '-e',
    'dns.flags.rcode',
    '-e',
    'icmp.type',
  ]);
}

test(`${GOOD_LOOKUPS} good lookups give no event`, () => {
  assert.is(afterGood, 0, JSON.stringify(events.slice(0, 5)));
  const answered = lines.filter(({ name, rcode }) => /^n\d+\.good\.test$/.test(name) && rcode === 0);
  assert.is(answered.length, GOOD_LOOKUPS);
  assert.ok(answered.every(({ queries, candidates, answers }) => queries === 1 && candidates === 1 && answers === 1));
});

test('a name that does not exist: one event for the whole search list', () => {
  const [event, ...more] = named('db.shop');
  assert.equal([event?.code, event?.value, event?.causeId, event?.quality], ['00013', 3, 'dns.no-such-name', 1]);
  assert.equal(more, []);
  assert.is(event?.extra.candidates, SEARCH.length + 1);
  assert.equal(
    linesOf('db.shop')
      .map(({ type, rcode, queries, candidates }) => [type, rcode, queries, candidates])
      .sort(),
    [
      ['A', 3, 5, 5],
      ['AAAA', 3, 5, 5],
    ],
  );
  const finding = findings.find(({ title }) => title.startsWith('db.shop'));
  assert.is(finding?.title, 'db.shop does not exist (NXDOMAIN for all 5 candidates)');
  assert.match(finding?.tryNext[0] ?? '', /^Did you mean db\.store/);
  assert.match(event?.pcap ?? '', /db\.shop/);
});

test('a name of the search list that exists is no trouble, and what it costs is told', () => {
  assert.equal(named('db.store'), []);
  assert.ok(linesOf('db.store').some(({ type, rcode, candidates }) => type === 'A' && rcode === 0 && candidates === 2));
  assert.match(report, /db\.store: 4 queries a lookup \(2 names are tried\)/);
});

test('over TCP, and from UDP to TCP', () => {
  const [overTcp] = linesOf('tcp.good.test');
  assert.equal([overTcp?.rcode, overTcp?.answers, overTcp?.queries], [0, 1, 1]);
  assert.equal(named('big.test'), []);
});

test('SERVFAIL and REFUSED', () => {
  const codes = (name: string) => named(name).map(({ code, value, causeId }) => [code, value, causeId]);
  assert.equal(codes('refused.test'), [['00013', 5, 'dns.error.refused']]);
  assert.equal(codes('failing.corp'), [['00013', 2, 'dns.error.servfail']]);
  assert.match(named('refused.test')[0]?.pcap ?? '', /refused\.test\t5/);
});

test('packets are dropped: 00012 in time, once for each query', () => {
  const told = named('dropped.good.test');
  assert.equal(
    told.map(({ code, value, causeId, quality }) => [code, value, causeId, quality]),
    [
      ['00012', 1, 'dns.no-answer', 1],
      ['00012', 2, 'dns.no-answer', 1],
    ],
  );
  const [line] = linesOf('dropped.good.test');
  assert.equal([line?.rcode, line?.queries], [-1, 2]);
  const sentMs = (line?.timeUs ?? 0) / 1000;
  assert.ok(Math.abs(Number(told[0]?.timemillis) - sentMs - DNS_SECONDS * 1_000) < 50);
  assert.ok(noAnswerMs < LATEST_MS, `${noAnswerMs} ms`);
  assert.match(told[0]?.pcap ?? '', /dropped\.good\.test/);
});

test('ICMP port unreachable is told at once, and no 00012 later', () => {
  const told = named('rejected.good.test');
  assert.equal(
    told.map(({ code, value, causeId }) => [code, value, causeId]),
    [['00014', 0x303, 'icmp.port-unreachable']],
  );
});

test('the report says how the resolvers answer', () => {
  assert.match(report, new RegExp(`How resolvers answer ${stage.dnsmasq.ipv4}: `));
  assert.match(report, /p50 \S+ .s, p99/);
});

test.run();
