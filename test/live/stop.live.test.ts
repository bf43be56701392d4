import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AgentRun } from '../lab/agent.ts';
import { Lab } from '../lab/lab.ts';
import { httpContent, plainContent } from '../tools/content.ts';
import { makeCapture } from '../tools/make-capture.ts';

const test = suite('Stop');

test('what was sent before a stop is read, however much waits', async () => {
  await Lab.use(async (lab) => {
    const pod = lab.pod();
    for (const where of [pod.namespace, lab.node]) where.set('net/ipv6/conf/all/disable_ipv6', 1);
    const capture = join(lab.directory, 'load.pcap');
    const made = makeCapture(capture, { connections: 500, contents: [httpContent, plainContent] });
    const agent = await AgentRun.watch(lab, pod, { RING_MB: 64 }, { MEMORY_MB: '1024' }); // a ring takes an eighth at most
    agent.program.child.kill('SIGSTOP');
    const loops = Math.ceil(40_000 / made.packets);
    const options = ['-i', 'eth0', '--topspeed', '--unique-ip', '--loop', String(loops)];
    await lab.start(pod.namespace, ['tcpreplay', ...options, capture]).output();
    const stopped = agent.stop();
    agent.program.child.kill('SIGCONT');
    await stopped;
    const { log, flows } = agent.files(pod.hostIndex);
    const counters = log.findLast(({ msg }) => msg === 'capture counters');
    assert.is(counters?.['kernelDrops'], 0);
    assert.is(counters?.['received'], made.packets * loops);
    assert.is(flows.length, made.connections * loops);
  });
});

test.run();
