import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AGENT, AgentRun } from '../lab/agent.ts';
import { Lab, type Pod } from '../lab/lab.ts';
import { run } from '../lab/program.ts';
import { waitFor } from '../lab/wait.ts';
import { makeCertificates } from './certificates.ts';
import { GOOD_PORTS, TLS_SERVERS } from './good-peers.ts';
import { nginx } from './nginx.ts';
import { Puppet } from './puppet.ts';
import { runScenario, type Scenario } from './tls-scenario.ts';
import { goodScenarios } from './tls-scenarios.ts';
import { Verdict } from './verdict.ts';

const test = suite('Good traffic is called good');

const [PEERS, FORGE] = ['./good-peers.js', './forge-reset.js'].map((name) =>
  fileURLToPath(new URL(name, import.meta.url)),
) as [string, string];
const NGINX = 7_201;
const NGINX_HTTP2 = 7_202;
const WARNING = 7_203;
const KEEP_ALIVE = 7_204;
const FORGED_OUTSIDE = 7_205;
const FORGED_INSIDE = 7_206;
const FIRST_SCENARIO = 7_220;
const ORDERLY = 5_001;
const REQUEST = 'ping\n';
/** Half a billion beyond: no window is so large. */
const OUTSIDE_BYTES = 500_000_000;
const INSIDE_BYTES = 100;
const UPLOAD_BYTES = 300_000;
/** Of OpenSSL with itself; each connection's last word is known, so that nothing is in doubt. */
const SCENARIOS = goodScenarios.filter(({ name }) =>
  [
    'TLS 1.2 client certificate',
    'TLS 1.3 client certificate',
    'TLS 1.2 session ticket',
    'TLS 1.3 session ticket',
    'TLS 1.3 HelloRetryRequest',
    'curl, TLS 1.2',
    'curl, TLS 1.3',
  ].includes(name),
);

interface Stage {
  readonly lab: Lab;
  readonly client: Pod;
  readonly server: Pod;
  readonly agent: AgentRun;
}

type Scene = (stage: Stage) => Promise<void>;

async function curl({ lab, client, server }: Stage, port: number, ...argv: readonly string[]): Promise<void> {
  const urls = argv.map((word) => (word.startsWith('/') ? `http://${server.ipv4}:${port}${word}` : word));
  const quiet = ['-sS', '--no-progress-meter', '-o', '/dev/null', '-o', '/dev/null', '-o', '/dev/null'];
  await lab
    .start(client.namespace, ['curl', ...quiet, '--max-time', '15', ...urls], {
      cwd: lab.directory,
    })
    .output();
}

async function peers({ lab, client, server }: Stage, kind: string): Promise<void> {
  await lab.start(client.namespace, [process.execPath, PEERS, kind, server.ipv4]).output();
}

/** Sends all it has, then FIN, and reads the answer. */
async function halfClose({ lab, client, server }: Stage): Promise<void> {
  const puppet = await Puppet.connect(lab, client, server.ipv4, GOOD_PORTS.halfClose);
  puppet.send('line\n'.repeat(1_000));
  puppet.end();
  await puppet.says(/^closed$/m);
}

/** Sends and never hears a byte. */
async function upload({ lab, client, server }: Stage): Promise<void> {
  const puppet = await Puppet.connect(lab, client, server.ipv4, GOOD_PORTS.upload);
  for (let i = 0; i < 3; i++) puppet.send('a line of a log\n'.repeat(UPLOAD_BYTES / 16 / 3));
  puppet.end();
  await puppet.says(/^closed$/m);
}

/** The server serves one name, warns whoever asks for another, and goes on. */
async function unrecognizedName({ lab, client, server }: Stage): Promise<void> {
  const files = ['-cert', 'rsa.pem', '-key', 'rsa.key', '-cert2', 'ecdsa.pem', '-key2', 'ecdsa.key'];
  const scenario: Scenario = {
    name: 'a warning',
    server: ({ port }) => [
      ...['openssl', 's_server', '-quiet', '-accept', String(port), '-tls1_2', '-www', ...files],
      ...['-servername', 'other.example'],
    ],
    client: ({ address, port }) => [
      ...['openssl', 's_client', '-connect', `${address}:${port}`, '-servername', 'shop.example'],
      ...['-CAfile', 'ca.pem', '-no-CApath'],
    ],
    input: 'GET / HTTP/1.0\r\n\r\n',
  };
  const place = { dir: lab.directory, address: server.ipv4, port: WARNING };
  await runScenario(scenario, place, server.namespace, client.namespace);
}

/** A RST that the client's kernel does not accept; the connection goes on and ends in order. */
async function forgedReset({ lab, client, server }: Stage, port: number, beyondBytes: number): Promise<void> {
  await lab.serve(server.namespace, 'orderly', port);
  const forger = lab.start(lab.node, [
    process.execPath,
    FORGE,
    client.hostInterface,
    String(port),
    String(beyondBytes),
  ]);
  await forger.waitForOutput(/^listening$/m);
  const puppet = await Puppet.connect(lab, client, server.ipv4, port);
  await puppet.ask(REQUEST);
  await forger.waitForOutput(/^sent$/m);
  for (let i = 2; i < 4; i++) {
    puppet.send(REQUEST);
    await puppet.says(new RegExp(`(^received 5\\n){${i}}`, 'm'));
  }
  puppet.end();
  await puppet.says(/^closed$/m);
}

const SCENES: readonly Scene[] = [
  (stage) => curl(stage, NGINX, '/one', '/two', '/three'),
  (stage) => curl(stage, NGINX, '-I', '/one'),
  (stage) => curl(stage, NGINX, '-H', 'If-Modified-Since: Sun, 06 Nov 2044 08:49:37 GMT', '/file'),
  (stage) => curl(stage, NGINX_HTTP2, '--http2-prior-knowledge', '/one'),
  (stage) => curl(stage, GOOD_PORTS.web, '/one', '/two'),
  (stage) => curl(stage, GOOD_PORTS.web, '-T', 'file', '-H', 'Expect: 100-continue', '/put'),
  (stage) => peers(stage, 'websocket'),
  (stage) => peers(stage, 'tls'),
  halfClose,
  upload,
  unrecognizedName,
  (stage) => forgedReset(stage, FORGED_OUTSIDE, OUTSIDE_BYTES),
  (stage) => forgedReset(stage, FORGED_INSIDE, INSIDE_BYTES),
  ...SCENARIOS.map(
    (scenario, i): Scene =>
      async ({ lab, client, server }) => {
        const place = { dir: lab.directory, address: server.ipv4, port: FIRST_SCENARIO + i };
        await runScenario(scenario, place, server.namespace, client.namespace);
      },
  ),
];

let verdict: Verdict;
/** What a capture of the node's `any` interface, in which each packet stands twice, gives. */
let doubled: { readonly events: string; readonly report: string; readonly packets: string };

/** Replays a capture; gives the events, the report on what came of it, and the summary. */
function replay(lab: Lab, file: string, pod: Pod): typeof doubled {
  const env = join(lab.directory, 'doubled.env');
  writeFileSync(env, `POD_IP=${pod.ipv4}\nEVENT_THROTTLE=N\n`);
  const out = join(lab.directory, 'doubled');
  mkdirSync(out);
  const packets = run([process.execPath, AGENT, 'replay', file, '--out', out, '--env', env]);
  const events = run(['sh', '-c', `cat ${out}/netwevents_* 2>/dev/null || true`]);
  return { events, packets, report: run([process.execPath, AGENT, 'report', out]).replace(/\s+/g, ' ') };
}

test.before(async () => {
  await Lab.use(async (lab) => {
    const [client, server] = [lab.pod(), lab.pod()];
    makeCertificates(lab.directory);
    writeFileSync(join(lab.directory, 'file'), 'x'.repeat(50_000));
    const servers = lab.start(server.namespace, [process.execPath, PEERS, 'serve'], { cwd: lab.directory });
    const file = `location /file { root ${lab.directory}; if_modified_since before; }`;
    await nginx(lab, server, [NGINX, NGINX_HTTP2], [`listen ${NGINX}; ${file}`, `listen ${NGINX_HTTP2} http2;`]);
    await servers.waitForOutput(/^ready$/m);
    await Promise.all([ORDERLY, KEEP_ALIVE].map((port) => lab.serve(server.namespace, 'orderly', port)));

    // older than the capture: only its keep-alive probes are seen
    const options = `require('net').connect({ host: '${server.ipv4}', port: ${KEEP_ALIVE}, keepAlive: true, keepAliveInitialDelay: 1000 })`;
    const script = `${options}.on('connect', function () { this.write('ping\\n'); }).once('data', () => console.log('answered'));`;
    await lab.start(client.namespace, [process.execPath, '-e', script]).waitForOutput(/^answered$/m);

    const settings = { POD_IP: client.ipv4, EVENT_THROTTLE: 'N', STALE_SECONDS: 3, STALE2_SECONDS: 5 };
    const agent = await AgentRun.watch(lab, client, settings);
    const capture = join(lab.directory, 'any.pcap');
    const tcpdump = lab.start(lab.node, ['tcpdump', '-i', 'any', '-U', '-w', capture, 'tcp', 'port', String(ORDERLY)]);
    await tcpdump.waitForOutput(/listening on any/);
    await lab.traffic(client.namespace, 'orderly', server.ipv4, ORDERLY, 20).output();
    const stage = { lab, client, server, agent };
    const outcomes = await Promise.allSettled(SCENES.map((scene) => scene(stage)));
    for (const outcome of outcomes) if (outcome.status === 'rejected') console.error(outcome.reason);
    const isRest = ({ code, dstPort }: { code: string; dstPort: number }) => code === '00008' && dstPort === KEEP_ALIVE;
    await agent.events(client.hostIndex, isRest).catch(console.error);
    await waitFor(
      'the end of each connection',
      () => server.namespace.run('ss', '-tnH', 'state', 'established').split('\n').length <= 2,
    );
    await tcpdump.stop('SIGINT');
    doubled = replay(lab, capture, client);
    [verdict] = (await Verdict.of(agent, client)) as [Verdict];
  });
});

for (const [name, port, connections] of [
  ['short connections', ORDERLY, 20],
  ['nginx: keep-alive, HEAD, 304', NGINX, 3],
  ['nginx: HTTP/2 in clear', NGINX_HTTP2, 1],
  ['Node: chunks, an upload that waits for 100 Continue', GOOD_PORTS.web, 2],
  ['a websocket', GOOD_PORTS.websocket, 1],
  ['a client that closes its side before it is answered', GOOD_PORTS.halfClose, 1],
  ...SCENARIOS.map(({ name, first }, i) => [name, FIRST_SCENARIO + i, first === undefined ? 1 : 2] as const),
  ...TLS_SERVERS.map(({ port, closing, version }) => [`${version} closed by ${closing}`, port, 1] as const),
] as const) {
  test(name, () => verdict.findsNothing(port, connections));
}

test('an upload that no byte answers is no trouble', () => {
  const about = verdict.about(GOOD_PORTS.upload);
  assert.equal(verdict.eventsOf(GOOD_PORTS.upload), [], about);
  assert.equal(verdict.findingsOf(GOOD_PORTS.upload), [], about);
  assert.equal(
    verdict.endsOf(GOOD_PORTS.upload).map(({ failure, endType }) => [failure, endType]),
    [['', 0]],
    about,
  );
});

test('a warning before a handshake that completes is worth knowing at most', () => {
  const about = verdict.about(WARNING);
  const told = verdict.eventsOf(WARNING).map(({ code, causeId }) => `${code} ${causeId}`);
  assert.equal(told, ['00004 tls.warning.unrecognized-name', '00003 tls.established'], about);
  assert.ok(
    verdict.findingsOf(WARNING).every(({ severity }) => severity === 'worth knowing'),
    about,
  );
  assert.equal(
    verdict.endsOf(WARNING).map(({ failure, endType }) => [failure, endType]),
    [['', 0]],
    about,
  );
  assert.is(verdict.healthyOf(WARNING), 1, about);
});

test('keep-alive probes of a connection older than the capture: both sides rest', () => {
  const about = verdict.about(KEEP_ALIVE);
  const told = verdict.eventsOf(KEEP_ALIVE);
  assert.equal(
    told.map(({ code, value, causeId }) => `${code} ${value} ${causeId}`),
    ['00007 0 tcp.stale.idle', '00008 0 tcp.stale.idle'],
    about,
  );
  assert.ok(
    told.every(({ midstream, srcIP }) => midstream === true && srcIP !== ''),
    about,
  );
  assert.ok(
    verdict.findingsOf(KEEP_ALIVE).every(({ severity }) => severity === 'worth knowing'),
    about,
  );
  assert.ok(
    verdict.endsOf(KEEP_ALIVE).every(({ dataTo, dataFrom, failure }) => dataTo + dataFrom === 0 && failure === ''),
    about,
  );
});

for (const [name, port] of [
  ['outside of the window', FORGED_OUTSIDE],
  ['within the window, answered by a challenge ACK', FORGED_INSIDE],
] as const) {
  test(`a forged RST ${name} ends nothing`, () => {
    verdict.findsNothing(port, 1);
    const [end] = verdict.endsOf(port);
    assert.equal([end?.endType, end?.dataTo, end?.dataFrom], [0, 15, 15], verdict.about(port));
  });
}

test('forged RSTs are counted', () => {
  const counters = verdict.log.findLast(({ msg }) => msg === 'capture counters');
  assert.is(counters?.['ignoredResets'], 2, JSON.stringify(counters));
});

test('a capture in which each packet stands twice', () => {
  assert.is(doubled.events, '', doubled.events);
  assert.match(doubled.packets, /^20 connections$/m);
  assert.match(doubled.report, /Nothing is wrong, as far as the packets tell/);
  assert.match(doubled.report, new RegExp(`Healthy .*:${ORDERLY} \\(20\\)`));
});

test.run();
