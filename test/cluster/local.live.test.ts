import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Lab, type Pod } from '../lab/lab.ts';
import type { Namespace } from '../lab/namespace.ts';
import { Program } from '../lab/program.ts';
import { NodeFiles, PodCgroup } from './node-files.ts';

const MONITOR_POD = resolve('scripts/monitorPod.sh');
const UID = '0f7a2c4e-1b3d-4e5f-8a9b-0c1d2e3f4a5b';
const OLD_UID = '1f7a2c4e-1b3d-4e5f-8a9b-0c1d2e3f4a5b';
/** What the node's first process has mounted. */
const NODE_MOUNTS = '1 0 254:0 / / rw - ext4 /dev/vda rw\n';
const CGROUP = `0::/kubepods/pod${UID}/1234\n`;

const test = suite('monitorPod.sh --local');

interface Node {
  readonly lab: Lab;
  readonly pod: Pod;
  readonly files: NodeFiles;
  /** The process of `pod`. */
  readonly pid: number;
}

async function withNode(body: (node: Node) => Promise<void>): Promise<void> {
  await Lab.use(async (lab) => {
    lab.pod(); // or the two ends of the next one would have the same index
    const pod = lab.pod();
    const { pid } = await idle(lab, pod.namespace);
    await body({ lab, pod, files: new NodeFiles(lab), pid });
  });
}

/** Starts a process that does nothing, and waits until it is where it belongs. */
async function idle(lab: Lab, where: Namespace): Promise<Program> {
  const program = lab.start(where, ['sh', '-c', 'echo ready; exec sleep infinity']);
  await program.waitForOutput(/ready/);
  return program;
}

async function local({ lab, files }: Node, ...args: string[]) {
  const env = { PATH: process.env['PATH'], ...files.environment };
  const program = lab.start(lab.node, [MONITOR_POD, '--local', ...args], { env });
  const { status } = await program.ended;
  return { status, stdout: program.stdout, stderr: program.stderr };
}

async function finds(node: Node, ...args: string[]): Promise<void> {
  const { status, stdout, stderr } = await local(node, ...args);
  assert.is(status, 0, stderr);
  assert.is(stdout, `${node.pod.hostIndex} ${node.pod.hostInterface}\n`);
}

async function refuses(node: Node, message: RegExp, ...args: string[]): Promise<void> {
  const { status, stdout, stderr } = await local(node, ...args);
  assert.match(stderr, message);
  assert.is(stderr.split('\n').length, 2);
  assert.equal([status, stdout], [1, '']);
}

const UNDERSCORES = UID.replaceAll('-', '_');
for (const [name, files] of [
  ['cgroupfs, v1', { cgroup: `9:pids:/kubepods/burstable/pod${UID}/12ab\n8:cpu:/kubepods/burstable/pod${UID}/12ab\n` }],
  ['systemd, v1', { cgroup: `2:pids:/kubepods.slice/kubepods-pod${UNDERSCORES}.slice/docker-12ab.scope\n` }],
  ['cgroupfs, v2', { cgroup: `0::/kubepods/besteffort/pod${UID}/12ab\n` }],
  [
    'systemd, v2',
    {
      cgroup: `0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${UNDERSCORES}.slice/cri-containerd-12ab.scope\n`,
    },
  ],
  [
    'seen from a cgroup namespace',
    { cgroup: `0::/../../kubepods-besteffort-pod${UNDERSCORES}.slice/crio-12ab.scope\n` },
  ],
  [
    'no control group of its own',
    {
      cgroup: '0::/\n',
      mountinfo: `7 6 254:0 /var/lib/kubelet/pods/${UID}/etc-hosts /etc/hosts rw - ext4 /dev/vda rw\n`,
    },
  ],
] as const) {
  test(`by UID: ${name}`, async () => {
    await withNode(async (node) => {
      const other = await idle(node.lab, node.lab.pod().namespace);
      node.files.addProcess(other.pid, { cgroup: CGROUP.replace(UID, `${UID}0`) });
      // the kubelet itself has the pod's mounts too
      node.files.addProcess(1, {
        cgroup: '0::/\n',
        mountinfo: `${NODE_MOUNTS}9 1 0:9 / /var/lib/kubelet/pods/${UID}/volumes rw - tmpfs tmpfs rw\n`,
      });
      node.files.addProcess(node.pid, files);
      await finds(node, '--uid', UID);
    });
  });
}

test('by UID, from the real control group; a sidecar answers for its own interface', async () => {
  await Lab.use(async (lab) => {
    const pod = lab.pod();
    const uid = randomUUID();
    const cgroup = new PodCgroup(lab, uid);
    const call = async (where: Namespace) => {
      const script = lab.start(where, ['sh', '-c', `read -r go; exec "${MONITOR_POD}" --local --uid ${uid}`], {
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      return script;
    };
    const program = await idle(lab, pod.namespace);
    cgroup.add(program.pid);
    const onNode = await call(lab.node);
    onNode.child.stdin?.end('go\n');
    assert.is(await onNode.output(), `${pod.hostIndex} ${pod.hostInterface}\n`);

    const inPod = await call(pod.namespace);
    cgroup.add(inPod.pid);
    inPod.child.stdin?.end('go\n');
    assert.is(await inPod.output(), `${pod.namespace.indexOf('eth0')} eth0\n`);
    await program.stop('SIGKILL');
  });
});

test('by name: a pod that was deleted and made again has another UID', async () => {
  await withNode(async (node) => {
    node.files.addLogs('shop', 'web-0', OLD_UID);
    node.files.addLogs('shop', 'web-0', UID);
    node.files.addLogs('shop', 'web', '2f7a2c4e-1b3d-4e5f-8a9b-0c1d2e3f4a5b');
    node.files.addProcess(node.pid, { cgroup: CGROUP });
    const byName = ['--name', 'web-0', '--namespace', 'shop'];
    await finds(node, ...byName);
    await finds(node, '--uid', OLD_UID, ...byName);
    await refuses(node, /shop\/web: it has no process on this node/, '--name', 'web', '--namespace', 'shop');
    await refuses(node, /other\/web-0: it has no process/, '--name', 'web-0', '--namespace', 'other');
  });
});

test('by name, without the logs: nobody is believed', async () => {
  await withNode(async (node) => {
    node.files.addProcess(node.pid, { cgroup: CGROUP });
    node.files.removeLogs();
    const message = /nobody can be believed who it is: .* is not to be seen; mount it, or set POD_UID/;
    await refuses(node, message, '--name', 'web', '--namespace', 'shop');
    await finds(node, '--uid', UID, '--name', 'web', '--namespace', 'shop');
  });
});

test('a pod that says by its own files that it is another one', async () => {
  await withNode(async (node) => {
    node.files.addProcess(node.pid, {
      cgroup: CGROUP.replace(UID, OLD_UID),
      'root/etc/hostname': 'db-0\n',
      'root/etc/resolv.conf': 'search shop.svc.cluster.local\n',
      'root/run/secrets/kubernetes.io/serviceaccount/namespace': 'shop',
    });
    node.files.addSys(node.pid);
    await refuses(node, /it has no process on this node/, '--name', 'db-0', '--namespace', 'shop');
    node.files.addLogs('shop', 'db-0', UID);
    await refuses(node, /it has no process on this node/, '--name', 'db-0', '--namespace', 'shop');
  });
});

const OWN = OLD_UID.replaceAll('-', '_');
for (const [name, files] of [
  ['a control group below its own', { cgroup: `0::/kubepods/besteffort/pod${OLD_UID}/12ab/pod${UID}/x\n` }],
  [
    'the same with the systemd driver',
    { cgroup: `0::/kubepods.slice/kubepods-pod${OWN}.slice/cri-containerd-1.scope/kubepods-pod${UNDERSCORES}.slice\n` },
  ],
  ['one of several hierarchies', { cgroup: `9:pids:/kubepods/pod${OLD_UID}/1\n1:name=x:/kubepods/pod${UID}/1\n` }],
  [
    'a subPath of its volume that looks like the kubelet’s directory',
    {
      cgroup: '0::/\n',
      mountinfo: `7 6 254:0 /var/lib/kubelet/pods/${OLD_UID}/volumes/kubernetes.io~empty-dir/v/pods/${UID}/etc-hosts /etc/hosts rw - ext4 /dev/vda rw\n`,
    },
  ],
  [
    'the same path on another volume',
    {
      cgroup: '0::/\n',
      mountinfo: `7 6 254:9 /var/lib/kubelet/pods/${UID}/etc-hosts /etc/hosts rw - ext4 /dev/vdb rw\n`,
    },
  ],
] as const) {
  test(`a pod that wants to be taken for another one by ${name}`, async () => {
    await withNode(async (node) => {
      node.files.addProcess(1, { cgroup: '0::/init.scope\n', mountinfo: NODE_MOUNTS });
      node.files.addProcess(node.pid, files);
      await refuses(node, /it has no process on this node/, '--uid', UID);
    });
  });
}

test('the kubelet’s directory on a volume of its own', async () => {
  await withNode(async (node) => {
    const mounts = `${NODE_MOUNTS}8 1 254:7 / /var/lib/kubelet rw - ext4 /dev/vdc rw\n`;
    node.files.addProcess(1, { cgroup: '0::/init.scope\n', mountinfo: mounts });
    const mountinfo = `7 6 254:7 /pods/${UID}/etc-hosts /etc/hosts rw - ext4 /dev/vdc rw\n`;
    node.files.addProcess(node.pid, { cgroup: '0::/\n', mountinfo });
    await finds(node, '--uid', UID);
  });
});

test('a pod without /sys, and one that has something else in its place', async () => {
  await withNode(async (node) => {
    node.files.addProcess(node.pid, { cgroup: CGROUP, 'root/etc/hostname': 'web' });
    await finds(node, '--uid', UID);
  });
  await withNode(async (node) => {
    const sys = 'root/sys/class/net/eth0';
    node.files.addProcess(node.pid, { cgroup: CGROUP, [`${sys}/ifindex`]: '2\n', [`${sys}/iflink`]: '2\n' });
    await finds(node, '--uid', UID);
  });
});

test('refusals', async () => {
  await withNode(async (node) => {
    await refuses(node, /the pod \(UID .*\): it has no process on this node/, '--uid', UID);
    node.files.addProcess(node.pid, { cgroup: CGROUP });
    await refuses(node, /no interface net1 in it, only lo, eth0/, '--uid', UID, '--interface', 'net1');
    const { pid: neighbour } = await idle(node.lab, node.lab.node);
    node.files.addProcess(neighbour, { cgroup: CGROUP.replace(UID, OLD_UID) });
    await refuses(node, /it uses the network of the node/, '--uid', OLD_UID);
    // the other end in a third namespace
    node.lab.node.run('ip', 'link', 'set', node.pod.hostInterface, 'netns', node.lab.pod().namespace.name);
    await refuses(node, /the other end of its eth0 is not on this node/, '--uid', UID);
  });
  for (const args of [
    [],
    ['--uid'],
    ['--uid', 'a b'],
    ['--name', 'web'],
    ['--name', '../x', '--namespace', 'shop'],
    ['--uid', UID, '--interface', '../lo'],
    ['more'],
  ]) {
    const program = new Program([MONITOR_POD, '--local', ...args]);
    assert.is((await program.ended).status, 2, program.stderr);
    assert.match(program.stderr, /^monitorPod\.sh --local: .*\n$/);
  }
});

test.run();
