import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { capturesOn } from '../lab/packet-sockets.ts';
import { readFlows, readLog } from '../lab/session-files.ts';
import { waitFor } from '../lab/wait.ts';
import { Kubelet } from './kubelet.ts';
import { refused, succeeded, withPod } from './with-pod.ts';

const test = suite('monitorPod.sh and its agents');

const PORT = 8080;

test('further pods, a pod on another node, and their end', async () => {
  await withPod(['ip'], async (cluster, _pod, lab) => {
    new Kubelet(lab, cluster);
    const { store } = cluster.api;
    const filesOf = (agent: string) => Object.keys(store.get('configmaps', 'default', agent)?.data ?? {}).sort();
    cluster.addPod('api', lab.pod().namespace, { programs: ['ip'] });
    cluster.addPod('far', lab.pod().namespace, { programs: ['ip'], node: 'node-b' });
    succeeded(await cluster.monitorPod('--apply', 'web', 'shop'));
    succeeded(await cluster.monitorPod('--add', '--apply', 'api', 'shop'));
    assert.equal(filesOf('dlltagent'), ['dlltagent_searchpod', 'dlltagent_searchpod.shop.api']);

    const far = await cluster.monitorPod('far', 'shop', '--add', '--apply');
    succeeded(far);
    assert.match(far.stdout, /agent pod dlltagent-node-b in the namespace default/);
    assert.equal(filesOf('dlltagent-node-b'), ['dlltagent_searchpod.shop.far']);
    assert.is(store.get('pods', 'default', 'dlltagent')?.spec?.['nodeName'], 'node-a');
    assert.is(store.get('pods', 'default', 'dlltagent-node-b')?.spec?.['nodeName'], 'node-b');

    succeeded(await cluster.monitorPod('--remove', '--apply', 'web', 'shop'));
    assert.equal(filesOf('dlltagent'), ['dlltagent_searchpod.shop.api']);
    succeeded(await cluster.monitorPod('--remove', '--apply', 'far', 'shop'));
    assert.is(store.get('pods', 'default', 'dlltagent-node-b'), undefined);
    assert.is(store.get('configmaps', 'default', 'dlltagent-node-b'), undefined);
    assert.ok(store.get('pods', 'default', 'dlltagent'));
    const last = await cluster.monitorPod('--remove', 'api', 'shop');
    succeeded(last);
    assert.match(last.stdout, /kubectl delete pod,configmap dlltagent -n default/);
    assert.equal(readdirSync(cluster.directory), []);
  });
});

test('from the pod to its first flow, an edit, and the files', async () => {
  await withPod(['ip'], async (cluster, pod, lab) => {
    const kubelet = new Kubelet(lab, cluster);
    const client = lab.pod();
    await lab.serve(pod.namespace, 'orderly', PORT);
    succeeded(await cluster.monitorPod('--apply', 'web', 'shop'));
    const { directory, program } = kubelet.agent('dlltagent');
    await waitFor('the agent capture', () => capturesOn(program.pid, pod.hostIndex), {
      describe: () => program.stderr,
    });
    const session = join(directory, `logs/dllt${pod.hostIndex}`);
    await lab.traffic(client.namespace, 'orderly', pod.ipv4, PORT, 1).output();
    await waitFor('a flow', () => readFlows(session).length === 1);

    const file = join(cluster.directory, 'dlltagent_searchpod');
    writeFileSync(file, readFileSync(file, 'utf8').replace(/^FOLLOW_PORT=.*$/m, `FOLLOW_PORT=${PORT}`));
    const reload = await cluster.monitorPod('--reload');
    succeeded(reload);
    assert.match(reload.stdout, /The agent dlltagent has the settings of dlltagent_searchpod/);
    await waitFor('the change in the log', () => readLog(session).some((line) => 'FOLLOW_PORT' in line));
    await lab.traffic(client.namespace, 'orderly', pod.ipv4, PORT, 1).output();
    const dump = await waitFor('a pcap', () => readdirSync(session).find((name) => name.endsWith('.pcap')));
    assert.ok(program.running);

    writeFileSync(file, readFileSync(file, 'utf8').replace(/^FOLLOW_PORT=.*$/m, 'FOLLOW_PORT=70000'));
    refused(await cluster.monitorPod('--reload'), /goes on with what it had: Cannot use FOLLOW_PORT="70000"/);

    const list = await cluster.kubectl('exec', '-i', 'dlltagent', '--', 'ls', 'logs');
    assert.is(list.stdout, `dllt${pod.hostIndex}\n`, list.stderr);
    succeeded(await cluster.kubectl('cp', `dlltagent:logs/dllt${pod.hostIndex}/${dump}`, 'copied.pcap'));
    assert.equal(readFileSync(join(cluster.directory, 'copied.pcap')), readFileSync(join(session, dump)));
  });
});

test('a namespace of its own for the agent, and its image, are remembered', async () => {
  await withPod(['ip'], async (cluster, _pod, lab) => {
    new Kubelet(lab, cluster);
    cluster.addPod('api', lab.pod().namespace, { programs: ['ip'] });
    cluster.environment = { DLLT_NAMESPACE: 'dllt', DLLT_IMAGE: 'registry.test/dlltagent:9' };
    succeeded(await cluster.monitorPod('--apply', 'web', 'shop'));
    cluster.environment = {};
    succeeded(await cluster.monitorPod('--add', '--apply', 'api', 'shop'));
    const labels = cluster.api.store.get('namespaces', '', 'dllt')?.metadata.labels;
    assert.is(labels?.['pod-security.kubernetes.io/enforce'], 'privileged');
    assert.match(
      JSON.stringify(cluster.api.store.get('pods', 'dllt', 'dlltagent')?.spec),
      /"image":"registry\.test\/dlltagent:9"/,
    );
  });
});

test.run();
