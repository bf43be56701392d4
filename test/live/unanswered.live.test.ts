import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AgentRun } from '../lab/agent.ts';
import { Lab, type Pod } from '../lab/lab.ts';
import { waitFor } from '../lab/wait.ts';
import { makeCertificates } from './certificates.ts';
import { nginx } from './nginx.ts';
import { Puppet } from './puppet.ts';
import { LATE_MS, PORTS } from './unanswering-servers.ts';
import { Verdict } from './verdict.ts';

const test = suite('What a FIN hides');

const SERVERS = fileURLToPath(new URL('./unanswering-servers.js', import.meta.url));
const NGINX_444 = 7_020;
const KILLED_TLS = 7_021;
const REQUEST = 'GET /slow HTTP/1.1\r\nHost: shop\r\n\r\n';
/** SSLRequest (https://www.postgresql.org/docs/current/protocol-message-formats.html). */
const SSL_REQUEST = Buffer.from('0000000804d2162f', 'hex');
/** What a client waits for an answer before it gives up. */
const PATIENCE_MS = 1_500;
const SHORT_PATIENCE_MS = 600;
/** Of the session in which half-closed connections are soon told. */
const STALE_SECONDS = 2;
/** How soon after the client's FIN an answer that is missing has to be told, though the server does not close. */
const TOLD_WITHIN_MS = 4_000;

const Value = { clientGaveUp: 0, serverClosed: 1, cutShort: 2, keepAliveRace: 3, declined: 4 };

/** A pod that waits for minutes before it is told that a connection stays half closed, and one that does not. */
interface Stage {
  readonly lab: Lab;
  readonly patient: Pod;
  readonly hasty: Pod;
  readonly server: Pod;
  readonly agent: AgentRun;
}

type Scene = (stage: Stage) => Promise<void>;

/** Runs curl `count` times at once; it fails, as it should. */
async function curl({ lab, patient, server }: Stage, port: number, count: number, ...more: string[]): Promise<void> {
  const scheme = more.includes('-k') ? 'https' : 'http';
  const argv = ['curl', '-sS', '-o', '/dev/null', '--max-time', '10', ...more, `${scheme}://${server.ipv4}:${port}/`];
  await Promise.all(Array.from({ length: count }, () => lab.start(patient.namespace, argv).ended));
}

const maxTime = (ms: number) => ['--max-time', String(ms / 1_000)];

/** Packets that the first rule of a chain has taken so far. */
const taken = ({ namespace }: Pod) => Number(/^\s*(\d+)/.exec(namespace.run('iptables', '-nvxL', 'INPUT', '1'))?.[1]);

/** The server's FIN does not reach the client, which uses the connection once more. */
async function keepAliveRace({ lab, patient, server }: Stage): Promise<void> {
  const fin = ['-p', 'tcp', '--sport', String(PORTS.keepAlive), '--tcp-flags', 'FIN', 'FIN', '-j', 'DROP'];
  patient.namespace.run('iptables', '-w', '-A', 'INPUT', ...fin);
  const client = await Puppet.connect(lab, patient, server.ipv4, PORTS.keepAlive);
  await client.ask(REQUEST);
  await waitFor("the server's FIN", () => taken(patient) > 0);
  client.send(REQUEST);
  await client.says(/^error ECONNRESET$/m);
}

async function declined({ lab, patient, server }: Stage): Promise<void> {
  const client = await Puppet.connect(lab, patient, server.ipv4, PORTS.postgres);
  await client.ask(SSL_REQUEST);
  client.end();
  await client.says(/^closed$/m);
}

/** A TLS server is killed while half of a long answer is still with it. */
async function killedInMidRecord({ lab, patient, server }: Stage): Promise<void> {
  const code = `const fs = require('fs');
    require('https').createServer({ cert: fs.readFileSync('rsa.pem'), key: fs.readFileSync('rsa.key') },
      (q, s) => { s.write(Buffer.alloc(32 << 20, 'x')); setTimeout(() => process.kill(process.pid, 'SIGKILL'), 300); }).listen(${KILLED_TLS});`;
  const program = lab.start(server.namespace, [process.execPath, '-e', code], { cwd: lab.directory });
  await program.waitForListener(KILLED_TLS);
  const limit = ['--limit-rate', '8M', '--max-time', '20']; // most of it waits in buffers when the server is killed
  const argv = ['curl', '-sSk', '-o', '/dev/null', ...limit, `https://${server.ipv4}:${KILLED_TLS}/`];
  await lab.start(patient.namespace, argv).ended;
}

async function abandoned({ lab, patient, server }: Stage, port: number): Promise<void> {
  const client = await Puppet.connect(lab, patient, server.ipv4, port);
  client.send(REQUEST);
  await new Promise((resolve) => setTimeout(resolve, PATIENCE_MS)); // its patience
  client.reset();
  await client.says(/^closed$/m);
}

/** The server owes nothing, and does not close. */
async function neverClosed({ lab, hasty, server, agent }: Stage): Promise<void> {
  const client = await Puppet.connect(lab, hasty, server.ipv4, PORTS.neverCloses);
  await client.ask(REQUEST);
  client.end();
  await agent.events(hasty.hostIndex, is('00022', PORTS.neverCloses));
}

/** The server has closed, the client reads that and does not. */
async function clientNeverCloses({ lab, hasty, server, agent }: Stage): Promise<void> {
  const client = await Puppet.connect(lab, hasty, server.ipv4, PORTS.closesFirst);
  await client.ask(REQUEST);
  await client.says(/^finished$/m);
  await agent.events(hasty.hostIndex, is('00022', PORTS.closesFirst));
}

/** The way to the server is cut before the client closes. */
async function vanished({ lab, hasty, server, agent }: Stage): Promise<void> {
  const client = await Puppet.connect(lab, hasty, server.ipv4, PORTS.vanishing);
  await client.ask(REQUEST);
  const all = ['-p', 'tcp', '--dport', String(PORTS.vanishing), '-j', 'DROP'];
  server.namespace.run('iptables', '-w', '-A', 'INPUT', ...all);
  client.end();
  await agent.events(hasty.hostIndex, is('00022', PORTS.vanishing));
}

const is = (code: string, port: number) => (event: { readonly code: string; readonly dstPort: number }) =>
  event.code === code && event.dstPort === port;

/** How long after the end of the clients the event of the server that stays open was in the file. */
let toldAfterMs = Number.NaN;

async function silentAndOpen(stage: Stage): Promise<void> {
  await curl(stage, PORTS.silentAndOpen, 2, ...maxTime(PATIENCE_MS));
  const begin = performance.now();
  await stage.agent.events(stage.patient.hostIndex, is('00021', PORTS.silentAndOpen), 2);
  toldAfterMs = performance.now() - begin;
}

const SCENES: readonly Scene[] = [
  (stage) => curl(stage, PORTS.orderly, 3),
  (stage) => curl(stage, PORTS.silent, 2, ...maxTime(PATIENCE_MS)),
  silentAndOpen,
  (stage) => curl(stage, NGINX_444, 3),
  (stage) => curl(stage, PORTS.halfOfLength, 2),
  (stage) => curl(stage, PORTS.withoutLastChunk, 2),
  (stage) => curl(stage, PORTS.inMidRecord, 2, '-k'),
  killedInMidRecord,
  keepAliveRace,
  declined,
  (stage) => curl(stage, PORTS.hangsUp, 3, '-k'),
  async (stage) => {
    await curl(stage, PORTS.late, 2, ...maxTime(SHORT_PATIENCE_MS));
    await stage.agent.events(stage.patient.hostIndex, is('00021', PORTS.late), 2);
  },
  (stage) => abandoned(stage, PORTS.abandoned),
  (stage) => abandoned(stage, PORTS.abandonedWeb),
  neverClosed,
  clientNeverCloses,
  vanished,
];

let patient: Verdict;
let hasty: Verdict;

test.before(async () => {
  await Lab.use(async (lab) => {
    const pods = { patient: lab.pod(), hasty: lab.pod(), server: lab.pod() };
    makeCertificates(lab.directory);
    const servers = lab.start(pods.server.namespace, [process.execPath, SERVERS], { cwd: lab.directory });
    await nginx(lab, pods.server, [NGINX_444], [`listen ${NGINX_444}; location = / { return 444; }`]);
    await servers.waitForOutput(/^ready$/m);
    const agent = AgentRun.start(lab, lab.node);
    for (const [pod, suffix, seconds] of [
      [pods.patient, '.patient', 180],
      [pods.hasty, '.hasty', STALE_SECONDS],
    ] as const) {
      const settings = { POD_IP: pod.ipv4, EVENT_THROTTLE: 'N', STALE_SECONDS: seconds };
      agent.configure({ INTERFACE_INDEX_SNIF: pod.hostIndex, ...settings }, suffix);
    }
    await Promise.all([pods.patient, pods.hasty].map((pod) => agent.capturing(pod.hostIndex)));
    const stage = { lab, agent, ...pods };
    const outcomes = await Promise.allSettled(SCENES.map((scene) => scene(stage)));
    for (const outcome of outcomes) if (outcome.status === 'rejected') console.error(outcome.reason);
    [patient, hasty] = (await Verdict.of(agent, pods.patient, pods.hasty)) as [Verdict, Verdict];
  });
});

/** Every event of a server is 00021 with this value. */
function values(verdict: Verdict, port: number, value: number, count: number): void {
  const told = verdict.eventsOf(port).filter(({ code }) => code !== '00003');
  assert.equal(
    told.map((event) => `${event.code} ${event.value}`),
    Array(count).fill(`00021 ${value}`),
    verdict.about(port),
  );
}

const title = (verdict: Verdict, words: string, port: number) => `${words}: ${verdict.endsOf(port)[0]?.dstIP}:${port}`;

test('a server that answers is healthy', () => {
  patient.findsNothing(PORTS.orderly, 3);
});

for (const [name, port] of [
  ['the server reads and never answers', PORTS.silent],
  ['the server reads, never answers, and never closes', PORTS.silentAndOpen],
] as const) {
  test(`${name}: the client gave up, with its patience`, () => {
    values(patient, port, Value.clientGaveUp, 2);
    const expected = { causeId: 'answer.client-gave-up', code: '00021', failed: 2 } as const;
    patient.finds(port, { ...expected, title: title(patient, 'Requests are not answered', port) });
    for (const { extra, quality } of patient.eventsOf(port)) {
      assert.ok(Math.abs((extra.waitedMs ?? 0) - PATIENCE_MS) < 400, `${extra.waitedMs} ms`);
      assert.is(quality, 1);
    }
  });
}

test('the server never closes: told soon after the client did', () => {
  assert.ok(toldAfterMs < TOLD_WITHIN_MS, `${toldAfterMs} ms`);
});

test('nginx closes without a byte (return 444)', () => {
  values(patient, NGINX_444, Value.serverClosed, 3);
  const expected = { causeId: 'answer.server-closed', code: '00021', failed: 3 } as const;
  patient.finds(NGINX_444, { ...expected, title: title(patient, 'The server closes without an answer', NGINX_444) });
});

for (const [name, port, count] of [
  ['half of Content-Length', PORTS.halfOfLength, 2],
  ['chunks without the last one', PORTS.withoutLastChunk, 2],
  ['a proxy closes in the middle of a TLS record', PORTS.inMidRecord, 2],
  ['a TLS server is killed in the middle of its answer', KILLED_TLS, 1],
] as const) {
  test(`the answer is cut short: ${name}`, () => {
    values(patient, port, Value.cutShort, count);
    const expected = { causeId: 'answer.cut-short', code: '00021', failed: count } as const;
    patient.finds(port, { ...expected, title: title(patient, 'Answers are cut short', port) });
    assert.ok(patient.eventsOf(port).every(({ code, extra }) => code === '00003' || extra.evtSrc === 1));
  });
}

test('a request that crosses the FIN of an idle connection (keep-alive race)', () => {
  const port = PORTS.keepAlive;
  values(patient, port, Value.keepAliveRace, 1);
  const expected = { causeId: 'answer.keepalive-race', code: '00021', failed: 1 } as const;
  const words = 'Requests are lost as the server closes idle connections';
  patient.finds(port, { ...expected, title: title(patient, words, port) });
});

test('PostgreSQL declines TLS', () => {
  const port = PORTS.postgres;
  values(patient, port, Value.declined, 1);
  const expected = { causeId: 'answer.declined', code: '00021', failed: 1 } as const;
  patient.finds(port, { ...expected, title: title(patient, 'The server declines TLS', port) });
});

test('a TLS server hangs up on the ClientHello', () => {
  const port = PORTS.hangsUp;
  values(patient, port, Value.serverClosed, 3);
  const expected = { causeId: 'answer.tls-refused', code: '00021', failed: 3 } as const;
  patient.finds(port, { ...expected, title: title(patient, 'The server hangs up on TLS', port) });
});

test('the answer comes after the client gave up', () => {
  const port = PORTS.late;
  values(patient, port, Value.clientGaveUp, 2);
  const expected = { causeId: 'answer.too-late', code: '00021', failed: 2 } as const;
  patient.finds(port, { ...expected, title: title(patient, 'Answers come too late', port) });
  for (const { extra } of patient.eventsOf(port)) {
    assert.ok(Math.abs((extra.waitedMs ?? 0) - SHORT_PATIENCE_MS) < 300, `${extra.waitedMs} ms waited`);
    assert.ok(Math.abs((extra.answeredMs ?? 0) - LATE_MS) < 300, `${extra.answeredMs} ms to the answer`);
  }
});

for (const port of [PORTS.abandoned, PORTS.abandonedWeb]) {
  test(`the client resets while it waits, port ${port}`, () => {
    const told = patient.eventsOf(port).filter(({ code }) => code === '00021');
    assert.equal(
      told.map(({ value }) => value),
      [Value.clientGaveUp],
      patient.about(port),
    );
    const expected = { causeId: 'answer.client-gave-up', code: '00021', failed: 1 } as const;
    patient.finds(port, { ...expected, title: title(patient, 'Requests are not answered', port) });
  });
}

for (const [name, port, value] of [
  ['the server', PORTS.neverCloses, 1],
  ['the client', PORTS.closesFirst, 0],
] as const) {
  test(`one side never closes: ${name}`, () => {
    const [event, ...more] = hasty.eventsOf(port);
    assert.equal([event?.code, event?.value, more], ['00022', value, []], hasty.about(port));
    const expected = { causeId: 'tcp.half-closed.not-closing', code: '00022', failed: 1 } as const;
    const words = title(hasty, 'Connections stay half closed', port);
    hasty.finds(port, { ...expected, severity: 'suspicious', title: words });
  });
}

test('the server vanished before the client closed', () => {
  const port = PORTS.vanishing;
  const [event, ...more] = hasty.eventsOf(port);
  assert.equal([event?.code, event?.value, more], ['00022', 1, []], hasty.about(port));
  const expected = { causeId: 'tcp.half-closed.peer-gone', code: '00022', failed: 1 } as const;
  const words = title(hasty, 'The other side is gone', port);
  hasty.finds(port, { ...expected, severity: 'suspicious', title: words });
});

test.run();
