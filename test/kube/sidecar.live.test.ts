import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AGENT, envFile } from '../lab/agent.ts';
import { Lab } from '../lab/lab.ts';
import { capturesOn } from '../lab/packet-sockets.ts';
import { readEvents, readFlows } from '../lab/session-files.ts';
import { waitFor } from '../lab/wait.ts';

const test = suite('sidecar');

const PORT = 8080;
const NET_RAW = '0000000000002000'; // bit 13, linux/capability.h

test('in the pod itself, on its own interface, with no capability but NET_RAW', async () => {
  await Lab.use(async (lab) => {
    const pod = lab.pod();
    const client = lab.pod();
    const index = pod.namespace.indexOf('eth0');
    const [config, logs] = ['config', 'logs'].map((name) => join(lab.directory, name));
    assert.ok(config && logs);
    for (const directory of [config, logs]) mkdirSync(directory);
    writeFileSync(join(config, 'dlltagent_searchpod'), envFile({ INTERFACE_INDEX_SNIF: index, CAPTURE_SIDE: 'host' }));
    const only = ['setpriv', '--bounding-set', '-all,+net_raw', '--inh-caps', '-all,+net_raw', '--no-new-privs'];
    const env = { ...process.env, DLLT_CONFIG_DIR: config, LOG_DIR: logs, POD_NAME: 'web', POD_IP: pod.ipv4 };
    const agent = lab.start(pod.namespace, [...only, process.execPath, AGENT], { env, cwd: lab.directory });
    const describe = () => agent.stdout + agent.stderr;
    await waitFor('the sidecar capture', () => capturesOn(agent.pid, index), { describe });
    for (const set of ['CapPrm', 'CapEff', 'CapBnd']) {
      assert.match(readFileSync(`/proc/${agent.pid}/status`, 'utf8'), new RegExp(`^${set}:\t${NET_RAW}$`, 'm'));
    }

    await lab.serve(pod.namespace, 'orderly', PORT);
    await lab.traffic(client.namespace, 'orderly', pod.ipv4, PORT, 3).output();
    await lab.traffic(client.namespace, 'refused', pod.ipv4, PORT + 1, 1).output();
    const directory = join(logs, `dllt${index}`);
    await waitFor('four flows', () => readFlows(directory).length === 4, { describe });
    const [event] = await waitFor('an event', () => readEvents(directory).filter(({ pcap }) => pcap !== undefined), {
      describe,
    });
    assert.equal([event?.code, event?.nodeIP, event?.pod], ['00009', 1, 'web']);
    assert.equal(await agent.stop(), { status: 0, signal: null });
  });
});

test.run();
