import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AgentRun } from '../lab/agent.ts';
import { freePort } from '../lab/free-port.ts';
import { Lab, type Pod } from '../lab/lab.ts';
import { waitFor } from '../lab/wait.ts';
import { bypassNodeEnd } from './redirect-peer.ts';
import { POD_NAMESPACE, podLogs, type StandInPod, standInPod } from './stand-in-pod.ts';

const test = suite('Pods');
const PORT = 8080;
/** The bound is a second; the rest is for a machine that is busy with other tests. */
const GONE_WITHIN_MS = 4_000;

const identity = (name: string, { uid }: StandInPod) => ({
  POD_NAME: name,
  POD_NAMESPACE,
  POD_UID: uid,
  POD_INTERFACE: 'eth0',
});

function flows(agent: AgentRun, { hostIndex }: Pod, count: number): Promise<boolean> {
  return waitFor(`${count} flows`, () => agent.files(hostIndex).flows.length >= count, {
    describe: () => agent.transcript(),
  });
}

test('auto: a pod is found by its UID, and again by its name when it comes back as another', async () => {
  await Lab.use(async (lab) => {
    const server = lab.pod();
    await lab.serve(server.namespace, 'orderly', PORT);
    const HEALTH_PORT = String(await freePort());
    const agent = AgentRun.start(lab, lab.node, { ...podLogs(lab).env, HEALTH_PORT });
    const ready = () => lab.node.run('curl', '-sS', `http://127.0.0.1:${HEALTH_PORT}/readyz`);
    const first = await standInPod(lab, 'web-0');
    agent.configure({ INTERFACE_INDEX_SNIF: 'auto', ...identity('web-0', first) });
    await agent.capturing(first.hostIndex);
    await lab.traffic(first.namespace, 'orderly', server.ipv4, PORT).output();
    lab.traffic(first.namespace, 'hold', server.ipv4, PORT);
    await flows(agent, first, 2);

    const deletedMs = Date.now();
    lab.node.run('ip', 'link', 'delete', first.hostInterface);
    first.namespace.remove();
    const [gone] = await agent.events(first.hostIndex, ({ code }) => code === '00011');
    assert.is(gone?.pod, 'web-0');
    assert.is(gone?.namespace, POD_NAMESPACE);
    assert.is(gone?.value, first.hostIndex);
    assert.is(gone?.if, first.hostInterface);
    assert.ok(Number(gone?.timemillis) - deletedMs < GONE_WITHIN_MS, `${Number(gone?.timemillis) - deletedMs} ms`);
    await waitFor('all ends', () => agent.files(first.hostIndex).endFlows.length === 2);
    assert.equal(
      agent
        .files(first.hostIndex)
        .endFlows.map(({ endType }) => endType)
        .sort(),
      [0, 5],
    );
    await agent.program.waitForOutput(/Waiting for the pod shop\/web-0: /);
    assert.match(ready(), /^ready\n.*pod shop\/web-0 waiting: /);

    const second = await standInPod(lab, 'web-0');
    await agent.capturing(second.hostIndex, 30_000);
    await lab.traffic(second.namespace, 'orderly', server.ipv4, PORT).output();
    await flows(agent, second, 1);
    assert.is((await agent.stop()).status, 0);
    assert.is(agent.files(second.hostIndex).log[0]?.['pod'], 'web-0');
  });
});

test('an index that is gone, and one that is another pod’s now', async () => {
  await Lab.use(async (lab) => {
    const agent = AgentRun.start(lab, lab.node, podLogs(lab).env);
    const [pod, other] = [await standInPod(lab, 'web-1'), await standInPod(lab, 'db-0')];
    agent.configure({ INTERFACE_INDEX_SNIF: 987_654, ...identity('web-1', pod) });
    await agent.capturing(pod.hostIndex);
    agent.configure({ INTERFACE_INDEX_SNIF: pod.hostIndex, ...identity('db-0', other) });
    await agent.capturing(other.hostIndex);
    const [line] = await waitFor('a word about it', () => {
      const lines = agent.files(other.hostIndex).log.filter(({ msg }) => /is gone or another's now/.test(msg));
      return lines.length > 0 && lines;
    });
    assert.match(line?.msg ?? '', new RegExp(`the pod shop/db-0 is behind interface ${other.hostIndex}`));
    const started = agent.files(pod.hostIndex).log.filter(({ msg }) => msg.startsWith('session started'));
    assert.equal(
      started.map(({ pod: name }) => name),
      ['web-1'],
      'nothing of the other pod stands under its name',
    );
    await agent.stop();
  });
});

test('gone while the settings change: told all the same, once', async () => {
  await Lab.use(async (lab) => {
    const pod = lab.pod();
    const agent = await AgentRun.watch(lab, pod);
    agent.program.child.kill('SIGSTOP'); // it learns of both at the same time
    agent.configure({ INTERFACE_INDEX_SNIF: pod.hostIndex, RING_MB: 8 });
    lab.node.run('ip', 'link', 'delete', pod.hostInterface);
    agent.program.child.kill('SIGCONT');
    await agent.program.waitForOutput(/Cannot capture on interface \d+: there is none with that index/);
    await agent.stop();
    assert.equal(
      agent.files(pod.hostIndex).events.map(({ code }) => code),
      ['00011'],
    );
  });
});

test('down is not gone: the session goes on with the same files', async () => {
  await Lab.use(async (lab) => {
    const [pod, server] = [lab.pod(), lab.pod()];
    await lab.serve(server.namespace, 'orderly', PORT);
    const agent = await AgentRun.watch(lab, pod);
    await lab.traffic(pod.namespace, 'orderly', server.ipv4, PORT).output();
    lab.node.run('ip', 'link', 'set', pod.hostInterface, 'down');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    lab.node.run('ip', 'link', 'set', pod.hostInterface, 'up');
    pod.namespace.run('ip', '-4', 'route', 'replace', 'default', 'via', pod.nodeIpv4);
    await lab.traffic(pod.namespace, 'orderly', server.ipv4, PORT).output();
    await flows(agent, pod, 2);
    await agent.stop();
    const { events, log } = agent.files(pod.hostIndex);
    assert.equal(events, []);
    assert.is(log.filter(({ msg }) => msg.startsWith('session started')).length, 1);
  });
});

test('bridged: the node’s end is a port of a bridge', async () => {
  await Lab.use(async (lab) => {
    const server = lab.pod();
    const pod = await standInPod(lab, 'web-5');
    lab.node.run('ip', 'link', 'add', 'bridge0', 'type', 'bridge');
    lab.node.run('ip', 'link', 'set', 'bridge0', 'up');
    for (const { hostInterface, nodeIpv4 } of [server, pod]) {
      lab.node.run('ip', 'address', 'flush', 'dev', hostInterface);
      lab.node.run('ip', 'link', 'set', hostInterface, 'master', 'bridge0');
      lab.node.run('ip', 'address', 'add', `${nodeIpv4}/24`, 'dev', 'bridge0');
    }
    await lab.serve(server.namespace, 'reset', PORT);
    const agent = AgentRun.start(lab, lab.node, podLogs(lab).env);
    agent.configure({ INTERFACE_INDEX_SNIF: 'auto', ...identity('web-5', pod) });
    await agent.capturing(pod.hostIndex);
    await lab.traffic(pod.namespace, 'reset', server.ipv4, PORT).output();
    const [reset] = await agent.events(pod.hostIndex, ({ code }) => code === '00002');
    assert.equal([reset?.nodeIP, reset?.quality], [0, 1], 'both ways, and the pod is src');
    await agent.stop();
  });
});

test('CAPTURE_SIDE=pod: inside its network namespace, in the directory of the node’s index, until nobody lives there', async () => {
  await Lab.use(async (lab) => {
    const server = lab.pod();
    await lab.serve(server.namespace, 'reset', PORT);
    const agent = AgentRun.start(lab, lab.node, podLogs(lab).env);
    const pod = await standInPod(lab, 'web-2');
    agent.configure({ INTERFACE_INDEX_SNIF: pod.hostIndex, CAPTURE_SIDE: 'pod', ...identity('web-2', pod) });
    await waitFor('a capture', () => agent.files(pod.hostIndex).log.length > 0, { describe: () => agent.transcript() });
    await lab.traffic(pod.namespace, 'reset', server.ipv4, PORT).output();
    const [reset] = await agent.events(pod.hostIndex, ({ code }) => code === '00002');
    assert.is(reset?.nodeIP, 0, 'the pod is src');
    assert.is(reset?.quality, 1);
    assert.is(reset?.if, pod.hostInterface);
    assert.match(agent.files(pod.hostIndex).log[0]?.msg ?? '', /packet ring on eth0 in \/proc\/\d+\/ns\/net/);

    pod.namespace.remove(); // its interface stays for as long as somebody captures on it
    const [gone] = await agent.events(pod.hostIndex, ({ code }) => code === '00011');
    assert.is(gone?.value, pod.hostIndex);
    await waitFor('the pair to go', () => !lab.node.run('ip', '-o', 'link').includes(pod.hostInterface));
    await agent.stop();
  });
});

test('auto: goes to the pod’s end where packets pass by the node’s', async () => {
  await Lab.use(async (lab) => {
    const server = lab.pod();
    await lab.serve(server.namespace, 'orderly', PORT);
    const agent = AgentRun.start(lab, lab.node, podLogs(lab).env);
    const pod = await standInPod(lab, 'web-3');
    bypassNodeEnd(lab, server, pod);
    agent.configure({ INTERFACE_INDEX_SNIF: pod.hostIndex, ...identity('web-3', pod) });
    await agent.capturing(pod.hostIndex);
    lab.traffic(pod.namespace, 'hold', server.ipv4, PORT, 2);
    const started = await waitFor('a capture inside the pod', () => {
      const lines = agent.files(pod.hostIndex).log.map(({ msg }) => msg);
      return lines.some((msg) => / in \/proc\/\d+\/ns\/net/.test(msg)) && lines;
    });
    assert.ok(started.some((msg) => /one direction only .*: the next one captures inside the pod/.test(msg)));
    await lab.traffic(pod.namespace, 'orderly', server.ipv4, PORT).output();
    await waitFor('its end', () => agent.files(pod.hostIndex).endFlows.some(({ endType }) => endType === 0));
    await agent.stop();
    const { endFlows } = agent.files(pod.hostIndex);
    assert.equal(
      endFlows.filter(({ endType }) => endType === 0).map(({ quality }) => quality),
      [1],
      'both ways now',
    );
    assert.ok(
      endFlows.filter(({ endType }) => endType === 5).every(({ quality }) => quality === 0),
      'in doubt',
    );
  });
});

test('auto: where the pod cannot be entered, half of it is captured, in doubt', async () => {
  await Lab.use(async (lab) => {
    const server = lab.pod();
    await lab.serve(server.namespace, 'orderly', PORT);
    const pod = await standInPod(lab, 'web-6');
    bypassNodeEnd(lab, server, pod);
    const noEntry = ['setpriv', '--bounding-set', '-sys_admin', '--inh-caps', '-sys_admin'];
    const agent = AgentRun.start(lab, lab.node, podLogs(lab).env, noEntry);
    agent.configure({ INTERFACE_INDEX_SNIF: pod.hostIndex, ...identity('web-6', pod) });
    await agent.capturing(pod.hostIndex);
    lab.traffic(pod.namespace, 'hold', server.ipv4, PORT);
    await agent.program.waitForOutput(/needs CAP_SYS_ADMIN \(/);
    await agent.program.waitForOutput(/captures inside the pod[\s\S]*session started/);
    await agent.capturing(pod.hostIndex);
    lab.traffic(pod.namespace, 'hold', server.ipv4, PORT);
    await agent.program.waitForOutput(/one direction only .* the pod cannot be entered; .* in doubt/);
    await agent.stop();
    assert.ok(agent.files(pod.hostIndex).endFlows.every(({ quality }) => quality === 0));
  });
});

test('sidecar: auto is the pod’s own interface', async () => {
  await Lab.use(async (lab) => {
    const [pod, client] = [lab.pod(), lab.pod()];
    const index = pod.namespace.indexOf('eth0');
    const agent = AgentRun.start(lab, pod.namespace, { POD_NAME: 'web-4', POD_IP: pod.ipv4 });
    agent.configure({ INTERFACE_INDEX_SNIF: 'auto' });
    await agent.capturing(index);
    await lab.traffic(client.namespace, 'refused', pod.ipv4, PORT).output();
    const [refused] = await agent.events(index, ({ code }) => code === '00009');
    assert.is(refused?.nodeIP, 1, 'the pod is dst');
    assert.is((await agent.stop()).status, 0);
  });
});

test.run();
