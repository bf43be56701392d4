import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PageMessage } from '../../src/model/page-messages.ts';
import type { Diagnosis } from '../../src/report/read-session.ts';
import type { StoredEvent } from '../cluster/events-api.ts';
import { AGENT, AgentRun } from '../lab/agent.ts';
import { Lab } from '../lab/lab.ts';
import { run } from '../lab/program.ts';
import { waitFor } from '../lab/wait.ts';
import { checkMetrics } from '../serve/metric-rules.ts';
import { makeCertificates } from './certificates.ts';

const test = suite('The agent seen from outside');
const CLOSED_PORT = 5_001;
const ORDERLY_PORT = 5_002;
const HEALTH_PORT = 9_811;

test('real traffic in the metrics, on the live page, and as Events of the cluster', async () => {
  await Lab.use(async (lab) => {
    makeCertificates(lab.directory);
    const api = lab.start(lab.node, [process.execPath, 'build/test/cluster/serve-api.js', lab.directory]);
    const environment = await waitFor('the API server', () => api.stdout.includes('\n') && api.stdout);
    const [client, server] = [lab.pod(), lab.pod()];
    await lab.serve(server.namespace, 'orderly', ORDERLY_PORT);
    const settings = { KUBERNETES_EVENTS: 'Y', POD_NAME: 'web-0', POD_NAMESPACE: 'shop', POD_UID: 'f00' };
    const agent = await AgentRun.watch(lab, client, settings, {
      HEALTH_PORT: String(HEALTH_PORT),
      UI: 'Y',
      ...JSON.parse(environment),
    });
    await lab.traffic(client.namespace, 'orderly', server.ipv4, ORDERLY_PORT).ended;
    for (let n = 0; n < 3; n++) {
      await lab.start(client.namespace, ['curl', '-s', `http://${server.ipv4}:${CLOSED_PORT}/`]).ended;
    }
    await agent.events(client.hostIndex, ({ code }) => code === '00009', 3);

    // ends count once it is known whose they are
    const scraped = await waitFor('the end of each connection', () => {
      const text = lab.node.run('curl', '-sS', `http://127.0.0.1:${HEALTH_PORT}/metrics`);
      const ended = [...text.matchAll(/^dlltagent_connections_ended_total\{.* (\d+)$/gm)].map(([, n]) => Number(n));
      return ended.reduce((sum, n) => sum + n, 0) === 4 && text;
    });
    const { problems, series } = checkMetrics(scraped);
    assert.equal(problems, []);
    const sampleOf = (name: string, label: string, value: string) =>
      series.find((one) => one.name === name && one.labels[label] === value)?.value;
    assert.is(sampleOf('dlltagent_events_total', 'code', '00009'), 3);
    assert.is(sampleOf('dlltagent_trouble_total', 'severity', 'broken'), 3);
    assert.is(sampleOf('dlltagent_connections_ended_total', 'end_type', 'reset'), 3);
    assert.is(sampleOf('dlltagent_connections_ended_total', 'end_type', 'fin'), 1);
    assert.is(sampleOf('dlltagent_tcp_handshake_seconds_count', 'pod', 'web-0'), 1);
    assert.is(sampleOf('dlltagent_connections_open', 'pod', 'web-0'), 0);
    assert.not.ok(scraped.includes(server.ipv4));

    lab.traffic(client.namespace, 'hold', server.ipv4, ORDERLY_PORT);
    const stream = lab.start(lab.node, ['curl', '-sSN', `http://127.0.0.1:${HEALTH_PORT}/stream`]);
    const told = () =>
      stream.stdout
        .split('\n\n')
        .slice(0, -1)
        .map((text) => JSON.parse(text.replace(/^data: /, '')) as PageMessage);
    const established = await waitFor('the open connection on the page', () => {
      const connections = told().flatMap((message) => (message.kind === 'connections' ? message.changed : []));
      return connections.find(({ state }) => state === 'established');
    });
    assert.is(established.server, `${server.ipv4}:${ORDERLY_PORT}`);
    const lines = told().flatMap((message) => (message.kind === 'events' ? message.events : []));
    assert.is(lines.filter(({ line }) => line.includes('"code":"00009"')).length, 3);
    await lab.start(client.namespace, ['curl', '-s', `http://${server.ipv4}:${CLOSED_PORT}/`]).ended;
    await waitFor('the end of another on the page', () =>
      told().some(
        (message) => message.kind === 'connections' && message.changed.some(({ state }) => state === 'reset'),
      ),
    );

    const counted = checkMetrics(lab.node.run('curl', '-sS', `http://127.0.0.1:${HEALTH_PORT}/metrics`)).series;
    const refusals = counted.find(
      ({ name, labels }) => name === 'dlltagent_events_total' && labels['code'] === '00009',
    );
    assert.is(refusals?.value, 4);

    await agent.stop(); // what is untold is told in the end
    const last = await waitFor('the last event', () => {
      const objects = api.stdout
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => JSON.parse(line) as StoredEvent);
      return objects.find(({ count }) => count === 4); // the fourth is not told as an event
    });
    assert.equal([last.reason, last.type, last.involvedObject.uid], ['TcpSynReset', 'Warning', 'f00']);
    const report = run([process.execPath, AGENT, 'report', '--json', '--since', '10m', agent.logDirectory]);
    const [{ findings }]: readonly Diagnosis[] = JSON.parse(report).sessions;
    assert.equal(
      findings.map(({ causeId, connections, events }) => [causeId, connections?.failed, connections?.all, events]),
      [['tcp.refused.nobody-listens', 4, 4, { '00009': 3 }]],
    );
    assert.match(last.message, new RegExp(`^connection refused: .* → ${server.ipv4}:${CLOSED_PORT}`));
  });
});

test.run();
