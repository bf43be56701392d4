import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AgentRun } from '../lab/agent.ts';
import { Lab } from '../lab/lab.ts';
import type { LogLine } from '../lab/session-files.ts';
import { waitFor } from '../lab/wait.ts';
import { H2C_PORT, NODE_HTTP2_PORT, NODE_PORT } from './http-servers.ts';
import { nginx } from './nginx.ts';
import { pcapOf, readPcap } from './pcaps.ts';

const test = suite('Header search in real traffic');
const program = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const NGINX_HTTP2_PORT = 8081;
const RESETTING = 8085;
const PLAIN_HTTP = 2;
/** Requests of each client in `http-clients.ts`. */
const REQUESTS = 30;

async function prepare(lab: Lab, settings: Readonly<Record<string, string | number>>) {
  const [client, server] = [lab.pod(), lab.pod()];
  const servers = lab.start(server.namespace, [process.execPath, program('http-servers.js'), 'serve']);
  for (const port of [NODE_PORT, NODE_HTTP2_PORT, H2C_PORT]) await servers.waitForListener(port);
  await nginx(lab, server, [NGINX_HTTP2_PORT], [`listen ${NGINX_HTTP2_PORT} http2;`]);
  await lab.serve(server.namespace, 'reset', RESETTING);
  const agent = await AgentRun.watch(lab, client, { SEARCH_HTTP_HEADER: 'X-Pepe', ...settings });
  const run = (...argv: string[]) => lab.start(client.namespace, argv).output();
  const matches = () => agent.files(client.hostIndex).log.filter(({ msg }) => msg === 'SEARCH_HTTP_HEADER was found');
  const seen = (count: number) =>
    waitFor(`${count} matches`, () => (matches().length >= count ? matches() : null), {
      describe: () => `${JSON.stringify(matches())}\n${agent.transcript()}`,
    });
  return { client, server, agent, run, seen, directory: agent.sessionDirectory(client.hostIndex) };
}

const told = ({ request, header }: LogLine) => [request, header];

/** Sends a request a byte at a time, each in a segment of its own, and the next one when it is answered. */
const SLOWLY = `
  const [host, port] = process.argv.slice(1);
  const socket = require('net').connect({ host, port: Number(port), noDelay: true });
  const heads = ['GET /plain HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n', 'PUT /cut HTTP/1.1\\r\\nx-pePE: 43\\r\\nHost: x\\r\\nConnection: close\\r\\nContent-Length: 0\\r\\n\\r\\n'];
  const next = async () => {
    for (const byte of heads.shift() ?? '') {
      socket.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  socket.on('data', next).on('end', () => socket.end());
  next();`;

test('HTTP/1: the second request of a kept connection, and a head cut in every place', async () => {
  await Lab.use(async (lab) => {
    const { server, agent, run, seen, directory } = await prepare(lab, {});
    const url = `http://${server.ipv4}:${NODE_PORT}`;
    const body = ['-d', 'X-Pepe: in a body'];
    await run('curl', '-sS', ...body, `${url}/one`, '--next', '-sS', '-H', 'X-Pepe: 42', `${url}/two`);
    await run(process.execPath, '-e', SLOWLY, server.ipv6, String(NODE_PORT));
    const [second, cut, ...more] = await seen(2);
    assert.equal(told(second as LogLine), ['GET /two HTTP/1.1', 'X-Pepe: 42']);
    assert.equal(told(cut as LogLine), ['PUT /cut HTTP/1.1', 'x-pePE: 43']);
    assert.is(more.length, 0);

    const packets = readPcap(await pcapOf(directory, String(second?.['pcap'])));
    assert.is(packets[0]?.flags, 2, 'from the SYN on, which was there before the match');
    assert.ok(packets.filter(({ payloadBytes }) => payloadBytes > 0).length >= 4, 'both requests, both answers');
    assert.match(String(cut?.['pcap']), /^dump_fd00-77--2_fd00-77-1--2_\d+_8082_[\d_]+\.pcap$/);
    readPcap(await pcapOf(directory, String(cut?.['pcap'])));
    await agent.stop();
  });
});

test('requests of Node over kept connections, HTTP/2 in clear by prior knowledge and by upgrade, gRPC', async () => {
  await Lab.use(async (lab) => {
    const { client, server, agent, run, seen, directory } = await prepare(lab, {});
    const clients = program('http-clients.js');
    const header = ['-H', 'X-Pepe: curl'];
    const curl = (...argv: string[]) => run('curl', '-sS', '-o', '/dev/null', ...header, ...argv);
    await curl('--http2-prior-knowledge', `http://${server.ipv4}:${NGINX_HTTP2_PORT}/prior`);
    await curl('--http2', `http://${server.ipv4}:${H2C_PORT}/upgrade`);
    await seen(2);
    await run(process.execPath, clients, 'keep-alive', server.ipv4);
    await seen(2 + REQUESTS);
    await run(process.execPath, clients, 'grpc', server.ipv4);
    const lines = await seen(2 + 2 * REQUESTS);
    const { status } = await agent.stop();
    assert.is(status, 0, agent.transcript());

    assert.equal(told(lines[0] as LogLine), ['GET /prior HTTP/2', 'x-pepe: curl']);
    assert.match(String(lines[1]?.['request']), /^GET \/upgrade HTTP\/1\.1/);
    const numbers = lines.slice(2, 2 + REQUESTS).map((line) => String(line['header']).replace(/^.*-/, ''));
    assert.equal(numbers, [...Array(REQUESTS).keys()].map(String), 'each request of the connection, once');
    const calls = lines.slice(2 + REQUESTS);
    assert.is(calls.length, REQUESTS);
    assert.is(new Set(calls.map((line) => line['header'])).size, REQUESTS);
    assert.ok(calls.every((line) => /^POST \/shop\.Cart\/Get\d HTTP\/2$/.test(String(line['request']))));
    for (const name of new Set(lines.map((line) => String(line['pcap'])))) readPcap(await pcapOf(directory, name));
    const { endFlows, events } = agent.files(client.hostIndex);
    assert.ok(endFlows.every(({ connType }) => connType === PLAIN_HTTP));
    assert.is(endFlows.length, 4);
    assert.equal(events, []);
  });
});

test('AVOID_LIVENESS_PROBE: no events, no pcap, flows stay, and the throttle does not count it', async () => {
  await Lab.use(async (lab) => {
    const settings = { AVOID_LIVENESS_PROBE: 'kube-probe/', FOLLOW_PORT: RESETTING };
    const { client, server, agent, directory } = await prepare(lab, settings);
    const get = (agentName: string) => {
      const url = `http://${server.ipv4}:${RESETTING}/`;
      return lab.start(client.namespace, ['curl', '-sS', '-A', agentName, '-H', 'X-Pepe: 1', url]).ended;
    };
    for (let i = 0; i < 4; i++) await get('kube-probe/1.29');
    await get('browser');
    const [reset] = await agent.events(client.hostIndex, () => true);
    await pcapOf(directory, reset?.pcap ?? 'without a name');
    const { status } = await agent.stop();
    assert.is(status, 0, agent.transcript());
    const { flows, endFlows, events, log } = agent.files(client.hostIndex);
    assert.equal(
      events.map(({ code, value }) => [code, value]),
      [
        ['00002', 1],
        ['00021', 1],
      ],
    );
    assert.is(flows.length, 5);
    assert.ok(endFlows.length === 5 && endFlows.every(({ endType }) => endType === 2));
    assert.is(readdirSync(directory).filter((name) => name.startsWith('dump_')).length, 1);
    assert.is(log.filter(({ msg }) => msg === 'SEARCH_HTTP_HEADER was found').length, 1);
  });
});

test.run();
