import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AgentRun } from '../lab/agent.ts';
import { Lab, type Pod } from '../lab/lab.ts';
import { Puppet } from './puppet.ts';
import { Verdict } from './verdict.ts';

const test = suite('Answers from an address that was not asked');

/** Addresses of a Service, which the node translates to the backend's. */
const SERVICE = { ipv4: '10.96.0.10', ipv6: 'fd00:96::10' } as const;
const FAMILIES = ['ipv4', 'ipv6'] as const;
/** Ports of the Service; the backend listens 1,000 above. */
const GOOD = 6_001;
const UNTRANSLATED = 6_002;
const POISONED = 6_003;
const backendPort = (port: number) => port + 1_000;
/** A segment with this text is not translated on its way back, as one that conntrack takes for INVALID. */
const POISON = 'POISON';
const HALF_OPEN_SECONDS = 2;

type Family = (typeof FAMILIES)[number];

const tables = (family: Family) => (family === 'ipv4' ? 'iptables' : 'ip6tables');

/** Lets the node translate the Service's addresses, and leave out some packets on their way back. */
function translate(lab: Lab, backend: Pod): void {
  for (const family of FAMILIES) {
    const rule = (...argv: string[]) => lab.node.run(tables(family), '-w', ...argv);
    for (const port of [GOOD, UNTRANSLATED, POISONED]) {
      const address = family === 'ipv4' ? backend.ipv4 : `[${backend.ipv6}]`;
      const to = ['-j', 'DNAT', '--to-destination', `${address}:${backendPort(port)}`];
      const match = ['-d', SERVICE[family], '-p', 'tcp', '--dport', String(port)];
      rule('-t', 'nat', '-A', 'PREROUTING', ...match, ...to);
    }
    const back = ['-t', 'raw', '-A', 'PREROUTING', '-i', backend.hostInterface, '-p', 'tcp', '--sport'];
    rule(...back, String(backendPort(UNTRANSLATED)), '-j', 'CT', '--notrack');
    const isPoisoned = ['-m', 'string', '--algo', 'bm', '--string', POISON];
    rule(...back, String(backendPort(POISONED)), ...isPoisoned, '-j', 'CT', '--notrack');
  }
}

/** Answers what it is told to. */
async function serve(lab: Lab, backend: Pod): Promise<void> {
  const ports = [GOOD, UNTRANSLATED, POISONED].map(backendPort);
  const script = `for (const port of [${ports}]) require('net').createServer((socket) =>
    socket.on('error', () => 0).on('data', (bytes) => socket.write(bytes))).listen(port, '::');`;
  const program = lab.start(backend.namespace, [process.execPath, '-e', script]);
  for (const port of ports) await program.waitForListener(port);
}

const verdicts = new Map<Family, Verdict>();
let backendAddress: Record<Family, string>;

const is = (code: string, port: number) => (event: { readonly code: string; readonly dstPort: number }) =>
  event.code === code && event.dstPort === port;

async function suffer(lab: Lab, agent: AgentRun, client: Pod, family: Family): Promise<void> {
  const address = SERVICE[family];
  const argv = [process.execPath, '-e', `require('net').connect(${UNTRANSLATED}, '${address}')`];
  const waiting = [1, 2].map(() => lab.start(client.namespace, argv));
  const good = await Puppet.connect(lab, client, address, GOOD);
  await good.ask('hello\n');
  good.end();
  await good.says(/^closed$/m);
  const puppet = await Puppet.connect(lab, client, address, POISONED);
  await puppet.ask('hello\n');
  puppet.send(`${POISON}\n`);
  await agent.events(client.hostIndex, is('00023', POISONED));
  await agent.events(client.hostIndex, is('00023', UNTRANSLATED), 2);
  // what is half-open is told by now
  await new Promise((resolve) => setTimeout(resolve, HALF_OPEN_SECONDS * 1_000));
  for (const program of waiting) await program.stop('SIGKILL');
}

test.before(async () => {
  await Lab.use(async (lab) => {
    const backend = lab.pod();
    const clients = { ipv4: lab.pod(), ipv6: lab.pod() };
    backendAddress = { ipv4: backend.ipv4, ipv6: `[${new URL(`http://[${backend.ipv6}]/`).hostname.slice(1, -1)}]` };
    translate(lab, backend);
    await serve(lab, backend);
    const agent = AgentRun.start(lab, lab.node);
    for (const family of FAMILIES) {
      const { hostIndex } = clients[family];
      const settings = { POD_IP: clients[family][family], EVENT_THROTTLE: 'N', HALF_OPEN_SECONDS };
      agent.configure({ INTERFACE_INDEX_SNIF: hostIndex, ...settings }, `.${family}`);
    }
    await Promise.all(FAMILIES.map((family) => agent.capturing(clients[family].hostIndex)));
    const outcomes = await Promise.allSettled(FAMILIES.map((family) => suffer(lab, agent, clients[family], family)));
    for (const outcome of outcomes) if (outcome.status === 'rejected') console.error(outcome.reason);
    const [ipv4, ipv6] = (await Verdict.of(agent, clients.ipv4, clients.ipv6)) as [Verdict, Verdict];
    verdicts.set('ipv4', ipv4).set('ipv6', ipv6);
  });
});

for (const family of FAMILIES) {
  for (const [name, port, causeId, count] of [
    ['the SYN-ACK comes from the backend', UNTRANSLATED, 'tcp.foreign.answer', 2],
    ['a segment of an open connection comes from the backend', POISONED, 'tcp.foreign.packet', 1],
  ] as const) {
    test(`${name}, ${family}`, () => {
      const verdict = verdicts.get(family) as Verdict;
      const about = verdict.about(port);
      const told = verdict.eventsOf(port).filter(({ code }) => code === '00023');
      assert.is(told.length, count, about);
      for (const event of told) {
        assert.is(event.value, backendPort(port), about);
        assert.is(event.causeId, causeId, about);
        assert.is(event.extra.stranger, `${backendAddress[family]}:${backendPort(port)}`, about);
        assert.is(event.nodeIP, 0, about);
        assert.is(event.quality, 1, about);
        assert.ok(event.pcap !== undefined, about);
      }
      const others = verdict.eventsOf(port).filter((event) => event.code !== '00023' && event.quality === 1);
      assert.ok(
        others.every((event) => event.causeId.startsWith('tcp.foreign.')),
        about,
      );
      const title = /^What .* answers comes from another address$/;
      const { cause } = verdict.finds(port, { causeId, code: '00023', title, failed: count });
      assert.ok(cause.includes(`${backendAddress[family]}:${backendPort(port)}`), cause);
      assert.equal(verdict.eventsOf(backendPort(port)), [], 'nothing is told of the stranger itself');
      assert.equal(verdict.findingsOf(backendPort(port)), [], 'nothing is found of the stranger itself');
    });
  }

  test(`a Service whose answers are translated, ${family}`, () => {
    verdicts.get(family)?.findsNothing(GOOD, 1);
  });
}

test.run();
