import { randomUUID } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PodCgroup } from '../cluster/node-files.ts';
import { AgentRun } from '../lab/agent.ts';
import { Lab, type Pod } from '../lab/lab.ts';
import { capturesOn } from '../lab/packet-sockets.ts';

const test = suite('Whose interface it is, the kernel says');

/** A process in a pod's network namespace. */
async function dweller(lab: Lab, pod: Pod): Promise<number> {
  const program = lab.start(pod.namespace, ['sleep', 'infinity']);
  await program.waitUntilInPlace();
  return program.pid;
}

test('the index of another pod is not captured under the name of the one that is away', async () => {
  await Lab.use(async (lab) => {
    const pod = lab.pod();
    const [wanted, other] = [randomUUID(), randomUUID()];
    const group = new PodCgroup(lab, other);
    group.add(await dweller(lab, pod));
    lab.defer(() => group.empty());
    const agent = AgentRun.start(lab, lab.node);
    agent.configure({ INTERFACE_INDEX_SNIF: pod.hostIndex, POD_UID: wanted });
    await agent.program.waitForOutput(new RegExp(`Waiting for the pod ${wanted}: .*it has no process on this node`));
    assert.not.ok(capturesOn(agent.program.pid, pod.hostIndex));
    await agent.stop();
  });
});

test('a session ends when its pod turns out to be another one', async () => {
  await Lab.use(async (lab) => {
    const pod = lab.pod();
    const [wanted, other] = [randomUUID(), randomUUID()];
    const [first, second] = [new PodCgroup(lab, wanted), new PodCgroup(lab, other)];
    const pid = await dweller(lab, pod);
    lab.defer(() => second.empty());
    first.add(pid);
    const settings = { POD_UID: wanted, POD_NAME: 'db-0', POD_NAMESPACE: 'shop' };
    const agent = await AgentRun.watch(lab, pod, settings);
    second.add(pid);
    await agent.program.waitForOutput(/Waiting for the pod shop\/db-0: /);
    const { log } = agent.files(pod.hostIndex);
    assert.ok(log.some(({ msg, reason }) => msg === 'session ended' && reason !== 'gone'));
    await agent.stop();
  });
});

test.run();
