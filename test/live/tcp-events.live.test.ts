import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AgentRun } from '../lab/agent.ts';
import { Lab, type Pod } from '../lab/lab.ts';
import type { Namespace } from '../lab/namespace.ts';
import type { EventLine } from '../lab/session-files.ts';
import type { TrafficReport } from '../lab/traffic.ts';
import { waitFor } from '../lab/wait.ts';

const test = suite('TCP events of real traffic');

const ORDERLY = 5_001;
const RESETTING = 5_002;
const SILENT = 5_003;
const NOBODY = 5_004;
const MUFFLED = 5_005;
const SHORT_CONNECTIONS = 20_000;
const RATE = 2_000;
/** How soon an event has to be in the file: generous, as nothing here measures. */
const SOON_MS = 5_000;

const EndType = { fin: 0, reset: 2, stale: 3, halfOpen: 4, stopped: 5 };

/** A client's pod that is watched, and a server's pod that is not. */
async function prepare(lab: Lab, settings: Readonly<Record<string, string | number>> = {}) {
  const [client, server] = [lab.pod(), lab.pod()];
  await Promise.all([
    lab.serve(server.namespace, 'orderly', ORDERLY),
    lab.serve(server.namespace, 'reset', RESETTING),
    lab.serve(server.namespace, 'silent', SILENT),
    lab.serve(server.namespace, 'orderly', MUFFLED),
  ]);
  const agent = await AgentRun.watch(lab, client, { POD_IP: client.ipv4, EVENT_THROTTLE: 'N', ...settings });
  return { client, server, agent };
}

async function traffic(lab: Lab, pod: Pod, ...args: (string | number)[]): Promise<TrafficReport> {
  return JSON.parse(await lab.traffic(pod.namespace, ...args).output()) as TrafficReport;
}

/** An address as the agent writes it (RFC 5952). */
const canonical = (address: string) =>
  address.includes(':') ? new URL(`http://[${address}]/`).hostname.slice(1, -1) : address;

const is = (code: string, port: number) => (event: EventLine) => event.code === code && event.dstPort === port;

for (const family of ['ipv4', 'ipv6'] as const) {
  test(`orderly, refused, reset, over ${family}`, async () => {
    await Lab.use(async (lab) => {
      const { client, server, agent } = await prepare(lab, { POD_IP: '' });
      const address = server[family];
      const orderly = await traffic(lab, client, 'orderly', address, ORDERLY, 3);
      const refused = await traffic(lab, client, 'refused', address, NOBODY, 2);
      await traffic(lab, client, 'reset', address, ORDERLY, 2);
      await traffic(lab, client, 'reset', address, RESETTING, 2);
      await agent.events(client.hostIndex, is('00009', NOBODY), 2, SOON_MS);
      await agent.events(client.hostIndex, is('00002', ORDERLY), 2, SOON_MS);
      const [reset] = await agent.events(client.hostIndex, is('00002', RESETTING), 2, SOON_MS);
      assert.is(reset?.srcIP, canonical(client[family]));
      assert.is(reset?.dstIP, canonical(address));
      assert.is(reset?.nodeIP, 0, 'the pod is known by the direction of the packets');
      assert.is(reset?.extra.evtSrc, 1);
      assert.ok((reset?.latency ?? 0) > 0);
      assert.equal(refused.errors, { ECONNREFUSED: 2 });
      const { status } = await agent.stop();
      assert.is(status, 0, agent.transcript());

      const { flows, endFlows, events } = agent.files(client.hostIndex);
      assert.is(flows.length, 9);
      assert.is(endFlows.length, 9);
      const ends = (port: number) => endFlows.filter((line) => line.dstPort === port);
      const whole = ends(ORDERLY).filter((line) => line.endType === EndType.fin);
      assert.equal(whole.map((line) => line.srcPort).sort(), [...orderly.localPorts].sort());
      for (const line of whole) {
        assert.is(line.dataTo, 'ping\n'.length);
        assert.is(line.dataFrom, 'pong\n'.length);
        assert.is(line.evtSrc, 0);
        assert.is(line.quality, 1);
        assert.ok(line.latency1 > 0 && line.latency2 > 0);
      }
      const byClient = ends(ORDERLY).filter((line) => line.endType === EndType.reset);
      assert.equal(
        byClient.map((line) => line.evtSrc),
        [0, 0],
      );
      for (const port of [RESETTING, NOBODY]) {
        assert.equal(
          ends(port).map((line) => [line.endType, line.evtSrc]),
          [
            [EndType.reset, 1],
            [EndType.reset, 1],
          ],
        );
      }
      assert.is(events.length, 6, 'and nothing else happened');
      assert.ok(events.every((event) => event.quality === 1));
    });
  });
}

test('a black-holed SYN, a half-open connection, a stale one', async () => {
  await Lab.use(async (lab) => {
    const delays = { HALF_OPEN_SECONDS: 3, STALE_SECONDS: 2, STALE2_SECONDS: 5 };
    const { client, server, agent } = await prepare(lab, delays);
    const nowhere = lab.blackHole(client);
    lab.dropSynAcks(client, MUFFLED);
    const going = [
      lab.traffic(client.namespace, 'half-open', nowhere, ORDERLY, 1, 100, 8),
      lab.traffic(client.namespace, 'half-open', server.ipv4, MUFFLED, 1, 100, 8),
      lab.traffic(client.namespace, 'half-open', server.ipv4, SILENT, 1, 100, 10),
    ];
    const index = client.hostIndex;
    const repeats = await agent.events(index, (event) => event.code === '00001' && event.dstIP === nowhere, 2, 15_000);
    assert.equal(
      repeats.slice(0, 2).map((event) => event.value),
      [1, 2],
    );
    const [black] = await agent.events(index, (event) => event.code === '00006' && event.dstIP === nowhere, 1, 15_000);
    assert.is(black?.value, 0);
    assert.is(black?.nodeIP, 0);
    const [half] = await agent.events(index, is('00006', MUFFLED), 1, 15_000);
    assert.is(half?.value, 1);
    const [stale] = await agent.events(index, is('00007', SILENT), 1, 15_000);
    assert.is(stale?.value, 1, 'the server has heard, and owes an answer');
    await agent.events(index, is('00008', SILENT), 1, 15_000);
    await Promise.all(going.map((client) => client.ended));
    const { status } = await agent.stop();
    assert.is(status, 0, agent.transcript());
    const { endFlows, flows } = agent.files(index);
    const endOf = (dstIP: string, port: number) =>
      endFlows.find((line) => line.dstIP === dstIP && line.dstPort === port);
    assert.is(flows.length, 3);
    assert.is(endFlows.length, 3);
    assert.is(endOf(nowhere, ORDERLY)?.endType, EndType.stopped, 'it was still half-open');
    assert.is(endOf(nowhere, ORDERLY)?.quality, 1);
    assert.is(endOf(server.ipv4, SILENT)?.endType, EndType.stale);
    assert.is(endOf(server.ipv4, SILENT)?.dataTo, 'ping\n'.length);
  });
});

test('a connection that was there before is followed, and said to be so', async () => {
  await Lab.use(async (lab) => {
    const [client, server] = [lab.pod(), lab.pod()];
    await lab.serve(server.namespace, 'orderly', ORDERLY);
    const holder = lab.traffic(client.namespace, 'hold', server.ipv4, ORDERLY);
    // the answer has come and was read: with something unread, the kernel would end the connection by a reset
    const answered = () =>
      /^0 .*\n.* bytes_received:5 /.test(client.namespace.run('ss', '-tinH', 'state', 'established'));
    await waitFor('the connection', answered);
    const agent = await AgentRun.watch(lab, client);
    await holder.stop();
    const { hostIndex } = client;
    await waitFor('its end', () => agent.files(hostIndex).endFlows.length > 0, { describe: () => agent.transcript() });
    await agent.stop();
    const [end] = agent.files(hostIndex).endFlows;
    assert.is(end?.srcIP, client.ipv4);
    assert.is(end?.dstPort, ORDERLY);
    assert.is(end?.endType, EndType.fin);
    assert.is(end?.latency1, 0);
    assert.is(end?.quality, 0);
  });
});

test('two sessions of one agent, both ends of one connection', async () => {
  await Lab.use(async (lab) => {
    const [client, server] = [lab.pod(), lab.pod()];
    await lab.serve(server.namespace, 'reset', RESETTING);
    const pair = AgentRun.start(lab, lab.node);
    pair.configure({ INTERFACE_INDEX_SNIF: client.hostIndex }, '.client');
    pair.configure({ INTERFACE_INDEX_SNIF: server.hostIndex }, '.server');
    await Promise.all([pair.capturing(client.hostIndex), pair.capturing(server.hostIndex)]);
    await traffic(lab, client, 'reset', server.ipv4, RESETTING, 3);
    for (const [pod, nodeIP] of [
      [client, 0],
      [server, 1],
    ] as const) {
      const events = await pair.events(pod.hostIndex, is('00002', RESETTING), 3, SOON_MS);
      assert.ok(events.every((event) => event.nodeIP === nodeIP && event.if === pod.hostInterface));
    }
    const { status } = await pair.stop();
    assert.is(status, 0, pair.transcript());
    for (const pod of [client, server]) assert.is(pair.files(pod.hostIndex).endFlows.length, 3);
  });
});

test('SIGTERM and SIGINT: what is open is listed, within 5 s, with status 0', async () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    await Lab.use(async (lab) => {
      const { client, server, agent } = await prepare(lab);
      const count = 50;
      lab.traffic(client.namespace, 'hold', server.ipv4, ORDERLY, count);
      const { hostIndex } = client;
      await waitFor('its flows', () => agent.files(hostIndex).flows.length === count, {
        describe: () => agent.transcript(),
      });
      const begin = performance.now();
      const { status } = await agent.stop(signal);
      assert.is(status, 0, agent.transcript());
      assert.ok(performance.now() - begin < 5_000);
      const { endFlows, log } = agent.files(hostIndex);
      assert.is(endFlows.length, count);
      assert.ok(endFlows.every((line) => line.endType === EndType.stopped));
      assert.ok(log.some(({ msg }) => msg === 'session ended'));
    });
  }
});

/** SYNs that the kernel sent again in a namespace (TcpExt TCPSynRetrans of netstat). */
function repeatedSyns(namespace: Namespace): number {
  const [names = '', values = ''] = namespace.run('grep', '^TcpExt:', '/proc/self/net/netstat').split('\n');
  return Number(values.split(' ')[names.split(' ').indexOf('TCPSynRetrans')]);
}

test(`${SHORT_CONNECTIONS} short connections: a line in flows and in end_flows for each`, async () => {
  await Lab.use(async (lab) => {
    const { client, server, agent } = await prepare(lab);
    client.namespace.set('net/ipv4/ip_local_port_range', '1024 65535'); // enough for all
    const report = await traffic(lab, client, 'orderly', server.ipv4, ORDERLY, SHORT_CONNECTIONS, RATE);
    assert.is(report.connections, SHORT_CONNECTIONS);
    assert.equal(report.errors, {});
    const { status } = await agent.stop();
    assert.is(status, 0, agent.transcript());
    const { flows, endFlows, events } = agent.files(client.hostIndex);
    assert.is(flows.length, SHORT_CONNECTIONS);
    assert.is(endFlows.length, SHORT_CONNECTIONS);
    const begins = new Set(endFlows.map(({ srcPort, beginSec, beginUsec }) => `${srcPort} ${beginSec} ${beginUsec}`));
    assert.is(begins.size, SHORT_CONNECTIONS);
    assert.ok(endFlows.every((line) => line.endType === EndType.fin && line.quality === 1));
    // none, unless the kernel itself says that it repeated SYNs: a busy machine may lose them between the namespaces
    assert.ok(
      events.every(({ code }) => code === '00001'),
      JSON.stringify(events.slice(0, 3)),
    );
    assert.ok(events.length <= repeatedSyns(client.namespace), `${events.length} events`);
  });
});

test.run();
