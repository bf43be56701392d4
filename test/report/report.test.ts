import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PodSide, Side } from '../../src/model/connection.ts';
import { type Diagnosis, diagnose } from '../../src/report/read-session.ts';
import { formatReport } from '../../src/report/report-text.ts';
import { findSessions } from '../../src/report/session-files.ts';
import { COLOURED, PLAIN, styleFor } from '../../src/report/style.ts';
import { AGENT } from '../lab/agent.ts';
import { makeScratch, removeScratch } from '../output/scratch.ts';
import { endFlowLine, eventLine, SampleSession, T0_US } from './sample-files.ts';

const test = suite('report');
test.after.each(removeScratch);

const MINUTE_US = 60_000_000;
const seconds = (number: number) => T0_US + number * 1_000_000;

function report(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [AGENT, 'report', ...args], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], ...env },
  });
  return { status, stdout, stderr };
}

async function diagnosisOf(session: SampleSession, sinceUs = Number.NEGATIVE_INFINITY, nowUs = seconds(7200)) {
  const [files] = await findSessions([session.directory]);
  if (files === undefined) throw new Error('there is no session');
  return diagnose(files, { sinceUs, nowUs });
}

const textOf = async (session: SampleSession, width = 100) =>
  formatReport([await diagnosisOf(session)], { width, style: PLAIN, directory: '/' });

test('events of one trouble are one finding, worst first', async () => {
  const session = new SampleSession(join(makeScratch(), 'dllt5'));
  const nobody = { destinationAddress: '10.0.0.99' };
  const other = { destinationAddress: '10.0.0.98' };
  const causeId = 'tcp.syn.no-answer';
  session.events(eventLine({ name: 'TCP_SYN_RETRANS', causeId, timeUs: seconds(1) }, nobody));
  session.events(
    eventLine({ name: 'TCP_RESET', causeId: 'tcp.reset.aborted', by: Side.initiator, timeUs: seconds(2) }),
  );
  session.events(eventLine({ name: 'TCP_PARTIAL_CONNECTION', causeId, value: 0, timeUs: seconds(30) }, nobody));
  session.events(eventLine({ name: 'TCP_ESTABLISHED_STALE', causeId: 'tcp.stale.idle', value: 0 }, other));
  const { findings } = await diagnosisOf(session);
  assert.equal(
    findings.map(({ kind, severity, events }) => [kind, severity, events]),
    [
      ['unanswered', 'broken', { '00001': 1, '00006': 1 }],
      ['reset', 'suspicious', { '00002': 1 }],
      ['idle', 'worth knowing', { '00007': 1 }],
    ],
  );
  assert.equal(
    [findings[0]?.title, findings[0]?.first, findings[0]?.last],
    ['Nobody answers at 10.0.0.99:8080', '2023-11-14T22:13:21.000000Z', '2023-11-14T22:13:50.000000Z'],
  );
});

test('resets that were told thinned out count as often as they came', async () => {
  const session = new SampleSession(makeScratch());
  for (const value of [1, 2, 3, 10, 100]) session.events(eventLine({ value }));
  assert.match(await textOf(session), /how often 1 of 1 connection; at least 100 times; 00009 5 times/);
});

test('an event that stands for a flood counts as often as it came', async () => {
  const session = new SampleSession(makeScratch());
  const scan = { name: 'TCP_PARTIAL_CONNECTION', causeId: 'tcp.handshake.scan', value: 1, cause: 'a scan' } as const;
  session.events(eventLine(scan));
  session.events(eventLine({ ...scan, suppressed: 5000 }));
  assert.equal(
    (await diagnosisOf(session)).findings.map(({ times }) => times),
    [5002],
  );
});

test('many clients of the pod are one finding', async () => {
  const scan = { name: 'TCP_PARTIAL_CONNECTION', causeId: 'tcp.handshake.scan', value: 1 } as const;
  const session = new SampleSession(makeScratch());
  for (let i = 0; i < 200; i++) {
    const ends = { sourceAddress: `10.1.0.${i}`, podSide: PodSide.responder };
    session.events(eventLine(scan, ends));
  }
  session.events(eventLine(scan, { sourceAddress: '10.1.0.7', sourcePort: 7, podSide: 1 }));
  const [finding, ...others] = (await diagnosisOf(session)).findings;
  assert.is(others.length, 0);
  assert.equal(finding?.connections, { failed: 201, all: 201, isAtLeast: false });
  assert.equal(finding?.clients[0], { address: '10.1.0.7', times: 2 });
  assert.is(finding?.clients.reduce((sum, { times }) => sum + times, 0) + finding.otherClients, 201);
});

test('what is only in doubt is a suspicion, and says why', async () => {
  const session = new SampleSession(makeScratch());
  session.events(eventLine({ confidence: 'the connection began before the capture' }));
  assert.match(
    await textOf(session),
    /Suspicious\n\n1.+\n(.+\n)+.+in doubt +1 of 1 event: the connection began before/,
  );
});

test('a pcap is only shown as long as it is there', async () => {
  const session = new SampleSession(join(makeScratch(), 'dllt5'));
  session.events(eventLine({ pcap: 'dump_1.pcap' }));
  session.events(eventLine({ pcap: 'dump_2.pcap' }));
  session.file('dump_2.pcap');
  assert.equal((await diagnosisOf(session)).findings[0]?.pcaps, ['dump_2.pcap']);
});

test('hostile text neither steers the terminal nor gets into a command', async () => {
  const session = new SampleSession(makeScratch());
  const serverName = '$(reboot)`;\u001b[2J';
  const cause = 'the server does not serve the name `x\u001b]0;owned\u0007`\n1.  All is well\u202e';
  const certificate = { subject: '', issuer: '', notAfter: '' };
  session.events(
    eventLine({
      name: 'TLS_ALERT',
      causeId: 'tls.alert.unknown-ca',
      value: 2 * 256 + 48,
      cause,
      tls: { serverName, certificate },
    }),
  );
  session.events(
    eventLine(
      {},
      { destinationAddress: '$(reboot)', process: { pid: 7, ppid: 1, uid: 0, name: '\u009b2J', commandLine: '' } },
    ),
  );
  const text = await textOf(session);
  assert.not.match(text.replaceAll('\n', ''), /\p{Cc}|\p{Cf}/u);
  assert.not.match(text, /^1\. {2}All is well/m);
  for (const { tryNext } of (await diagnosisOf(session)).findings) assert.not.match(tryNext.join(), /reboot/);
});

test('damaged and half-written lines are passed over, the damaged ones counted', async () => {
  const session = new SampleSession(makeScratch());
  session.events(`${eventLine()}{"srcIP":"10.0\n\u0000\u0000\n${eventLine()}${eventLine().slice(0, 50)}`);
  session.endFlows(`${endFlowLine(seconds(1))}10.0.0.1,\n${endFlowLine(seconds(2)).trimEnd()}`);
  const { events, connectionsEnded, damagedLines } = await diagnosisOf(session);
  assert.equal([events, connectionsEnded, damagedLines], [2, 1, 3]);
});

test('what has the name of a file and is none is left alone', async () => {
  const logs = makeScratch();
  const session = new SampleSession(join(logs, 'dllt5'));
  session.events(eventLine());
  mkdirSync(join(session.directory, 'netwevents_2023_11_15_00_00_00.log'));
  spawnSync('mkfifo', [join(session.directory, 'end_flows_2023_11_15_00_00_00.log')]);
  const { status, stdout, stderr } = report([logs]);
  assert.equal([status, stderr], [0, '']);
  assert.match(stdout, /1 event of trouble/);
});

test('the newest file may be empty yet', async () => {
  const session = new SampleSession(makeScratch());
  session.events(eventLine({ timeUs: seconds(1) }) + eventLine({ timeUs: seconds(2) }));
  session.events('', '2023_11_15_00_00_00');
  const { from, to } = await diagnosisOf(session);
  assert.equal([from, to], ['2023-11-14T22:13:21.000000Z', '2023-11-14T22:13:22.000000Z']);
});

test('of an interface that is gone nobody is told which side the pod is', async () => {
  const session = new SampleSession(makeScratch());
  session.events(eventLine({ name: 'VIF_DISAPPEARED', causeId: 'interface.gone', connection: null, cause: 'gone' }));
  assert.not.match(await textOf(session), /which side|POD_IP/);
});

test('--since counts back from now', async () => {
  const session = new SampleSession(makeScratch());
  session.events(eventLine({ timeUs: T0_US }), '2023_11_14_22_13_20');
  session.events(eventLine({ timeUs: seconds(900) }), '2023_11_14_22_28_20');
  session.events(eventLine({ timeUs: seconds(1800) }), '2023_11_14_22_43_20');
  session.endFlows(endFlowLine(seconds(60)) + endFlowLine(seconds(2100)));
  const nowUs = seconds(2400);
  for (const [lastUs, events, flows] of [
    [Number.POSITIVE_INFINITY, 3, 2],
    [35 * MINUTE_US, 2, 1],
    [15 * MINUTE_US, 1, 1],
    [5 * MINUTE_US, 0, 1],
    [1 * MINUTE_US, 0, 0],
  ] as const) {
    const diagnosis = await diagnosisOf(session, nowUs - lastUs, nowUs);
    assert.equal([diagnosis.events, diagnosis.connectionsEnded], [events, flows]);
  }
  const nothing = await diagnosisOf(session, nowUs - MINUTE_US, nowUs);
  assert.equal([nothing.from, nothing.ageSeconds, nothing.findings], [null, 300, []]);
});

test('while the files are written, times count from now', async () => {
  const session = new SampleSession(makeScratch());
  session.events(eventLine({ timeUs: seconds(0) }) + eventLine({ timeUs: seconds(1) }, { sourcePort: 40_223 }));
  const textAt = async (nowUs: number) =>
    formatReport([await diagnosisOf(session, 0, nowUs)], { width: 200, style: PLAIN, directory: '/' });
  assert.match(await textAt(seconds(4)), /UTC, last 3 s ago, still happening\n/);
  assert.match(await textAt(seconds(100)), /UTC, last 99 s ago\n/);
  assert.match(await textAt(seconds(3600)), /UTC, last at the very end, still happening\n/);
});

test('what is merely worth knowing is nothing wrong', async () => {
  const session = new SampleSession(makeScratch());
  session.events(eventLine({ name: 'TCP_ESTABLISHED_STALE', causeId: 'tcp.stale.idle', value: 0 }));
  assert.match(await textOf(session), /Nothing is wrong, as far as the packets tell\.\n\nWorth knowing\n/);
});

test('mostly tunnels: nothing is called well', async () => {
  const session = new SampleSession(makeScratch());
  session.endFlows(endFlowLine(seconds(1)));
  const counters = (frames: object) => session.log({ time: '2023-11-14T22:13:22.000Z', frames });
  counters({ tcp: 900, tunnel: 10 });
  assert.match(await textOf(session), /Nothing is wrong/);
  counters({ tcp: 10, tunnel: 900 });
  const text = await textOf(session);
  assert.match(text, /900 of 910 packets are inside tunnels/);
  assert.not.match(text, /Nothing is wrong/);
});

test('latency by server, and what is healthy', async () => {
  const session = new SampleSession(makeScratch());
  session.events(eventLine({}, { destinationAddress: '10.96.0.1', destinationPort: 80 }));
  session.endFlows(endFlowLine(seconds(1)) + endFlowLine(seconds(2)) + endFlowLine(seconds(1), 80));
  const text = await textOf(session);
  assert.match(text, /handshake +TLS +first byte\n +server +connections +p50 +p99 +p50 +p99 +p50 +p99\n/);
  assert.match(text, /10\.96\.0\.1:8443 +2 +447 µs +447 µs +2\.05 ms +2\.05 ms +731 µs +731 µs\n/);
  assert.match(text, /With TLS the first byte is/);
  const { services } = await diagnosisOf(session);
  assert.equal(services[0]?.firstByte, { connections: 2, p50Us: 731, p99Us: 731 });
  assert.match(text, /Healthy[\s\S]+10\.96\.0\.1:8443 \(2\)$/);
});

test('a narrow terminal: only what may not be broken is wider', async () => {
  const session = new SampleSession(makeScratch());
  session.events(eventLine({ cause: 'word '.repeat(60).trim() }));
  session.endFlows(endFlowLine(seconds(1)));
  for (const line of (await textOf(session, 40)).split('\n')) {
    assert.ok(line.length <= 40 || /`|^\S+$|\(.*\)$/.test(line), line);
  }
});

test('a huge directory takes bounded room', async () => {
  const session = new SampleSession(makeScratch());
  const lines: string[] = [];
  for (let i = 0; i < 60_000; i++) {
    lines.push(eventLine({}, { destinationPort: i, destinationAddress: `10.0.${i % 256}.9` }));
  }
  session.events(lines.join(''));
  session.events(
    eventLine({
      name: 'VIF_DISAPPEARED',
      causeId: 'interface.gone',
      connection: null,
      cause: 'gone',
      timeUs: seconds(9),
    }),
  );
  const diagnosis = await diagnosisOf(session);
  assert.is(diagnosis.events, 60_001);
  assert.is(diagnosis.findings.length, 1000);
  assert.ok(diagnosis.findings.some(({ kind }) => kind === 'gone'));
  assert.is(diagnosis.leftOut.findings, 59_001);
});

test('colours only on a terminal that wants them', () => {
  assert.is(styleFor({ isTTY: true }, {}), COLOURED);
  assert.is(styleFor({ isTTY: true }, { NO_COLOR: '1' }), PLAIN);
  assert.is(styleFor({ isTTY: true }, { TERM: 'dumb' }), PLAIN);
  assert.is(styleFor({}, {}), PLAIN);
});

test('the command: all sessions below LOG_DIR, as text and as JSON', () => {
  const logs = makeScratch();
  for (const index of [5, 12]) new SampleSession(join(logs, `dllt${index}`)).events(eventLine());
  mkdirSync(join(logs, 'dllt9'));
  writeFileSync(join(logs, 'dllt7'), 'no directory');
  const { status, stdout, stderr } = report([], { LOG_DIR: logs });
  assert.equal([status, stderr], [0, '']);
  assert.match(
    stdout,
    /^Pod shop\/web-7c9f4 on veth1a2b \(.*dllt5\)\n[\s\S]+\n\n\nPod shop\/web-7c9f4 on veth1a2b \(.*dllt12\)\n/,
  );
  assert.not.ok(stdout.includes('\u001b'));
  const { sessions }: { sessions: Diagnosis[] } = JSON.parse(report(['--json', logs]).stdout);
  assert.equal(
    sessions.map(({ interface: name, findings }) => [name, findings.length]),
    [
      ['veth1a2b', 1],
      ['veth1a2b', 1],
    ],
  );
});

test('the command: nothing to report on', () => {
  const empty = makeScratch();
  for (const [args, pattern] of [
    [[empty], /^Cannot report: there are no files of the agent in .*LOG_DIR\n$/],
    [[join(empty, 'nowhere')], /^Cannot read the directory .*nowhere: it does not exist; name the one .*\n$/],
    [[AGENT], /^Cannot read the directory .*: it is not a directory; name the one .*\n$/],
  ] as const) {
    const { status, stderr } = report(args);
    assert.is(status, 1);
    assert.match(stderr, pattern);
  }
  assert.is(report(['--since', 'yesterday', empty]).status, 2);
});

test('the command: a session that cannot be read is not passed over', () => {
  const logs = makeScratch();
  new SampleSession(join(logs, 'dllt5')).events(eventLine());
  writeFileSync(join(logs, 'dllt6'), 'no directory');
  assert.is(report([logs]).status, 0);
  symlinkSync('dllt7', join(logs, 'dllt7'));
  const { status, stderr } = report([logs]);
  assert.is(status, 1);
  assert.match(stderr, /^Cannot read the directory .*dllt7: ELOOP/);
});

test.run();
