import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AgentRun } from '../lab/agent.ts';
import { Lab, type Pod } from '../lab/lab.ts';
import { nginx } from './nginx.ts';
import { Puppet } from './puppet.ts';
import { Verdict } from './verdict.ts';

const test = suite('Loss, closed windows, failing answers');

/** Packets to the client are lost before they come to where the capture is, and packets to the server behind it. */
const LOST_DOWN = 7_501;
const LOST_UP = 7_502;
const CUT_OFF = 7_503;
const UNREAD = 7_504;
/** 1,000 transfers that lose one packet of 200. */
const GOOD = 7_505;
const FAILING = 7_506;
const GATEWAY = 7_507;
const NOBODY = 7_508;
const SLOW = 7_509;
const TRANSFERS = 1_000;
const TRANSFER_BYTES = 30_000;
const MANY_BYTES = 600_000;
const SLOW_MS = 300;
const ZERO_WINDOW_SECONDS = 2;

interface Stage {
  readonly lab: Lab;
  readonly client: Pod;
  readonly server: Pod;
  readonly agent: AgentRun;
}

const is = (code: string, port: number) => (event: { readonly code: string; readonly dstPort: number }) =>
  event.code === code && event.dstPort === port;

/** The node drops a share of the packets to or from a port. */
function lose({ lab }: Pick<Stage, 'lab'>, direction: '--dport' | '--sport', port: number, share: number): void {
  const random = ['-m', 'statistic', '--mode', 'random', '--probability', String(share)];
  lab.node.run('iptables', '-w', '-A', 'FORWARD', '-p', 'tcp', direction, String(port), ...random, '-j', 'DROP');
}

/** Answers a first byte `d` with many bytes, swallows what follows `u`, reads nothing at UNREAD. */
async function serve(lab: Lab, { namespace }: Pod): Promise<void> {
  const script = `const net = require('net');
    for (const port of [${LOST_DOWN}, ${LOST_UP}, ${CUT_OFF}]) net.createServer((socket) => {
      socket.on('error', () => 0).once('data', (first) => first[0] === 100 ? socket.end('x'.repeat(${MANY_BYTES})) : socket.write('ok'));
      socket.on('data', () => 0).on('end', () => socket.end());
    }).listen(port);
    net.createServer((socket) => socket.on('error', () => 0).pause()).listen(${UNREAD});
    net.createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => 0).once('data', () => socket.end('x'.repeat(${TRANSFER_BYTES})));
    }).listen(${GOOD}, undefined, 1024);
    require('http').createServer((_, answer) => setTimeout(() => answer.end('late'), ${2 * SLOW_MS})).listen(${SLOW});`;
  const program = lab.start(namespace, [process.execPath, '-e', script]);
  for (const port of [LOST_DOWN, LOST_UP, CUT_OFF, UNREAD, GOOD, SLOW]) await program.waitForListener(port);
}

/** Runs a client in its pod to its end. */
async function run({ lab, client, server }: Stage, script: string): Promise<void> {
  const prelude = `const net = require('net'); const host = '${server.ipv4}';`;
  await lab.start(client.namespace, [process.execPath, '-e', prelude + script]).output();
}

const down = (stage: Stage) => run(stage, `net.connect(${LOST_DOWN}, host).on('close', () => 0).resume().write('d');`);
const up = (stage: Stage) =>
  run(stage, `net.connect(${LOST_UP}, host).on('close', () => 0).resume().end('u' + 'x'.repeat(${MANY_BYTES}));`);

async function cutOff(stage: Stage): Promise<void> {
  const { lab, client, server, agent } = stage;
  const puppet = await Puppet.connect(lab, client, server.ipv4, CUT_OFF);
  await puppet.ask('hello');
  lose(stage, '--dport', CUT_OFF, 1);
  puppet.send('more');
  await agent.events(client.hostIndex, is('00016', CUT_OFF));
  await puppet.program.stop('SIGKILL');
}

async function unread({ lab, client, server, agent }: Stage): Promise<void> {
  const puppet = await Puppet.connect(lab, client, server.ipv4, UNREAD);
  puppet.send('x'.repeat(40_000));
  for (let n = 0; n < 200; n++) puppet.send('x'.repeat(40_000));
  await agent.events(client.hostIndex, is('00017', UNREAD));
  await puppet.program.stop('SIGKILL');
}

/** Twenty at a time. */
const good = (stage: Stage) =>
  run(
    stage,
    `let left = ${TRANSFERS};
    const next = () => {
      if (left-- <= 0) return;
      let bytes = 0;
      net.connect(${GOOD}, host).on('data', (data) => { bytes += data.length; }).on('close', () => {
        if (bytes !== ${TRANSFER_BYTES}) process.exitCode = 1;
        next();
      }).write('get');
    };
    for (let n = 0; n < 20; n++) next();`,
  );

async function curl({ lab, client, server }: Stage, port: number, ...paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await lab.start(client.namespace, ['curl', '-s', `http://${server.ipv4}:${port}${path}`]).output();
  }
}

let verdict: Verdict;

test.before(async () => {
  await Lab.use(async (lab) => {
    const [client, server] = [lab.pod(), lab.pod()];
    // segments of a real size, not put together by the kernel
    for (const { namespace } of [client, server])
      namespace.run('ethtool', '-K', 'eth0', 'tso', 'off', 'gso', 'off', 'gro', 'off');
    await serve(lab, server);
    await nginx(
      lab,
      server,
      [FAILING, GATEWAY],
      [
        `listen ${FAILING}; location /cart { return 500; }`,
        `listen ${GATEWAY}; location /api { proxy_pass http://127.0.0.1:${NOBODY}; }`,
      ],
    );
    const settings = { POD_IP: client.ipv4, ZERO_WINDOW_SECONDS, SLOW_MS };
    const agent = await AgentRun.watch(lab, client, settings);
    const stage = { lab, client, server, agent };
    lose(stage, '--sport', LOST_DOWN, 0.15);
    lose(stage, '--dport', LOST_UP, 0.15);
    for (const direction of ['--sport', '--dport'] as const) lose(stage, direction, GOOD, 0.005);
    const outcomes = await Promise.allSettled([
      down(stage),
      up(stage),
      cutOff(stage),
      unread(stage),
      good(stage),
      curl(stage, FAILING, '/cart/7?token=secret', '/cart/8', '/', '/cart/9'),
      curl(stage, GATEWAY, '/api', '/'),
      curl(stage, SLOW, '/slow'),
    ]);
    for (const outcome of outcomes) if (outcome.status === 'rejected') console.error(outcome.reason);
    [verdict] = (await Verdict.of(agent, client)) as [Verdict];
  });
});

for (const [name, port, causeId, by] of [
  ['packets of the server are lost before the capture', LOST_DOWN, 'tcp.loss.before', 1],
  ['packets of the client are lost beyond the capture', LOST_UP, 'tcp.loss.beyond', 0],
] as const) {
  test(name, () => {
    const about = verdict.about(port);
    const told = verdict.eventsOf(port).filter(({ code, extra }) => code === '00016' && extra.evtSrc === by);
    assert.is(told.length, 1, about);
    assert.ok([causeId, 'tcp.loss.unacknowledged'].includes(told[0]?.causeId as typeof causeId), about);
    const [end] = verdict.endsOf(port);
    assert.ok((by === 0 ? end?.retransmittedTo : end?.retransmittedFrom) ?? 0 > 20, about);
    assert.is(by === 0 ? end?.dataTo : end?.dataFrom, by === 0 ? MANY_BYTES + 1 : MANY_BYTES, about);
    assert.ok((end?.rttToUs ?? 0) > 0 && (end?.rttFromUs ?? 0) > 0, about);
  });
}

test('nothing gets through any more', () => {
  const about = verdict.about(CUT_OFF);
  const told = verdict.eventsOf(CUT_OFF).filter(({ code }) => code === '00016');
  assert.equal(
    told.map(({ causeId, quality, extra }) => [causeId, quality, extra.evtSrc]),
    [['tcp.loss.unacknowledged', 1, 0]],
    about,
  );
});

test('a server that does not read', () => {
  const about = verdict.about(UNREAD);
  const told = verdict.eventsOf(UNREAD).filter(({ code }) => code === '00017');
  assert.equal(
    told.map(({ causeId, quality, extra }) => [causeId, quality, extra.evtSrc]),
    [['tcp.zero-window', 1, 1]],
    about,
  );
  assert.ok((told[0]?.value ?? 0) >= ZERO_WINDOW_SECONDS, about);
  const [end] = verdict.endsOf(UNREAD);
  assert.ok((end?.zeroWindowToMs ?? 0) >= ZERO_WINDOW_SECONDS * 1_000, about);
  assert.is(end?.zeroWindowFromMs, 0, about);
});

test(`${TRANSFERS} transfers that lose one packet of 200: nothing but SYNs that are repeated`, () => {
  const others = verdict.eventsOf(GOOD).filter(({ code }) => code !== '00001');
  assert.equal(others, [], JSON.stringify(others));
  const ends = verdict.endsOf(GOOD);
  assert.is(ends.length, TRANSFERS);
  assert.ok(ends.every(({ dataFrom }) => dataFrom === TRANSFER_BYTES));
  const again = ends.reduce((sum, { retransmittedFrom }) => sum + retransmittedFrom, 0);
  assert.ok(again > 20 && again < TRANSFERS * 2, `${again} segments sent again`);
});

test("a server's own failures, and those of what is behind a proxy", () => {
  for (const [port, value, causeId, path, times] of [
    [FAILING, 500, 'http.error.application', '/cart/7', 3],
    [GATEWAY, 502, 'http.error.gateway', '/api', 1],
  ] as const) {
    const about = verdict.about(port);
    const told = verdict.eventsOf(port).filter(({ code }) => code === '00018');
    const [event] = told;
    assert.equal([event?.value, event?.causeId, event?.quality], [value, causeId, 1], about);
    assert.is((event?.extra as { path?: string } | undefined)?.path, path, about);
    assert.ok(event?.pcap !== undefined && event.pcap !== '', about);
    assert.is(told.length, times === 1 ? 1 : 2, 'the first and the third');
    assert.is(
      verdict.endsOf(port).reduce((sum, { httpErrors }) => sum + httpErrors, 0),
      times,
      about,
    );
    assert.not.ok(verdict.isHealthy(port), about);
  }
  const told = verdict.events.map(({ cause, extra }) => JSON.stringify({ cause, extra }));
  assert.ok(
    told.every((text) => !text.includes('secret')),
    told.join('\n'),
  );
  assert.match(verdict.text, new RegExp(`:${FAILING} 4 answers, 3 failed`));
});

test('a slow answer', () => {
  const about = verdict.about(SLOW);
  const [event, ...more] = verdict.eventsOf(SLOW);
  assert.equal(more, [], about);
  assert.equal([event?.code, event?.causeId, event?.quality], ['00020', 'answer.slow', 1], about);
  assert.ok((event?.value ?? 0) >= SLOW_MS, about);
});

test.run();
