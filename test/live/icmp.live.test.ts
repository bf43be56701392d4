import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { CauseId } from '../../src/model/cause-id.ts';
import { AgentRun } from '../lab/agent.ts';
import { Lab, type Pod } from '../lab/lab.ts';
import { waitFor } from '../lab/wait.ts';
import { Puppet } from './puppet.ts';
import { Verdict } from './verdict.ts';

const test = suite('What ICMP says, and what it should have said');

/** How the node rejects a SYN, the value of 00014 that comes of it, and what the report says. */
interface Rejection {
  readonly port: number;
  readonly family: 'ipv4' | 'ipv6';
  readonly rejectWith: string;
  readonly value: number;
  readonly causeId: CauseId;
  readonly title: RegExp;
}

const REJECTIONS: readonly Rejection[] = [
  ...(['ipv4', 'ipv6'] as const).flatMap((family, i): Rejection[] => {
    const names =
      family === 'ipv4'
        ? ['icmp-port-unreachable', 'icmp-admin-prohibited', 'icmp-host-unreachable', 'icmp-net-unreachable']
        : ['icmp6-port-unreachable', 'icmp6-adm-prohibited', 'icmp6-addr-unreachable', 'icmp6-no-route'];
    const values = family === 'ipv4' ? [0x303, 0x30d, 0x301, 0x300] : [0x104, 0x101, 0x103, 0x100];
    const causes = ['port-unreachable', 'prohibited', 'host-unreachable', 'net-unreachable'] as const;
    const titles = [
      /^Refused by ICMP: nobody behind /,
      /^Refused by ICMP: a policy rejects /,
      /: host unreachable$/,
      /: network unreachable$/,
    ];
    return causes.map((cause, kind) => ({
      port: 7_401 + 10 * i + kind,
      family,
      rejectWith: names[kind] as string,
      value: values[kind] as number,
      causeId: `icmp.${cause}` as CauseId,
      title: titles[kind] as RegExp,
    }));
  }),
];
const MTU_IGNORED = 7_421;
const BLACK_HOLE_UP = 7_422;
const BLACK_HOLE_DOWN = 7_423;
const SMALL = 7_424;
/** A link on the way takes no more, bytes of IP packet. */
const MTU = 1_000;
/** Tries of each rejected connection: one connects, and once more. */
const TRIES = 2;
const HALF_OPEN_SECONDS = 1;
/** What a client waits for an answer before it closes. */
const PATIENCE_MS = 3_000;
const SMALL_REQUEST = 'GET / HTTP/1.1\r\nHost: shop\r\n\r\n';
const LARGE_REQUEST = `GET /?${'x'.repeat(3_000)} HTTP/1.1\r\nHost: shop\r\n\r\n`;
const LARGE_ANSWER_BYTES = 3_000;

interface Stage {
  readonly lab: Lab;
  readonly client: Pod;
  readonly server: Pod;
  readonly agent: AgentRun;
}

const is = (code: string, port: number) => (event: { readonly code: string; readonly dstPort: number }) =>
  event.code === code && event.dstPort === port;

/** SYNs that the node rejects; what Linux takes for no more than a hint is sent again, until the client gives up. */
async function rejected({ lab, client, server, agent }: Stage, { port, family, rejectWith }: Rejection): Promise<void> {
  const tables = family === 'ipv4' ? 'iptables' : 'ip6tables';
  const match = ['-p', 'tcp', '--dport', String(port), '-j', 'REJECT', '--reject-with', rejectWith];
  lab.node.run(tables, '-w', '-A', 'FORWARD', ...match);
  const script = `require('net').connect(${port}, '${server[family]}').on('error', () => 0); setTimeout(() => process.exit(), 3000)`;
  const tries = Array.from({ length: TRIES }, () => lab.start(client.namespace, [process.execPath, '-e', script]));
  await agent.events(client.hostIndex, is('00014', port), TRIES);
  await Promise.all(tries.map(({ ended }) => ended));
}

/** Large packets to or from a port vanish on the node. */
function blackHole({ lab }: Stage, direction: '--dport' | '--sport', port: number): void {
  const match = ['-p', 'tcp', direction, String(port), '-m', 'length', '--length', `${MTU + 1}:65535`];
  lab.node.run('iptables', '-w', '-A', 'FORWARD', ...match, '-j', 'DROP');
}

/** Sends a small request, which is answered, and one whose packets, or whose answer's, are too large. */
async function largePackets(stage: Stage, port: number, request: string): Promise<void> {
  const { lab, client, server, agent } = stage;
  const puppet = await Puppet.connect(lab, client, server.ipv4, port);
  await puppet.ask(SMALL_REQUEST);
  puppet.send(request);
  await new Promise((resolve) => setTimeout(resolve, PATIENCE_MS)); // what the client waits
  puppet.end();
  await agent.events(client.hostIndex, is('00015', port));
  await puppet.program.stop('SIGKILL');
}

/** The link to the server is narrow, and what the node says of it does not reach the kernel of the client. */
async function mtuIgnored(stage: Stage): Promise<void> {
  const { client, lab } = stage;
  const needed = ['-p', 'icmp', '--icmp-type', 'fragmentation-needed', '-j', 'DROP'];
  client.namespace.run('iptables', '-w', '-A', 'INPUT', ...needed);
  const match = ['-p', 'tcp', '--dport', String(MTU_IGNORED)];
  // its own routing table: only this port's packets go over the narrow route
  lab.node.run('iptables', '-w', '-t', 'mangle', '-A', 'PREROUTING', ...match, '-j', 'MARK', '--set-mark', '1');
  const via = ['via', stage.server.ipv4, 'dev', stage.server.hostInterface];
  lab.node.run('ip', 'route', 'add', 'default', ...via, 'mtu', 'lock', String(MTU), 'table', '7');
  lab.node.run('ip', 'rule', 'add', 'fwmark', '1', 'lookup', '7');
  await largePackets(stage, MTU_IGNORED, LARGE_REQUEST);
}

let verdict: Verdict;

/** Answers each request: with three bytes, or, where it is not the first, with as many as one packet does not take. */
async function serve(lab: Lab, { namespace }: Pod, ports: readonly number[]): Promise<void> {
  const answer = (bytes: number) =>
    `'HTTP/1.1 200 OK\\r\\nContent-Length: ${bytes}\\r\\n\\r\\n' + 'x'.repeat(${bytes})`;
  const script = `for (const port of [${ports}]) require('net').createServer((socket) => {
    let asked = 0;
    socket.on('error', () => 0).on('data', () => socket.write(asked++ === 0 ? ${answer(3)} : ${answer(LARGE_ANSWER_BYTES)}));
  }).listen(port);`;
  const program = lab.start(namespace, [process.execPath, '-e', script]);
  for (const port of ports) await program.waitForListener(port);
}

/** Segments of a real size, not put together by the kernel. */
function cutOnWire({ namespace }: Pod): void {
  namespace.run('ethtool', '-K', 'eth0', 'tso', 'off', 'gso', 'off', 'gro', 'off');
}

test.before(async () => {
  await Lab.use(async (lab) => {
    const [client, server] = [lab.pod(), lab.pod()];
    for (const pod of [client, server]) cutOnWire(pod);
    // each packet that is rejected is answered (icmp(7))
    for (const limit of ['net/ipv4/icmp_ratelimit', 'net/ipv6/icmp/ratelimit']) lab.node.set(limit, 0);
    await serve(lab, server, [MTU_IGNORED, BLACK_HOLE_UP, BLACK_HOLE_DOWN, SMALL]);
    const settings = { EVENT_THROTTLE: 'N', HALF_OPEN_SECONDS };
    const agent = await AgentRun.watch(lab, client, settings);
    const stage = { lab, client, server, agent };
    blackHole(stage, '--dport', BLACK_HOLE_UP);
    blackHole(stage, '--sport', BLACK_HOLE_DOWN);
    const small = await Puppet.connect(lab, client, server.ipv4, SMALL);
    await small.ask(SMALL_REQUEST);
    small.end();
    await small.says(/^closed$/m);
    const outcomes = await Promise.allSettled([
      ...REJECTIONS.map((rejection) => rejected(stage, rejection)),
      largePackets(stage, BLACK_HOLE_UP, LARGE_REQUEST),
      largePackets(stage, BLACK_HOLE_DOWN, SMALL_REQUEST),
      mtuIgnored(stage),
    ]);
    for (const outcome of outcomes) if (outcome.status === 'rejected') console.error(outcome.reason);
    await waitFor('the end of each connection', () => agent.files(client.hostIndex).endFlows.length > 0);
    [verdict] = (await Verdict.of(agent, client)) as [Verdict];
  });
});

for (const { port, family, rejectWith, value, causeId, title } of REJECTIONS) {
  test(`${rejectWith}: told at once, and no 00006 later`, () => {
    const about = verdict.about(port);
    const told = verdict.eventsOf(port).filter(({ code }) => code === '00014');
    assert.equal(
      told.map((event) => [event.value, event.causeId, event.quality]),
      Array(TRIES).fill([value, causeId, 1]),
      about,
    );
    const others = verdict.eventsOf(port).filter(({ code }) => code !== '00014');
    assert.equal(
      others.map(({ code }) => code),
      [],
      about,
    );
    for (const { extra, time, srcPort } of told) {
      assert.ok(extra.icmpFrom !== undefined, about);
      const flow = verdict.endsOf(port).find((end) => end.srcPort === srcPort);
      const beginMs = (flow?.beginSec ?? 0) * 1_000 + (flow?.beginUsec ?? 0) / 1_000;
      assert.ok(Math.abs(Date.parse(time) - beginMs) < 50, `at once\n${about}`);
    }
    assert.ok(family === 'ipv6' || told.every(({ extra }) => /^10\.77\.\d+\.1$/.test(extra.icmpFrom ?? '')), about);
    verdict.finds(port, { causeId, code: '00014', title, failed: TRIES });
  });
}

for (const [name, port, side] of [
  ['to the server', BLACK_HOLE_UP, 0],
  ['to the client', BLACK_HOLE_DOWN, 1],
] as const) {
  test(`a path MTU black hole, packets ${name}`, () => {
    const about = verdict.about(port);
    const [event, ...more] = verdict.eventsOf(port);
    assert.equal([event?.code, event?.causeId, event?.extra.evtSrc], ['00015', 'path-mtu.black-hole', side], about);
    assert.equal(more, [], about);
    assert.ok((event?.value ?? MTU + 1) <= MTU, about);
    assert.ok((event?.extra.lostSize ?? 0) > MTU, about);
    const title = /^Large packets do not get through: /;
    // it is concluded from sizes
    verdict.finds(port, { causeId: 'path-mtu.black-hole', severity: 'suspicious', code: '00015', title, failed: 1 });
  });
}

test('fragmentation needed, and the sender goes on as before', () => {
  const port = MTU_IGNORED;
  const about = verdict.about(port);
  const [event, ...more] = verdict.eventsOf(port);
  assert.equal([event?.code, event?.causeId, event?.value], ['00015', 'path-mtu.ignored', MTU], about);
  assert.equal(more, [], about);
  const title = /^Large packets do not get through: /;
  verdict.finds(port, { causeId: 'path-mtu.ignored', code: '00015', title, failed: 1 });
});

test('a connection of small packets is healthy', () => verdict.findsNothing(SMALL, 1));

test.run();
