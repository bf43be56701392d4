import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeScenario } from '../golden/make-scenario.ts';
import { SCENARIOS } from '../golden/scenarios.ts';
import { AGENT } from '../lab/agent.ts';
import { Program } from '../lab/program.ts';
import { readEndFlows, readEvents, readFlows, readLog } from '../lab/session-files.ts';
import { pcapFile, recordsOf } from '../tools/capture-bytes.ts';
import { ethernet, ipv4, tcp } from '../tools/frame-bytes.ts';

const test = suite('command line');
const directory = mkdtempSync(join(tmpdir(), 'dllt-command-'));
test.after(() => rmSync(directory, { recursive: true, force: true }));

interface Call {
  readonly input?: Buffer;
  readonly env?: Readonly<Record<string, string>>;
  /** A command that starts the agent. */
  readonly prefix?: readonly string[];
}

function call(args: readonly string[], { input, env = {}, prefix = [] }: Call = {}) {
  const [file = '', ...rest] = [...prefix, process.execPath, AGENT, ...args];
  const { status, stdout, stderr } = spawnSync(file, rest, {
    encoding: 'utf8',
    input: input ?? '',
    env: { PATH: process.env['PATH'], ...env },
    timeout: 30_000,
  });
  return { status, stdout, stderr };
}

/** A failure is one line that says why, and no more. */
function assertFailure(result: ReturnType<typeof call>, pattern: RegExp): void {
  assert.is(result.status, 1, result.stderr);
  assert.match(result.stderr, pattern);
  assert.is(result.stderr.trim().split('\n').length, 1, result.stderr);
  assert.not.match(result.stderr, /^ +at /m);
}

const scenario = SCENARIOS.find(({ name }) => name === 'refused-and-reset');
if (scenario === undefined) throw new Error('the scenario is gone');
const capture = makeScenario(scenario);
const path = (name: string, content: string | Uint8Array) => {
  const file = join(directory, name);
  writeFileSync(file, content);
  return file;
};
const file = path('capture.pcap', capture);
const FLOWS = 5;

test('a standard output that takes nothing is no reason for a stack trace', () => {
  for (const args of [['--help'], ['replay', file], ['report', directory]]) {
    const { status, stderr } = call(args, { prefix: ['sh', '-c', 'exec "$0" "$@" >/dev/full'] });
    assert.is(status, 1, args[0]);
    assert.not.match(stderr, /^ +at /m);
  }
});

test('--help and --version', () => {
  for (const flag of ['--help', '-h']) {
    const { status, stdout, stderr } = call([flag]);
    assert.is(status, 0);
    assert.match(stdout, /replay FILE/);
    assert.is(stderr, '');
  }
  const { status, stdout } = call(['--version']);
  assert.is(status, 0);
  assert.is(stdout.trim(), JSON.parse(readFileSync('package.json', 'utf8')).version);
});

for (const args of [
  ['--nonsense'],
  ['nonsense'],
  ['replay'],
  ['replay', 'a', 'b'],
  ['replay', '--out'],
  ['--out', 'somewhere'],
  ['--env', 'somewhere'],
  ['--json'],
  ['replay', 'a', '--since', '10m'],
  ['report', '--since', '10'],
  ['report', '--code', '00002'],
  ['watch', '--code', 'RESET'],
  ['watch', '--peer', 'web'],
  ['--help=yes'],
]) {
  test(`wrong call: ${args.join(' ')}`, () => {
    const { status, stdout, stderr } = call(args);
    assert.is(status, 2);
    assert.is(stdout, '');
    assert.match(stderr, /^dlltagent: .+\n\n.*\n\n {2}dlltagent /);
  });
}

test('replay with --out: the files, and a summary on standard output', () => {
  const out = join(directory, 'deep', 'out');
  const { status, stdout, stderr } = call(['replay', file, '--out', out]);
  assert.is(status, 0, stderr);
  assert.is(stderr, '');
  assert.match(stdout, /frames/);
  assert.match(stdout, /5 connections/);
  assert.match(stdout, /00009 TCP_SYN_RESET +1/);
  assert.is(readFlows(out).length, FLOWS);
  assert.is(readEndFlows(out).length, FLOWS);
  assert.ok(
    readdirSync(out).every((name) =>
      /^(flows|end_flows|netwevents|log_notif|dns)_2023_11_14_22_13_2\d|\.pcap$|outputfile/.test(name),
    ),
  );
});

test('replay without --out: events on standard output, the summary beside it', () => {
  const { status, stdout, stderr } = call(['replay', file]);
  assert.is(status, 0);
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(
    events.map((event) => event.code),
    ['00009', '00002', '00002'], // the client of 8080 may reset
  );
  assert.match(stderr, /5 connections/);
});

test('standard input and gzip', () => {
  const want = call(['replay', file]).stdout;
  assert.is(call(['replay', '-'], { input: capture }).stdout, want);
  assert.is(call(['replay', '-'], { input: gzipSync(capture) }).stdout, want);
  assert.is(call(['replay', path('capture.gz', gzipSync(capture))]).stdout, want);
});

test('an env file: what it says holds, and what it says wrong is said', () => {
  const settings = path('settings', 'NO_EVENT_HTTP_CLIENT_RESET=N\nPOD_IP=2001:db8::2\n');
  const { status, stdout } = call(['replay', file, '--env', settings]);
  assert.is(status, 0);
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.is(events.length, 4);
  assert.ok(events.every((event) => event.nodeIP === 1));
  const wrong = call(['replay', file, '--env', path('wrong', 'FOLLOW_PORT=70000\n')]);
  assert.is(wrong.status, 1);
  assert.match(wrong.stderr, /FOLLOW_PORT="70000" \(.*wrong, line 1\).*0 to 65535/);
  assert.not.match(wrong.stderr, /^ +at /m);
  assertFailure(call(['replay', file, '--env', join(directory, 'nowhere')]), /Cannot read the env file/);
});

test('a truncated capture: what is whole is used, the rest is said', () => {
  for (const cut of [1, 30, 60]) {
    const out = join(directory, `cut-${cut}`);
    const result = call(['replay', path('cut.pcap', capture.subarray(0, capture.length - cut)), '--out', out]);
    assertFailure(result, /ends inside the record/);
    assert.match(result.stdout, /5 connections/);
    assert.is(readFlows(out).length, FLOWS);
    assert.is(readEndFlows(out).length, FLOWS);
    assert.ok(readLog(out).some(({ msg }) => /ends inside the record/.test(msg)));
  }
  const zipped = gzipSync(capture);
  assertFailure(
    { ...call(['replay', path('cut.gz', zipped.subarray(0, zipped.length - 20)), '--out', join(directory, 'z')]) },
    /Cannot read|ends/,
  );
});

test('what is no capture', () => {
  assertFailure(call(['replay', join(directory, 'nowhere.pcap')]), /Cannot open .*nowhere\.pcap/);
  assertFailure(call(['replay', directory]), /directory/i);
  assertFailure(
    call(['replay', path('text', 'this is no capture file at all, whatever its name')]),
    /neither a pcap nor/,
  );
  assertFailure(call(['replay', path('empty', '')]), /empty/);
  assertFailure(call(['replay', '-'], { input: Buffer.alloc(0) }), /standard input: it is empty/);
  assertFailure(call(['replay', file, '--out', file]), /capture\.pcap/);
});

test('a capture without TCP, and one without frames', () => {
  const udp = ethernet(ipv4(tcp(), { protocol: 17 }));
  for (const [name, frames] of [
    ['udp.pcap', [udp]],
    ['none.pcap', []],
  ] as const) {
    const { status, stdout, stderr } = call([
      'replay',
      path(name, pcapFile(recordsOf(frames))),
      '--out',
      join(directory, name + 1),
    ]);
    assert.is(status, 0, stderr);
    assert.match(stdout, /0 connections/);
    assert.is(stderr, '');
  }
});

const agent = (config: string, more: Call = {}) =>
  call([], { ...more, env: { DLLT_CONFIG_DIR: config, LOG_DIR: join(directory, 'logs'), ...more.env } });
const config = (name: string, text: string) => {
  const place = join(directory, name);
  mkdirSync(place);
  writeFileSync(join(place, 'dlltagent_searchpod'), text);
  return place;
};

test('agent: a configuration that is not there', () => {
  assertFailure(agent(join(directory, 'nowhere')), /Cannot read the directory .*nowhere.*DLLT_CONFIG_DIR/);
  assertFailure(agent(file), /not a directory.*DLLT_CONFIG_DIR/);
  const healthPort = { env: { HEALTH_PORT: '70000' } };
  assertFailure(agent('relative/path'), /DLLT_CONFIG_DIR="relative\/path".*absolute path/);
  assertFailure(agent(directory, healthPort), /HEALTH_PORT="70000".*0 to 65535/);
});

const empty = join(directory, 'empty-config');
mkdirSync(empty);
for (const { name, place, says } of [
  { name: 'there is no env file yet', place: empty, says: /no file dlltagent_searchpod.*INTERFACE_INDEX_SNIF/ },
  {
    name: 'no port',
    place: config('port', 'INTERFACE_INDEX_SNIF=1\nFOLLOW_PORT=70000\n'),
    says: /FOLLOW_PORT="70000".*line 2/,
  },
  { name: 'no answer', place: config('ebpf', 'INTERFACE_INDEX_SNIF=1\nUSE_EBPF=maybe\n'), says: /USE_EBPF="maybe"/ },
  {
    name: 'no filter',
    place: config('filter', 'INTERFACE_INDEX_SNIF=1\nPCAP_FILTER=tcp and\n'),
    says: /PCAP_FILTER="tcp and"/,
  },
  {
    name: 'no word of which pod',
    place: config('nobody', 'INTERFACE_INDEX_SNIF=auto\n'),
    says: /INTERFACE_INDEX_SNIF=auto needs POD_UID/,
  },
  {
    name: 'no such pod',
    place: config('pod', 'INTERFACE_INDEX_SNIF=auto\nPOD_UID=no-such-pod\n'),
    says: /Waiting for the pod no-such-pod: Cannot find .* no process on this node/,
  },
]) {
  test(`agent: ${name}: says so in one line and waits`, async () => {
    const env = { ...process.env, DLLT_CONFIG_DIR: place, LOG_DIR: join(directory, 'logs') };
    const program = new Program([process.execPath, AGENT], { env });
    await program.waitForOutput(says);
    const ending = await program.stop();
    assert.is(ending.status, 0, program.stderr);
    assert.is(program.stderr.trim().split('\n').length, 1, program.stderr);
  });
}

test('agent: an interface that is not there', () => {
  assertFailure(agent(config('interface', 'INTERFACE_INDEX_SNIF=987654\n')), /interface 987654.*none/);
});

test('agent: no privilege', () => {
  const prefix = ['setpriv', '--bounding-set', '-net_raw', '--inh-caps', '-net_raw'];
  const place = config('privilege', 'INTERFACE_INDEX_SNIF=1\n');
  const withoutRoot = process.geteuid?.() === 0 ? { prefix } : {};
  assertFailure(agent(place, withoutRoot), /CAP_NET_RAW/);
});

test('agent: a file in place of the directory for its files', () => {
  if (process.geteuid?.() !== 0) return; // without the privilege to capture it does not get there
  const place = config('log', 'INTERFACE_INDEX_SNIF=1\n');
  assertFailure(agent(place, { env: { LOG_DIR: file } }), /Cannot make the session directory .*LOG_DIR/);
});

test('a repeated replay into the same directory mixes nothing', () => {
  const out = join(directory, 'twice');
  assert.is(call(['replay', file, '--out', out]).status, 0);
  assert.is(call(['replay', file, '--out', out]).status, 0);
  assert.is(readFlows(out).length, 2 * FLOWS);
  assert.ok(readEvents(out).length > 0);
});

test.run();
