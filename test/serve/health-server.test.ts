import { connect } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { SessionState, SessionStatus } from '../../src/model/session-status.ts';
import { CLIENT_LIMITS } from '../../src/serve/client-places.ts';
import { HealthServer } from '../../src/serve/health-server.ts';
import { ListenError } from '../../src/serve/listen-addresses.ts';
import type { Observed } from '../../src/serve/observed.ts';
import { freePort } from '../lab/free-port.ts';
import { waitFor } from '../lab/wait.ts';
import { checkMetrics } from './metric-rules.ts';
import { sampleMemory } from './sample-figures.ts';

interface Context {
  port: number;
  sessions: SessionStatus[];
  server: HealthServer;
}

const test = suite<Context>('health');
const NOTHING: Observed = {
  sessions: () => [],
  figures: () => [],
  memory: sampleMemory,
  reloads: { good: 0, bad: 0 },
  page: null,
};

test.before.each(async (context) => {
  context.port = await freePort();
  context.sessions = [];
  context.server = await HealthServer.listen({
    port: context.port,
    addresses: ['127.0.0.1', '127.0.0.1'],
    observed: { ...NOTHING, sessions: () => context.sessions },
  });
});
test.after.each(({ server }) => server.close());

const session = (state: SessionState, reason = ''): SessionStatus => ({
  envFile: 'dlltagent_searchpod',
  podName: 'web-0',
  podNamespace: 'shop',
  interfaceIndex: state === 'capturing' ? 5 : null,
  interfaceName: state === 'capturing' ? 'veth1' : null,
  state,
  reason,
});

async function ask({ port }: Context, path: string, method = 'GET') {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method });
  return { status: response.status, text: await response.text(), allow: response.headers.get('allow') };
}

test('alive, whatever its sessions do', async (context) => {
  context.sessions = [session('failing', 'no rights')];
  const { status, text } = await ask(context, '/healthz');
  assert.is(status, 200);
  assert.is(text, 'alive\n');
});

for (const [state, status] of [
  ['capturing', 200],
  ['waiting', 200],
  ['starting', 503],
  ['failing', 503],
  ['refused', 503],
  ['unusable', 503],
] as const) {
  test(`ready with a session that is ${state}: ${status}`, async (context) => {
    context.sessions = [session('capturing'), session(state, 'because')];
    const answer = await ask(context, '/readyz?verbose');
    assert.is(answer.status, status);
    const [first, second, third] = answer.text.split('\n');
    assert.is(first, status === 200 ? 'ready' : 'not ready');
    assert.is(second, 'dlltagent_searchpod: pod shop/web-0 capturing on veth1 (dllt5)');
    assert.match(third ?? '', new RegExp(`pod shop/web-0 ${state}.*: because`));
  });
}

test('without an env file there is nothing to wait for', async (context) => {
  assert.is((await ask(context, '/readyz')).text, 'ready\n');
});

test('metrics', async (context) => {
  context.sessions = [session('capturing'), session('waiting')];
  const response = await fetch(`http://127.0.0.1:${context.port}/metrics`);
  assert.is(response.status, 200);
  assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  const { problems, series } = checkMetrics(await response.text());
  assert.equal(problems, []);
  const waiting = series.find(({ name, labels }) => name === 'dlltagent_sessions' && labels['state'] === 'waiting');
  assert.is(waiting?.value, 1);
});

test('nothing else', async (context) => {
  for (const path of ['/', '/healthz/', '/readyz/..', '/metrics/', '/%2e%2e/etc/passwd']) {
    assert.is((await ask(context, path)).status, 404, path);
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    const { status, allow } = await ask(context, '/healthz', method);
    assert.is(status, 405, method);
    assert.is(allow, 'GET, HEAD');
  }
  assert.is((await ask(context, '/healthz', 'HEAD')).text, '');
});

test('a port that is taken is one clear line', async ({ port }) => {
  try {
    await HealthServer.listen({ port, addresses: ['127.0.0.1'], observed: NOTHING });
    assert.unreachable();
  } catch (error) {
    assert.match(
      (error as Error).message,
      /^Cannot answer health checks on 127\.0\.0\.1.*EADDRINUSE; change HEALTH_PORT$/,
    );
  }
});

test('who sends nonsense or too much is let go, and others are served', async (context) => {
  for (const request of ['nonsense\r\n\r\n', `GET /healthz HTTP/1.1\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`]) {
    const socket = connect(context.port, '127.0.0.1');
    socket.on('error', () => undefined).resume();
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.write(request);
    await closed;
  }
  assert.is((await ask(context, '/healthz')).status, 200);
});

test('clients that say nothing do not pile up, and probes are answered beside them', async (context) => {
  const sockets = Array.from({ length: 300 }, () => connect(context.port, '127.0.0.1').on('error', () => undefined));
  for (const socket of sockets) socket.resume().write('GET /metrics HTTP/1.1\r\nHost:');
  await waitFor('those that are let go', () => sockets.filter(({ closed }) => closed).length === 300 - 128);
  for (let probe = 0; probe < 8; probe++) assert.is((await ask(context, '/healthz')).status, 200);
  for (const socket of sockets) socket.destroy();
});

test('a request that does not become whole is given up', async (context) => {
  context.server.close();
  const limits = { ...CLIENT_LIMITS, requestMs: 50 };
  context.server = await HealthServer.listen({
    port: context.port,
    addresses: ['127.0.0.1'],
    observed: NOTHING,
    limits,
  });
  const socket = connect(context.port, '127.0.0.1')
    .on('error', () => undefined)
    .resume();
  socket.write('GET /healthz HTTP/1.1\r\n');
  await new Promise((resolve) => socket.on('close', resolve));
});

for (const address of ['0.0.0.0', '::']) {
  test(`HEALTH_ADDRESS=${address}: loopback is one of all addresses`, async (context) => {
    context.server.close();
    const addresses = ['127.0.0.1', address];
    context.server = await HealthServer.listen({ port: context.port, addresses, observed: NOTHING });
    assert.is((await ask(context, '/healthz')).status, 200);
  });
}

test('an address that the machine does not have: what to change', async ({ port }) => {
  const outcome = HealthServer.listen({ port, addresses: ['192.0.2.1'], observed: NOTHING });
  const error = await outcome.then(
    () => null,
    (reason: unknown) => reason,
  );
  assert.instance(error, ListenError);
  assert.match((error as ListenError).message, /EADDRNOTAVAIL; .*change HEALTH_ADDRESS or POD_IP$/);
});

test.run();
