import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AgentRun } from '../lab/agent.ts';
import { Lab, type Pod } from '../lab/lab.ts';
import { type ProcessFlowLine, readEbpfLog, readProcessFlows } from '../lab/session-files.ts';
import { waitFor } from '../lab/wait.ts';
import { type Acted, act, assertOwner, linesOf, PORT, serve, twins } from './naming-lab.ts';

const test = suite('processes, with eBPF');

const CONNECTIONS = 10_000;
const RATE = 1_000;
/** More than the ring has room for: 1 MiB of records of 128 bytes. */
const TOO_MANY = 9_500;

/** Waits until eBPF helps the session on an interface. */
async function seeing(agent: AgentRun, interfaceIndex: number, times = 1): Promise<void> {
  const directory = agent.sessionDirectory(interfaceIndex);
  const count = () => readEbpfLog(directory).filter(({ msg }) => msg.startsWith('eBPF sees')).length;
  await waitFor('eBPF at work', () => count() >= times, { describe: () => agent.transcript() });
}

/** An agent with eBPF on one pod. */
async function watch(lab: Lab, pod: Pod): Promise<AgentRun> {
  const agent = await AgentRun.watch(lab, pod, { USE_EBPF: 'Y' });
  await seeing(agent, pod.hostIndex);
  return agent;
}

const tracedLines = (agent: AgentRun, interfaceIndex: number, port: number): ProcessFlowLine[] =>
  readProcessFlows(agent.sessionDirectory(interfaceIndex)).filter(({ dstPort }) => dstPort === port);

for (const family of ['ipv4', 'ipv6'] as const) {
  test(`connections too short for /proc, opened and served, over ${family}`, async () => {
    await Lab.use(async (lab) => {
      const [pod, other] = [lab.pod(), lab.pod()];
      await serve(lab, other.namespace, 'threaded', other[family]);
      const servers = ['plain', 'forking', 'preforked', 'threaded'].map((kind, i) => ({ kind, port: PORT + 1 + i }));
      for (const { kind, port } of servers) await serve(lab, pod.namespace, kind, pod[family], port);
      const agent = await watch(lab, pod);
      const plain = await act(lab, pod.namespace, 'plain', other[family], PORT, 20);
      const threads = await act(lab, pod.namespace, 'threaded', other[family], PORT, 20);
      const vanished = await act(lab, pod.namespace, 'vanish', other[family], PORT, 20);
      const served = new Map<number, Acted>();
      for (const { port } of servers)
        served.set(port, await act(lab, other.namespace, 'plain', pod[family], port, 10, 100, 0.001));
      await agent.stop();

      for (const { pid, ports } of [plain, threads]) {
        for (const port of ports) assertOwner(linesOf(agent, pod.hostIndex, port), pid, process.pid);
      }
      const parent = Number(vanished.pid);
      for (const [i, port] of vanished.ports.entries()) {
        assertOwner(linesOf(agent, pod.hostIndex, port), vanished.said[i] as number, parent);
      }
      assert.is(tracedLines(agent, pod.hostIndex, PORT).length, 60);
      for (const { port: serverPort } of servers) {
        const { ports, said } = served.get(serverPort) as Acted;
        const traced = tracedLines(agent, pod.hostIndex, serverPort); // forked children come in any order
        assert.is(traced.length, ports.length);
        for (const [i, port] of ports.entries()) {
          const lines = linesOf(agent, pod.hostIndex, port, serverPort);
          const { tgid } = traced.find(({ srcPort }) => srcPort === port) ?? {};
          assert.equal([lines[0]?.pid, lines[1]?.pid, tgid], [said[i], said[i], said[i]]);
        }
      }
    });
  });
}

test('10,000 connections at 1,000 a second are 10,000 lines with the right process', async () => {
  await Lab.use(async (lab) => {
    const [pod, other] = [lab.pod(), lab.pod()];
    pod.namespace.set('net/ipv4/ip_local_port_range', '1024 65535');
    await serve(lab, other.namespace, 'mute', other.ipv4);
    const agent = await watch(lab, pod);
    const { pid } = await act(lab, pod.namespace, 'many', other.ipv4, PORT, CONNECTIONS, RATE, 0);
    const ended = () => agent.files(pod.hostIndex).endFlows.length === CONNECTIONS;
    await waitFor('all lines', ended, { intervalMs: 200, describe: () => agent.transcript() });
    await agent.stop();
    const lines = tracedLines(agent, pod.hostIndex, PORT);
    assert.is(lines.length, CONNECTIONS);
    assert.ok(lines.every(({ tgid, ppid, comm }) => tgid === pid && ppid === process.pid && comm === 'python3'));
    assert.is(new Set(lines.map(({ srcPort }) => srcPort)).size, CONNECTIONS);
    const { flows, endFlows } = agent.files(pod.hostIndex);
    for (const named of [flows, endFlows]) assert.is(named.filter((line) => line.pid === pid).length, CONNECTIONS);
  });
});

test('a SYN that nobody answers, and a connection that is refused, are named at once', async () => {
  await Lab.use(async (lab) => {
    const [pod, other] = [lab.pod(), lab.pod()];
    const nowhere = lab.blackHole(pod);
    const agent = await watch(lab, pod);
    const half = lab.traffic(pod.namespace, 'half-open', nowhere, PORT, 1, 100, 3);
    const refused = lab.traffic(pod.namespace, 'refused', other.ipv4, PORT);
    const [repeated] = await agent.events(pod.hostIndex, ({ code }) => code === '00001');
    const [answered] = await agent.events(pod.hostIndex, ({ code }) => code === '00009');
    assert.is(repeated?.pid, `${half.pid}`);
    assert.match(repeated?.cmd ?? '', /traffic\.js half-open/);
    assert.is(answered?.pid, `${refused.pid}`);
    await agent.stop();
  });
});

test('each pod has its own, also with the same addresses and ports; USE_EBPF is applied hot, and to its session only', async () => {
  await Lab.use(async (lab) => {
    const pairs = [0, 1].map((number) => twins(lab, number));
    for (const { peer } of pairs) await serve(lab, peer, 'mute', '10.9.9.3');
    const agent = AgentRun.start(lab, lab.node);
    const configure = (i: number, ebpf: string) =>
      agent.configure({ INTERFACE_INDEX_SNIF: pairs[i]?.hostIndex ?? 0, USE_EBPF: ebpf }, `.pod${i}`);
    configure(0, 'N');
    configure(1, 'Y');
    for (const { hostIndex } of pairs) await agent.capturing(hostIndex);
    const [first, second] = pairs.map(({ hostIndex }) => hostIndex) as [number, number];
    await seeing(agent, second);
    const connect = (port: number) =>
      Promise.all(pairs.map(({ pod }) => act(lab, pod, 'plain', '10.9.9.3', PORT, 1, 1, 0, port)));
    const pids = [await connect(41_000)];
    configure(0, 'Y');
    await seeing(agent, first);
    pids.push(await connect(41_001));
    configure(1, 'N');
    const isOff = () => readEbpfLog(agent.sessionDirectory(second)).some(({ msg }) => msg.includes('no longer'));
    await waitFor('eBPF off', isOff);
    pids.push(await connect(41_002));
    await agent.stop();
    const traced = (index: number) => tracedLines(agent, index, PORT).map(({ tgid, srcPort }) => [srcPort, tgid]);
    assert.equal(traced(first), [
      [41_001, pids[1]?.[0]?.pid],
      [41_002, pids[2]?.[0]?.pid],
    ]);
    assert.equal(traced(second), [
      [41_000, pids[0]?.[1]?.pid],
      [41_001, pids[1]?.[1]?.pid],
    ]);
    for (const { hostIndex } of pairs) assert.is(agent.files(hostIndex).flows.length, 3);
  });
});

test('records there is no room for are counted and said', async () => {
  await Lab.use(async (lab) => {
    const [pod, other] = [lab.pod(), lab.pod()];
    pod.namespace.set('net/ipv4/ip_local_port_range', '1024 65535');
    await serve(lab, other.namespace, 'mute', other.ipv4);
    const agent = await watch(lab, pod);
    agent.program.child.kill('SIGSTOP');
    await act(lab, pod.namespace, 'many', other.ipv4, PORT, TOO_MANY, 5_000, 0);
    agent.program.child.kill('SIGCONT');
    await agent.stop();
    const lines = tracedLines(agent, pod.hostIndex, PORT).length;
    const { log } = agent.files(pod.hostIndex);
    const told = log.filter(({ msg }) => msg.startsWith('eBPF had no room'));
    assert.is(told.length, 1, agent.transcript());
    assert.is(lines + Number(told[0]?.['lost']), TOO_MANY);
    assert.ok(lines < TOO_MANY);
  });
});

test.run();
