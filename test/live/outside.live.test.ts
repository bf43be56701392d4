import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { StoredEvent } from '../kubernetes/api-server.ts';
import { AgentRun } from '../lab/agent.ts';
import { Lab } from '../lab/lab.ts';
import { waitFor } from '../lab/wait.ts';
import { checkMetrics } from '../serve/metric-rules.ts';
import { makeCertificates } from './certificates.ts';

const test = suite('The agent seen from outside');
const CLOSED_PORT = 5_001;
const ORDERLY_PORT = 5_002;
const HEALTH_PORT = 9_811;

test('events of real traffic in the cluster, and in the metrics', async () => {
  await Lab.use(async (lab) => {
    makeCertificates(lab.directory);
    const api = lab.start(lab.node, [process.execPath, 'build/test/kubernetes/serve-api.js', lab.directory]);
    const environment = await waitFor('the API server', () => api.stdout.includes('\n') && api.stdout);
    const [client, server] = [lab.pod(), lab.pod()];
    await lab.serve(server.namespace, 'orderly', ORDERLY_PORT);
    const settings = { KUBERNETES_EVENTS: 'Y', POD_NAME: 'web-0', POD_NAMESPACE: 'shop', POD_UID: 'f00' };
    const agent = await AgentRun.watch(lab, client, settings, {
      HEALTH_PORT: String(HEALTH_PORT),
      ...JSON.parse(environment),
    });
    await lab.traffic(client.namespace, 'orderly', server.ipv4, ORDERLY_PORT).ended;
    for (let n = 0; n < 3; n++) {
      await lab.start(client.namespace, ['curl', '-s', `http://${server.ipv4}:${CLOSED_PORT}/`]).ended;
    }
    await agent.events(client.hostIndex, ({ code }) => code === '00009', 3);

    const scraped = lab.node.run('curl', '-sS', `http://127.0.0.1:${HEALTH_PORT}/metrics`);
    const { problems, series } = checkMetrics(scraped);
    assert.equal(problems, []);
    const sampleOf = (name: string, label: string, value: string) =>
      series.find((one) => one.name === name && one.labels[label] === value)?.value;
    assert.is(sampleOf('dlltagent_events_total', 'code', '00009'), 3);
    assert.is(sampleOf('dlltagent_connections_ended_total', 'end_type', 'reset'), 3);
    assert.is(sampleOf('dlltagent_connections_ended_total', 'end_type', 'fin'), 1);
    assert.is(sampleOf('dlltagent_tcp_handshake_seconds_count', 'pod', 'web-0'), 1);
    assert.is(sampleOf('dlltagent_connections_open', 'pod', 'web-0'), 0);
    assert.not.ok(scraped.includes(server.ipv4));

    await agent.stop(); // what is untold is told in the end
    const told = await waitFor('the last event', () => {
      const objects = api.stdout
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => JSON.parse(line) as StoredEvent);
      return objects.find(({ count }) => count === 3);
    });
    assert.equal([told.reason, told.involvedObject.uid], ['TcpSynReset', 'f00']);
    assert.match(told.message, new RegExp(`^connection refused: .* → ${server.ipv4}:${CLOSED_PORT}`));
  });
});

test.run();
