import { readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { agentOf, podIn } from '../cluster/documents.ts';
import { AgentRun, type EnvSettings } from '../lab/agent.ts';
import { Lab } from '../lab/lab.ts';
import type { Program } from '../lab/program.ts';
import { readEbpfLog, readProcessFlows } from '../lab/session-files.ts';
import { waitFor } from '../lab/wait.ts';
import { POD_NAMESPACE, podLogs, type StandInPod, standInPod } from './stand-in-pod.ts';

const test = suite('Capabilities');

/** Bits of the kernel's sets, linux/capability.h. */
const BITS = {
  DAC_READ_SEARCH: 2,
  NET_RAW: 13,
  SYS_PTRACE: 19,
  SYS_ADMIN: 21,
  SYS_NICE: 23,
  PERFMON: 38,
  BPF: 39,
} as const;
type Capability = keyof typeof BITS;

/** Users whose processes have connections, and the range of source ports they use. */
const USERS = { root: { id: 0, ports: [41_000, 41_099] }, nobody: { id: 65_534, ports: [42_000, 42_099] } } as const;
type User = keyof typeof USERS;

/** So many in a row without a name are told. */
const CONNECTIONS = 3;
const PORT = 7_001;
/** Up to five agents start at once. */
const PATIENCE_MS = 60_000;

/** What an agent is seen to do. */
interface Outcome {
  /** Whose processes are named; null where nothing is captured at all. */
  readonly names: readonly User[] | null;
  /** Whether eBPF, where it is asked for, tells of the connections. */
  readonly traced?: boolean;
  /** What is said about it: in a session that captures once, and once more in the log of an eBPF that cannot be used. */
  readonly says?: RegExp;
}

/** A way to use the agent. */
interface Mode {
  /** As docs/SECURITY.md calls it. */
  readonly name: string;
  readonly place: 'node' | 'sidecar';
  readonly settings: (pod: StandInPod) => EnvSettings;
  /** What the pod's process does first. */
  readonly beforehand?: string;
  /** With all that is needed. */
  readonly complete: Outcome;
  /** What is needed, and what is seen without each of it. */
  readonly without: Partial<Readonly<Record<Capability, Outcome>>>;
}

const NO_CAPTURE = { names: null, says: /Cannot open a packet socket: EPERM; needs CAP_NET_RAW/ };
const NOT_FOUND = { names: null, says: /its processes cannot be looked into; CAP_SYS_PTRACE is needed/ };
const TRACED: Outcome = { names: ['root', 'nobody'], traced: true };

const byNumber = ({ hostIndex }: StandInPod): EnvSettings => ({ INTERFACE_INDEX_SNIF: hostIndex });
const withEbpf = (pod: StandInPod): EnvSettings => ({ ...byNumber(pod), USE_EBPF: 'Y' });
const byUid = ({ uid }: StandInPod): EnvSettings => ({
  INTERFACE_INDEX_SNIF: 'auto',
  POD_NAME: 'web-0',
  POD_NAMESPACE,
  POD_UID: uid,
});

const MODES: readonly Mode[] = [
  {
    name: 'an index: packets alone',
    place: 'node',
    settings: byNumber,
    complete: { names: [] },
    without: { NET_RAW: NO_CAPTURE },
  },
  {
    name: 'an index, and names of processes, also of other users',
    place: 'node',
    settings: byNumber,
    complete: { names: ['root', 'nobody'] },
    without: {
      NET_RAW: NO_CAPTURE,
      SYS_PTRACE: { names: [] },
      DAC_READ_SEARCH: { names: ['root'] },
      SYS_ADMIN: {
        names: ['root', 'nobody'],
        says: /enter the network namespace .* needs CAP_SYS_ADMIN; its sockets are read from \/proc\/<pid>\/net instead/,
      },
    },
  },
  {
    name: '`auto`',
    place: 'node',
    settings: byUid,
    complete: { names: ['root'] },
    without: {
      NET_RAW: NO_CAPTURE,
      SYS_PTRACE: NOT_FOUND,
    },
  },
  {
    name: '`auto`, for a pod without `/sys`',
    place: 'node',
    settings: byUid,
    beforehand: 'umount -l /sys',
    complete: { names: ['root'] },
    without: {
      NET_RAW: NO_CAPTURE,
      SYS_PTRACE: NOT_FOUND,
      SYS_ADMIN: { names: null, says: /its processes have no \/sys; CAP_SYS_ADMIN is needed/ },
    },
  },
  {
    name: '`CAPTURE_SIDE=pod`',
    place: 'node',
    settings: (pod) => ({ ...byNumber(pod), CAPTURE_SIDE: 'pod' }),
    complete: { names: ['root'] },
    without: {
      NET_RAW: NO_CAPTURE,
      SYS_PTRACE: { names: null, says: /Cannot capture inside the pod .* the agent needs hostPID and CAP_SYS_PTRACE/ },
      SYS_ADMIN: { names: null, says: /Cannot enter the network namespace .* EPERM; needs CAP_SYS_ADMIN/ },
    },
  },
  {
    name: '`USE_EBPF=Y`',
    place: 'node',
    settings: withEbpf,
    complete: TRACED,
    without: {
      NET_RAW: NO_CAPTURE,
      SYS_PTRACE: { names: [] },
      BPF: {
        names: ['root'],
        traced: false,
        says: /Cannot load the eBPF program into the kernel: EPERM; needs CAP_BPF/,
      },
      PERFMON: { names: ['root'], traced: false, says: /eBPF program .*: E\w+; needs CAP_BPF and CAP_PERFMON/ },
    },
  },
  {
    name: '`USE_EBPF=Y`, before Linux 5.8',
    place: 'node',
    settings: withEbpf,
    complete: TRACED,
    without: {
      NET_RAW: NO_CAPTURE,
      SYS_PTRACE: { names: [] },
      SYS_ADMIN: { names: ['root'], traced: false, says: /Cannot load the eBPF program .* or CAP_SYS_ADMIN/ },
    },
  },
  {
    name: 'a sidecar',
    place: 'sidecar',
    settings: () => ({ INTERFACE_INDEX_SNIF: 'auto' }),
    complete: { names: [] },
    without: { NET_RAW: NO_CAPTURE },
  },
  {
    name: 'a sidecar that names processes',
    place: 'sidecar',
    settings: () => ({ INTERFACE_INDEX_SNIF: 'auto' }),
    complete: { names: ['root', 'nobody'] },
    without: {
      NET_RAW: NO_CAPTURE,
      SYS_PTRACE: { names: [], says: /Cannot name processes: .* run the agent as root with CAP_SYS_PTRACE/ },
      DAC_READ_SEARCH: { names: ['root'] },
    },
  },
];

const neededBy = ({ without }: Mode) => Object.keys(without) as Capability[];

/** A command that starts a program as root of a container with these capabilities, and no way to more. */
function confined(capabilities: readonly Capability[]): string[] {
  const set = ['-all', ...capabilities.map((name) => `+${name.toLowerCase()}`)].join(',');
  // the names that network namespaces have on the machine are not to be seen in a container
  const script = 'mount -t tmpfs dllt-test /run/netns && exec setpriv "$@"';
  return ['sh', '-c', script, 'sh', '--no-new-privs', '--inh-caps', '-all', '--bounding-set', set];
}

/** Capabilities of a process, by the kernel: those it has, and those it could ever get. */
function capabilitiesOf(pid: number): Record<string, string> {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return Object.fromEntries(
    ['CapPrm', 'CapEff', 'CapBnd', 'NoNewPrivs'].map((key) => [
      key,
      RegExp(`${key}:\\t(\\w+)`).exec(status)?.[1] ?? '',
    ]),
  );
}

/** An agent that has some of what a mode needs, and what is to be seen of it. */
interface Trial {
  readonly agent: AgentRun;
  readonly index: number;
  readonly capabilities: readonly Capability[];
  readonly outcome: Outcome;
}

function begin(lab: Lab, mode: Mode, pod: StandInPod, missing: Capability | null): Trial {
  const { place, settings, complete, without } = mode;
  const capabilities = neededBy(mode).filter((name) => name !== missing);
  const where = place === 'node' ? lab.node : pod.namespace;
  const env = place === 'node' ? podLogs(lab).env : { POD_IP: pod.ipv4 };
  const agent = AgentRun.start(lab, where, env, confined(capabilities));
  agent.configure(settings(pod));
  const index = place === 'node' ? pod.hostIndex : pod.namespace.indexOf('eth0');
  return { agent, index, capabilities, outcome: (missing && without[missing]) ?? complete };
}

const messagesOf = ({ agent, index }: Trial): string[] => agent.files(index).log.map(({ msg }) => msg);
const ebpfMessagesOf = ({ agent, index }: Trial): string[] =>
  readEbpfLog(agent.sessionDirectory(index)).map(({ msg }) => msg);
const isSaid = (trial: Trial, says: RegExp): boolean =>
  says.test(trial.agent.program.stderr + trial.agent.program.stdout) ||
  messagesOf(trial).some((line) => says.test(line));

async function said(trial: Trial, says: RegExp): Promise<void> {
  const describe = () => trial.agent.transcript();
  await waitFor(`${says}`, () => isSaid(trial, says), { timeoutMs: PATIENCE_MS, describe });
}

/** Waits until an agent captures, or has said why not. */
async function ready(trial: Trial): Promise<void> {
  const { names, traced, says } = trial.outcome;
  const options = { timeoutMs: PATIENCE_MS, describe: () => trial.agent.transcript() };
  if (names === null && says !== undefined) return said(trial, says);
  const has = (messages: readonly string[], start: string) => messages.some((line) => line.startsWith(start));
  await waitFor('the session', () => has(messagesOf(trial), 'session started'), options);
  if (traced) await waitFor('eBPF at work', () => has(ebpfMessagesOf(trial), 'eBPF sees'), options);
}

/** Opens connections of both users out of the pod to a server that does not answer, so that they are held. */
function connect(lab: Lab, pod: StandInPod, server: string): Readonly<Record<User, Program>> {
  const urls = new Array<string>(CONNECTIONS).fill(`http://${server}:${PORT}/`);
  const of = (user: User) => {
    const { id, ports } = USERS[user];
    const become = ['setpriv', `--reuid=${id}`, `--regid=${id}`, '--clear-groups'];
    const curl = ['curl', '-s', '--parallel', '--parallel-immediate', '--local-port', ports.join('-'), ...urls];
    return lab.start(pod.namespace, [...become, ...curl]);
  };
  return { root: of('root'), nobody: of('nobody') };
}

/** Whether a line is of a connection of a user. */
const isOf =
  (user: User) =>
  ({ srcPort }: { readonly srcPort: number }) =>
    srcPort >= USERS[user].ports[0] && srcPort <= USERS[user].ports[1];

/** Whether an agent has named all that these programs did and that it can name: where that takes long it does without. */
function hasNamed({ agent, index, outcome }: Trial, programs: Readonly<Record<User, Program>>): boolean {
  const { flows } = agent.files(index);
  const named = (user: User) => flows.filter(isOf(user)).filter(({ pid }) => pid === programs[user].pid);
  return (outcome.names ?? []).every((user) => named(user).length === CONNECTIONS);
}

/** Checks what an agent that has ended was to see and say of what these programs did. */
function judge(trial: Trial, rounds: readonly Readonly<Record<User, Program>>[]): void {
  const { agent, index, capabilities, outcome } = trial;
  const { names, traced, says } = outcome;
  const { endFlows, directory } = agent.files(index);
  const about = `${capabilities}\n${agent.transcript()}`;
  if (names === null) {
    assert.equal(endFlows, [], about);
    return;
  }
  for (const user of ['root', 'nobody'] as const) {
    const lines = endFlows.filter(isOf(user));
    assert.is(lines.length, rounds.length * CONNECTIONS, `${user}: ${about}`);
    const owners = new Map(lines.map(({ pid, uid }) => [pid, uid]));
    owners.delete(-1);
    assert.is(owners.size > 0, names.includes(user), `${user}: ${about}`);
    const pids = rounds.map((programs) => programs[user].pid);
    const last = lines.filter(({ pid }) => pid === pids.at(-1));
    assert.is(last.length, names.includes(user) ? CONNECTIONS : 0, `${user}: ${about}`);
    for (const [pid, uid] of owners) assert.ok(pids.includes(pid) && uid === USERS[user].id, `${user}: ${about}`);
  }
  assert.is(readProcessFlows(directory).length, traced ? rounds.length * 2 * CONNECTIONS : 0, about);
  if (says === undefined) return;
  for (const log of traced === false ? [messagesOf(trial), ebpfMessagesOf(trial)] : [messagesOf(trial)]) {
    assert.is(log.filter((line) => says.test(line)).length, 1, about);
  }
}

for (const mode of MODES) {
  const needed = neededBy(mode);
  test(`${mode.name}: ${needed.join(', ')} will do, and nothing less`, async () => {
    await Lab.use(async (lab) => {
      const server = lab.pod();
      await lab.serve(server.namespace, 'silent', PORT);
      const pod = await standInPod(lab, 'web-0', mode.beforehand);
      const complete = begin(lab, mode, pod, null);
      const trials = [complete, ...needed.map((missing) => begin(lab, mode, pod, missing))];
      await Promise.all(trials.map(ready));
      const capturing = trials.filter(({ outcome }) => outcome.names !== null);
      for (const { agent, capabilities } of capturing) {
        const mask = capabilities.reduce((bits, name) => bits | (1n << BigInt(BITS[name])), 0n);
        const hex = mask.toString(16).padStart(16, '0');
        assert.equal(capabilitiesOf(agent.program.pid), { CapPrm: hex, CapEff: hex, CapBnd: hex, NoNewPrivs: '1' });
      }

      const rounds: Readonly<Record<User, Program>>[] = [];
      const told = ({ agent, index }: Trial) => agent.files(index).flows.length === rounds.length * 2 * CONNECTIONS;
      const connectAll = async () => {
        const programs = connect(lab, pod, server.ipv4);
        rounds.push(programs);
        for (const trial of capturing) {
          const seen = () => trial.agent.transcript() + programs.root.stderr + programs.nobody.stderr;
          await waitFor('all connections', () => told(trial), { timeoutMs: PATIENCE_MS, describe: seen });
        }
        await Promise.all(Object.values(programs).map((program) => program.stop()));
        return capturing.every((trial) => hasNamed(trial, programs));
      };
      const describe = () => capturing.map(({ agent }) => agent.transcript()).join('\n');
      await waitFor('all names', connectAll, { timeoutMs: PATIENCE_MS, describe });
      for (const trial of capturing) if (trial.outcome.says !== undefined) await said(trial, trial.outcome.says);
      await Promise.all(trials.map(({ agent }) => agent.stop()));
      for (const trial of trials) {
        judge(trial, rounds);
        const { says } = trial.outcome;
        assert.not.ok(trial !== complete && says !== undefined && isSaid(complete, says), `${says} of all`);
      }
    });
  });
}

test('SYS_NICE, which no manifest gives, lets the thread that reads packets go first', async () => {
  await Lab.use(async (lab) => {
    const priority = async (capabilities: readonly Capability[]) => {
      const pod = lab.pod();
      const agent = await AgentRun.watch(lab, pod, {}, {}, confined(capabilities));
      return getPriority(agent.program.pid);
    };
    assert.equal(await Promise.all([priority(['NET_RAW']), priority(['NET_RAW', 'SYS_NICE'])]), [0, -7]);
  });
});

/** What a manifest says in a comment that may be added. */
const optional = (file: string) => /with (\w+) and (\w+) added/.exec(readFileSync(file, 'utf8'))?.slice(1) ?? [];

for (const [place, file] of [
  ['node', 'k8s/dlltagent_pod.yaml'],
  ['sidecar', 'k8s/sidecar.yaml'],
] as const) {
  test(`${file}: what it gives is proven here`, () => {
    const { add } = agentOf(podIn(file)).securityContext.capabilities;
    const proven = new Set(MODES.filter((mode) => mode.place === place).flatMap(neededBy));
    assert.equal([...add, ...optional(file)].sort(), [...proven].sort());
  });
}

test('docs/SECURITY.md: each is explained, and each way to use the agent has its line', () => {
  const text = readFileSync('docs/SECURITY.md', 'utf8');
  const explained = [...text.matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, name]) => name);
  assert.equal(explained, agentOf(podIn('k8s/dlltagent_pod.yaml')).securityContext.capabilities.add);
  for (const mode of MODES) {
    const names = neededBy(mode).map((name) => `\`${name}\``);
    const line = `| ${mode.name} | ${names.join(', ')} |`;
    assert.ok(text.includes(`${line}\n`), line);
  }
});

test.run();
