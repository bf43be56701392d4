import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AGENT, AgentRun } from '../lab/agent.ts';
import { Lab, type Pod } from '../lab/lab.ts';
import type { Program } from '../lab/program.ts';
import { readEndFlows, readLog } from '../lab/session-files.ts';
import { waitFor } from '../lab/wait.ts';
import { ACTORS, type Acted, act, assertOwner, HOLD_SECONDS, linesOf, PORT, serve, twins } from './naming-lab.ts';

const test = suite('processes, without eBPF');

for (const family of ['ipv4', 'ipv6'] as const) {
  test(`connections the pod opens and accepts, over ${family}`, async () => {
    await Lab.use(async (lab) => {
      const [pod, other] = [lab.pod(), lab.pod()];
      await serve(lab, other.namespace, 'threaded', other[family]);
      const servers = new Map<string, [number, Program]>();
      for (const [i, kind] of ['plain', 'forking', 'preforked', 'threaded'].entries()) {
        servers.set(kind, [PORT + 1 + i, await serve(lab, pod.namespace, kind, pod[family], PORT + 1 + i)]);
      }
      const agent = await AgentRun.watch(lab, pod);
      const opened = await act(lab, pod.namespace, 'threaded', other[family], PORT, 5, 100, HOLD_SECONDS);
      const accepted = new Map<string, Acted>();
      for (const [kind, [port]] of servers) {
        accepted.set(kind, await act(lab, other.namespace, 'plain', pod[family], port, 2, 100, HOLD_SECONDS));
      }
      await agent.stop();

      for (const port of opened.ports) assertOwner(linesOf(agent, pod.hostIndex, port), opened.pid, process.pid);
      for (const [kind, [serverPort, server]] of servers) {
        const { ports, said } = accepted.get(kind) as Acted;
        for (const [i, port] of ports.entries()) {
          const accepting = said[i] as number; // the process that answered
          const parent = accepting === server.pid ? process.pid : server.pid;
          assertOwner(linesOf(agent, pod.hostIndex, port, serverPort), accepting, parent);
        }
      }
    });
  });
}

test('connections that were there before the agent, in both directions', async () => {
  await Lab.use(async (lab) => {
    const [pod, other] = [lab.pod(), lab.pod()];
    await serve(lab, other.namespace, 'threaded', other.ipv4);
    const server = await serve(lab, pod.namespace, 'threaded', pod.ipv4);
    const out = lab.start(pod.namespace, ['python3', ACTORS, 'connect', 'plain', other.ipv4, `${PORT}`, '1', '1', '4']);
    const into = lab.start(other.namespace, [
      'python3',
      ACTORS,
      'connect',
      'plain',
      pod.ipv4,
      `${PORT}`,
      '1',
      '1',
      '4',
    ]);
    const established = () => pod.namespace.run('ss', '-tnH', 'state', 'established').trim().split('\n').length === 2;
    await waitFor('both connections', established);
    const agent = await AgentRun.watch(lab, pod);
    const [opened, accepted] = [JSON.parse(await out.output()) as Acted, JSON.parse(await into.output()) as Acted];
    await agent.stop();
    const { flows } = agent.files(pod.hostIndex);
    // which end began is not known: found by both ports
    const lineOf = (port: number) => flows.filter((line) => line.srcPort === port || line.dstPort === port);
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
      'import os,socket,sys,time,struct\n' +
      `s=socket.create_connection(("${other.ipv4}",${PORT}));time.sleep(${HOLD_SECONDS})\n` +
      's.setsockopt(socket.SOL_SOCKET,socket.SO_LINGER,struct.pack("ii",1,0));s.close();time.sleep(30)';
    const argv = ['python3', '-c', script, '--password', 'hunter2'];
    const contained = lab.start(pod.namespace, ['unshare', '--pid', '--fork', '--kill-child', ...argv]);
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
    await act(lab, pod.namespace, 'plain', other.ipv4, PORT, 1, 1, HOLD_SECONDS);
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
    const same = ['plain', '10.9.9.3', PORT, 1, 1, HOLD_SECONDS, 41_000] as const;
    const opened = await Promise.all(pairs.map(({ pod }) => act(lab, pod, ...same)));
    const into = ['plain', '10.9.9.2', PORT, 1, 1, HOLD_SECONDS, 42_000] as const;
    await Promise.all(pairs.map(({ peer }) => act(lab, peer, ...into)));
    await agent.stop();
    for (const [i, { hostIndex }] of pairs.entries()) {
      assertOwner(linesOf(agent, hostIndex, 41_000), opened[i]?.pid ?? 0, process.pid);
      assertOwner(linesOf(agent, hostIndex, 42_000), servers[i]?.pid ?? 0, process.pid);
    }
  });
});

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
  await waitFor('what the sidecar has to say', () => seen(logs), { describe: () => program.stdout + program.stderr });
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
    const { ports } = await act(lab, pod.namespace, 'threaded', other.ipv4, PORT, 20, 100, HOLD_SECONDS);
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
    const holder = `(while :; do python3 ${ACTORS} connect plain ${other.ipv4} ${PORT} 1 1 ${HOLD_SECONDS}; done) & `;
    const directory = await sidecar(lab, pod, holder, (logs) => readEndFlows(logs).some(({ pid }) => pid > 0));
    const line = readEndFlows(directory).find(({ pid }) => pid > 0);
    assert.is(line?.processName, 'python3');
    assert.ok((line?.pid ?? 0) < 1000, 'an id of the pod');
  });
});

test('a sidecar that sees the agent only says once what is missing', async () => {
  await Lab.use(async (lab) => {
    const [pod, other] = [lab.pod(), lab.pod()];
    await serve(lab, other.namespace, 'threaded', other.ipv4);
    const missing = (logs: string) => readLog(logs).filter(({ msg }) => msg.includes('shareProcessNamespace'));
    const busy = act(lab, pod.namespace, 'threaded', other.ipv4, PORT, 40, 20, HOLD_SECONDS);
    const directory = await sidecar(lab, pod, '', (logs) => missing(logs).length > 0);
    await busy;
    assert.is(missing(directory).length, 1);
  });
});

test.run();
