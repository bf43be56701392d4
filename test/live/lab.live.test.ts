import { closeSync, existsSync, openSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ENV_FILE, envFile } from '../lab/agent.ts';
import { startCounted } from '../lab/come-and-go.ts';
import { evidence } from '../lab/evidence.ts';
import { Lab } from '../lab/lab.ts';
import { capturesOn } from '../lab/packet-sockets.ts';
import type { TrafficReport } from '../lab/traffic.ts';
import { waitFor } from '../lab/wait.ts';

const PORT = 8080;

test('pods reach each other over both address families, and the node sees it', async () => {
  await Lab.use(async (lab) => {
    const [client, server] = [lab.pod(), lab.pod()];
    await lab.serve(server.namespace, 'orderly', PORT);
    const file = join(lab.directory, 'seen.pcap');
    const argv = ['tcpdump', '-i', client.hostInterface, '--immediate-mode', '-U', '-Z', 'root', '-w', file, 'tcp'];
    const sniffer = lab.start(lab.node, argv);
    await waitFor('a capture', () => capturesOn(sniffer.pid, client.hostIndex));

    for (const address of [server.ipv4, server.ipv6]) {
      const output = await lab.traffic(client.namespace, 'orderly', address, PORT, 5).output();
      const report = JSON.parse(output) as TrafficReport;
      assert.is(report.connections, 5);
      assert.equal(report.errors, {});
    }
    const refused = await lab.traffic(client.namespace, 'refused', server.ipv4, PORT + 1, 3).output();
    assert.equal((JSON.parse(refused) as TrafficReport).errors, { ECONNREFUSED: 3 });
    await lab.traffic(client.namespace, 'half-open', lab.blackHole(client), PORT, 2, 100, 0.2).output();
    lab.dropSynAcks(client, PORT);
    await lab.traffic(client.namespace, 'half-open', server.ipv4, PORT, 1, 100, 0.2).output();

    // the kernel may have sent a SYN again
    const attempts = () => {
      const syns = lab.node.run('tcpdump', '-n', '-r', file, 'tcp[13] == 2 or (ip6 and ip6[53] == 2)');
      return new Set(syns.match(/\S+ > \S+/g));
    };
    await waitFor('all attempts', () => attempts().size >= 16, { describe: () => [...attempts()].join('\n') });
    await sniffer.stop('SIGINT');
    assert.is(attempts().size, 16, [...attempts()].join('\n'));
  });
});

test('a process that only looks into a namespace does not go with it', async () => {
  await Lab.use(async (lab) => {
    const pod = lab.pod();
    const resident = lab.start(pod.namespace, ['sleep', 'infinity']);
    await resident.waitUntilInPlace();
    const [libc, path] = [
      new URL('../../src/native/libc.js', import.meta.url).href,
      `/run/netns/${pod.namespace.name}`,
    ];
    const leave = join(lab.directory, 'leave');
    const script = `
      import { existsSync, writeSync } from 'node:fs';
      import { inNetworkNamespace } from '${libc}';
      const pause = new Int32Array(new SharedArrayBuffer(4));
      inNetworkNamespace('${path}', () => {
        writeSync(1, 'entered');
        while (!existsSync('${leave}')) Atomics.wait(pause, 0, 0, 10);
      });
      writeSync(1, 'left');`;
    const visitor = lab.start(lab.node, [process.execPath, '--input-type=module', '-e', script]);
    await visitor.waitForOutput(/entered/);
    pod.namespace.remove();
    writeFileSync(leave, '');
    await visitor.waitForOutput(/left/);
    assert.is((await resident.ended).signal, 'SIGKILL');
  });
});

test('nothing is left behind when a test throws', async () => {
  let directory = '';
  let name = '';
  try {
    await Lab.use(async (lab) => {
      directory = lab.directory;
      const pod = lab.pod();
      name = pod.namespace.name;
      await lab.serve(pod.namespace, 'silent', PORT);
      throw new Error('on purpose');
    });
    assert.unreachable();
  } catch (error) {
    assert.match(String(error), 'on purpose');
  }
  assert.not(existsSync(directory));
  assert.not(readdirSync('/run/netns').includes(name));
});

test('a wait that fails says what was there', async () => {
  try {
    await waitFor('a miracle', () => false, { timeoutMs: 30, describe: () => 'nothing but air' });
    assert.unreachable();
  } catch (error) {
    assert.match(String(error), 'Cannot see a miracle: not within 30 ms');
    assert.match(String(error), 'nothing but air');
  }
});

test('of a pod that is not seen gone it is told what the agent does, and who keeps the interface', async () => {
  await Lab.use(async (lab) => {
    const pod = lab.pod();
    const { agent, config, logs } = startCounted(lab);
    writeFileSync(join(config, ENV_FILE), envFile({ INTERFACE_INDEX_SNIF: pod.hostIndex }));
    await waitFor('a capture', () => capturesOn(agent.pid, pod.hostIndex));
    const directory = join(logs, `dllt${pod.hostIndex}`);
    const removed = { pod, namespaceInode: pod.namespace.inode, directory };
    const told = () => evidence(agent, [removed]);
    await waitFor('its log', () => told().includes('session started'));

    const namespace = openSync(`/run/netns/${pod.namespace.name}`, 'r');
    const isStopped = () => /^the agent runs, .*: T /m.test(told());
    // stopped while it asks for the pod's sockets it would itself be one that keeps the namespace
    await waitFor('an agent that is stopped and holds nothing', async () => {
      agent.child.kill('SIGSTOP');
      await waitFor('a stopped agent', isStopped);
      if (told().includes('in another namespace: 0\n')) return true;
      agent.child.kill('SIGCONT');
      return false;
    });
    pod.namespace.remove();
    const [link, holder] = [`${pod.hostInterface} (${pod.hostIndex})`, `its namespace is held by: ${process.pid} `];
    assert.match(told(), `${link} is still there, and is captured\n${holder}`);
    closeSync(namespace);
    await waitFor('nobody to hold it', () => told().includes(`${link} is gone, and is not captured`));
    assert.match(told(), 'its namespace is held by: no process');
    await agent.stop('SIGKILL');
    assert.match(told(), 'the agent ended: SIGKILL');
  });
});

test.run();
