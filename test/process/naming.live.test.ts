import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AGENT, AgentRun } from '../lab/agent.ts';
import { Lab, type Pod } from '../lab/lab.ts';
import type { Program } from '../lab/program.ts';
import { type FlowLine, readEndFlows, readLog } from '../lab/session-files.ts';
import { waitFor } from '../lab/wait.ts';
import { ACTORS, act, assertOwner, type Held, hold, linesOf, PORT, serve, twins } from './naming-lab.ts';

const test = suite('processes, without eBPF');

const isNamed = ({ pid }: { readonly pid: number }) => pid > 0;

/** Waits for lines of flows: by then those connections are named, or never will be. */
async function flows(agent: AgentRun, interfaceIndex: number, count: number): Promise<FlowLine[]> {
  return waitFor(
    `${count} flows`,
    () => {
      const lines = agent.files(interfaceIndex).flows;
      return lines.length >= count && lines;
    },
    { describe: () => agent.transcript() },
  );
}

for (const family of ['ipv4', 'ipv6'] as const) {
  test(`connections the pod opens and accepts, over ${family}`, async () => {
    await Lab.use(async (lab) => {
      const [pod, other] = [lab.pod(), lab.pod()];
      await serve(lab, other.namespace, 'threaded', other[family]);
      const servers: [number, Program][] = [];
      for (const [i, kind] of ['plain', 'forking', 'preforked', 'threaded'].entries()) {
        servers.push([PORT + 1 + i, await serve(lab, pod.namespace, kind, pod[family], PORT + 1 + i)]);
      }
      const agent = await AgentRun.watch(lab, pod);
      const opened = await hold(lab, pod.namespace, 'threaded', other[family], { count: 5 });
      await flows(agent, pod.hostIndex, 5);
      const accepted: { serverPort: number; server: Program; held: Held }[] = [];
      for (const [serverPort, server] of [...servers, ...servers]) {
        const held = await hold(lab, other.namespace, 'plain', pod[family], { port: serverPort });
        accepted.push({ serverPort, server, held });
        await flows(agent, pod.hostIndex, 5 + accepted.length);
        await held.program.stop(); // some servers have one at a time
      }
      await opened.program.stop();
      await agent.stop();

      for (const port of opened.ports) assertOwner(linesOf(agent, pod.hostIndex, port), opened.pid, process.pid);
      for (const { serverPort, server, held } of accepted) {
        const [port, accepting] = [held.ports[0] as number, held.said[0] as number]; // the process that answered
        const parent = accepting === server.pid ? process.pid : server.pid;
        assertOwner(linesOf(agent, pod.hostIndex, port, serverPort), accepting, parent);
      }
    });
  });
}

test('connections that were there before the agent, in both directions', async () => {
  await Lab.use(async (lab) => {
    const [pod, other] = [lab.pod(), lab.pod()];
    await serve(lab, other.namespace, 'threaded', other.ipv4);
    const server = await serve(lab, pod.namespace, 'threaded', pod.ipv4);
    const opened = await hold(lab, pod.namespace, 'plain', other.ipv4);
    const accepted = await hold(lab, other.namespace, 'plain', pod.ipv4);
    const agent = await AgentRun.watch(lab, pod);
    // one that comes later has a name once it was looked who has those that were there
    let later = 0;
    const isLaterNamed = async () => {
      const { program } = await hold(lab, pod.namespace, 'plain', other.ipv4);
      const lines = await flows(agent, pod.hostIndex, ++later);
      await program.stop();
      return lines.some(isNamed);
    };
    await waitFor('the first look to be over', isLaterNamed, { timeoutMs: 30_000 });
    await Promise.all([opened.program.stop(), accepted.program.stop()]);
    await flows(agent, pod.hostIndex, later + 2);
    await agent.stop();
    // which end began is not known: found by both ports
    const lineOf = (port: number) =>
      agent.files(pod.hostIndex).flows.filter((line) => line.srcPort === port || line.dstPort === port);
    assertOwner(lineOf(opened.ports[0] as number), opened.pid, process.pid);
    assertOwner(lineOf(accepted.ports[0] as number), server.pid, process.pid);
  });
});

test('an event names its process, its command line without secrets, and its id in the pod', async () => {
  await Lab.use(async (lab) => {
    const [pod, other] = [lab.pod(), lab.pod()];
    await lab.serve(other.namespace, 'silent', PORT);
    const agent = await AgentRun.watch(lab, pod, { FOLLOW_PORT: PORT, EVENT_THROTTLE: 'N' });
    const script =
      'import os,socket,signal,sys,struct\n' +
      `s=socket.create_connection(("${other.ipv4}",${PORT}));sys.stdin.read()\n` +
      's.setsockopt(socket.SOL_SOCKET,socket.SO_LINGER,struct.pack("ii",1,0));s.close();signal.pause()';
    const argv = ['unshare', '--pid', '--fork', '--kill-child', 'python3', '-c', script, '--password', 'hunter2'];
    const contained = lab.start(pod.namespace, argv, { stdio: ['pipe', 'pipe', 'pipe'] });
    await flows(agent, pod.hostIndex, 1);
    contained.child.stdin?.end();
    const [event] = await agent.events(pod.hostIndex, ({ code }) => code === '00002');
    const child = Number(readFileSync(`/proc/${contained.pid}/task/${contained.pid}/children`, 'utf8'));
    assert.is(event?.pid, `${child}`);
    assert.is(event?.podPid, '1');
    assert.is(event?.processName, 'python3');
    assert.match(event?.cmd ?? '', /python3 -c import os,socket.* --password \*\*\*$/);
    assert.ok(Buffer.byteLength(event?.cmd ?? '') <= 256);
    const plain = await act(lab, pod.namespace, 'plain', other.ipv4, PORT + 1, 1, 1, 0).catch(() => null);
    assert.is(plain, null, 'nobody listens there');
    const [refused] = await agent.events(pod.hostIndex, ({ code }) => code === '00009');
    assert.ok(['-1', 'python3'].includes(refused?.pid === '-1' ? '-1' : (refused?.processName ?? '')));
    await agent.stop();
  });
});

test('naming does not keep the interface of a pod that was deleted', async () => {
  await Lab.use(async (lab) => {
    const [pod, other] = [lab.pod(), lab.pod()];
    await serve(lab, other.namespace, 'threaded', other.ipv4);
    const agent = await AgentRun.watch(lab, pod, { USE_EBPF: 'Y' });
    await hold(lab, pod.namespace, 'plain', other.ipv4);
    await flows(agent, pod.hostIndex, 1);
    pod.namespace.remove();
    await agent.events(pod.hostIndex, ({ code }) => code === '00011');
    await agent.stop();
  });
});

test('two pods with the same addresses and ports are told apart', async () => {
  await Lab.use(async (lab) => {
    const pairs = [0, 1].map((number) => twins(lab, number));
    const servers = await Promise.all(pairs.map(({ pod }) => serve(lab, pod, 'threaded', '10.9.9.2')));
    for (const { peer } of pairs) await serve(lab, peer, 'threaded', '10.9.9.3');
    const agent = AgentRun.start(lab, lab.node);
    for (const [i, { hostIndex }] of pairs.entries()) agent.configure({ INTERFACE_INDEX_SNIF: hostIndex }, `.pod${i}`);
    for (const { hostIndex } of pairs) await agent.capturing(hostIndex);
    const opened = await Promise.all(
      pairs.map(({ pod }) => hold(lab, pod, 'plain', '10.9.9.3', { sourcePort: 41_000 })),
    );
    await Promise.all(pairs.map(({ peer }) => hold(lab, peer, 'plain', '10.9.9.2', { sourcePort: 42_000 })));
    for (const { hostIndex } of pairs) await flows(agent, hostIndex, 2);
    await agent.stop();
    for (const [i, { hostIndex }] of pairs.entries()) {
      assertOwner(linesOf(agent, hostIndex, 41_000), opened[i]?.pid ?? 0, process.pid);
      assertOwner(linesOf(agent, hostIndex, 42_000), servers[i]?.pid ?? 0, process.pid);
    }
  });
});

/** A loop in a shell that connects to a server again and again; each connection is there long enough to be seen. */
const again = ({ ipv4 }: Pod) => `while :; do python3 ${ACTORS} connect threaded ${ipv4} ${PORT} 5 100 0.6; done`;

/** Runs an agent as a sidecar, with a pid namespace and a /proc of its own, and `command` beside it; gives its log. */
async function sidecar(lab: Lab, pod: Pod, command: string, seen: (directory: string) => boolean): Promise<string> {
  const directory = mkdtempSync(join(lab.directory, 'sidecar-'));
  const index = pod.namespace.indexOf('eth0');
  writeFileSync(join(directory, 'dlltagent_searchpod'), `INTERFACE_INDEX_SNIF=${index}\nCAPTURE_SIDE=pod\n`);
  const shell = `${command} exec "$0" "$@"`;
  const argv = [
    'unshare',
    '--pid',
    '--fork',
    '--kill-child',
    '--mount-proc',
    'sh',
    '-c',
    shell,
    process.execPath,
    AGENT,
  ];
  const env = { ...process.env, DLLT_CONFIG_DIR: directory, LOG_DIR: directory };
  const program = lab.start(pod.namespace, argv, { env });
  const logs = join(directory, `dllt${index}`);
  const describe = () => program.stdout + program.stderr;
  await waitFor('what the sidecar has to say', () => seen(logs), { timeoutMs: 30_000, describe });
  return logs;
}

test('behind a /proc with hidepid it is said once, and lines go on without names', async () => {
  await Lab.use(async (lab) => {
    const [pod, other] = [lab.pod(), lab.pod()];
    await serve(lab, other.namespace, 'threaded', other.ipv4);
    const hidden = 'mount -t proc -o hidepid=2,gid=65534 proc /proc && exec "$@"';
    const caps = ['setpriv', '--bounding-set', '-sys_ptrace,-dac_read_search,-dac_override'];
    const prefix = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', hidden, 'sh', ...caps];
    const agent = await AgentRun.watch(lab, pod, {}, {}, prefix);
    const { ports } = await hold(lab, pod.namespace, 'threaded', other.ipv4, { count: 20 });
    const told = () => agent.files(pod.hostIndex).log.filter(({ msg }) => msg.startsWith('Cannot name the pod'));
    await waitFor('what is missing', () => told().length > 0, {
      timeoutMs: 30_000,
      describe: () => agent.transcript(),
    });
    await agent.stop();
    for (const port of ports) assert.is(linesOf(agent, pod.hostIndex, port)[0]?.pid, -1);
    assert.is(told().length, 1, agent.transcript());
    assert.match(told()[0]?.msg ?? '', /no process of it can be seen; .* CAP_SYS_PTRACE/);
  });
});

test('an agent that may not look into processes of other users says once what it needs', async () => {
  await Lab.use(async (lab) => {
    const [pod, other] = [lab.pod(), lab.pod()];
    await lab.serve(other.namespace, 'silent', PORT);
    const agent = await AgentRun.watch(lab, pod, {}, {}, [
      'setpriv',
      '--bounding-set',
      '-dac_read_search,-dac_override',
    ]);
    const urls = new Array<string>(5).fill(`http://${other.ipv4}:${PORT}/`);
    const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    lab.start(pod.namespace, [...nobody, 'curl', '-s', '--parallel', '--parallel-immediate', ...urls]);
    const told = () => agent.files(pod.hostIndex).log.filter(({ msg }) => msg.startsWith('Cannot name processes'));
    await waitFor('what is missing', () => told().length > 0, { describe: () => agent.transcript() });
    await agent.stop();
    assert.equal(
      told().map(({ msg }) => msg),
      ['Cannot name processes: those of other users cannot be looked into; the agent needs CAP_DAC_READ_SEARCH'],
    );
  });
});

test('a sidecar names the processes of a pod that shares its process namespace', async () => {
  await Lab.use(async (lab) => {
    const [pod, other] = [lab.pod(), lab.pod()];
    await serve(lab, other.namespace, 'threaded', other.ipv4);
    const directory = await sidecar(lab, pod, `(${again(other)}) & `, (logs) => readEndFlows(logs).some(isNamed));
    const line = readEndFlows(directory).find(isNamed);
    assert.is(line?.processName, 'python3');
    assert.ok((line?.pid ?? 0) < 1000, 'an id of the pod');
  });
});

test('a sidecar that sees the agent only says once what is missing', async () => {
  await Lab.use(async (lab) => {
    const [pod, other] = [lab.pod(), lab.pod()];
    await serve(lab, other.namespace, 'threaded', other.ipv4);
    const missing = (logs: string) => readLog(logs).filter(({ msg }) => msg.includes('shareProcessNamespace'));
    lab.start(pod.namespace, ['sh', '-c', again(other)]);
    const directory = await sidecar(lab, pod, '', (logs) => missing(logs).length > 0);
    assert.is(missing(directory).length, 1);
  });
});

test.run();
