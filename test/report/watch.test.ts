import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { codeFilter, type EventFilter, peerFilter, podFilter } from '../../src/diagnosis/event-filter.ts';
import { parseEventLine } from '../../src/diagnosis/event-line.ts';
import { AGENT } from '../lab/agent.ts';
import { waitFor } from '../lab/wait.ts';
import { makeScratch, removeScratch } from '../output/scratch.ts';
import { eventLine, SampleSession } from './sample-files.ts';

const test = suite('watch');
test.after.each(removeScratch);

/** Runs `dlltagent watch` while `act` writes, ends it, and gives what it printed. */
async function watching(args: readonly string[], act: (seen: (text: RegExp) => Promise<void>) => Promise<void>) {
  const child = spawn(process.execPath, [AGENT, 'watch', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const printed = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      printed[name] += text;
    });
  }
  const seen = async (text: RegExp) => {
    await waitFor(String(text), () => text.test(printed.stdout + printed.stderr), {
      describe: () => printed.stdout + printed.stderr,
    });
  };
  const ended = once(child, 'close');
  try {
    await seen(/Watching for events in .*; Ctrl-C ends it\.\n/);
    await act(seen);
  } finally {
    child.kill('SIGINT');
    const [status] = await ended;
    assert.is(status, 0, printed.stderr);
  }
  return printed.stdout;
}

const first = { timeUs: 1_700_000_000_123_456 };

test('events as they come: in pieces, in new files, of new sessions', async () => {
  const logs = makeScratch();
  const session = new SampleSession(join(logs, 'dllt5'));
  session.events(eventLine({ cause: 'before' }));
  const printed = await watching([logs], async (seen) => {
    const line = eventLine({ ...first, cause: 'größer', pcap: 'dump_1.pcap' });
    const bytes = Buffer.from(line);
    const half = bytes.indexOf('ö') + 1; // in the middle of a character
    session.events(bytes.subarray(0, half));
    session.events(bytes.subarray(half));
    await seen(/größer/);
    session.events(eventLine({ cause: 'the end of a file' }));
    session.events(eventLine({ cause: 'in the next file' }), '2023_11_14_22_14_00');
    new SampleSession(join(logs, 'dllt6')).events(eventLine({ cause: 'another session' }));
    await seen(/the end of a file[\s\S]+in the next file[\s\S]+another session/);
  });
  assert.not.match(printed, /before/);
  assert.match(
    printed,
    /^22:13:20\.123 {2}00009 TCP_SYN_RESET {2}10\.0\.0\.7:40222 → 10\.0\.0\.9:8080 {2}shop\/web-7c9f4\n {10}größer\n {10}pcap: dump_1\.pcap\n/,
  );
});

test('only what is wanted', async () => {
  const logs = makeScratch();
  const session = new SampleSession(join(logs, 'dllt5'));
  session.events('');
  const printed = await watching(
    [logs, '--code', '00009', '--peer', '10.0.0.9', '--pod', 'shop/web-7c9f4'],
    async (seen) => {
      session.events(eventLine({ name: 'TCP_RESET', cause: 'another code' }));
      session.events(eventLine({ cause: 'another peer' }, { destinationAddress: '10.0.0.10' }));
      session.events(eventLine({ cause: 'wanted' }));
      await seen(/wanted/);
    },
  );
  assert.not.match(printed, /another/);
});

const event = parseEventLine(eventLine());
const ipv6 = parseEventLine(eventLine({}, { destinationAddress: 'fd00::9' }));
if (event === null || ipv6 === null) throw new Error('the samples are damaged');

for (const [name, filter, wanted, wantedIpv6] of [
  ['a code', codeFilter('00009'), true, true],
  ['codes and names', codeFilter('2, tcp_syn_reset'), true, true],
  ['another code', codeFilter('00002,00004'), false, false],
  ['no code', codeFilter('00099'), null, null],
  ['an address', peerFilter('10.0.0.9'), true, false],
  ['the other end', peerFilter('10.0.0.7:40222'), true, true],
  ['another port', peerFilter('10.0.0.9:81'), false, false],
  ['a port', peerFilter(':8080'), true, true],
  ['IPv6', peerFilter('fd00::9'), false, true],
  ['IPv6 and a port', peerFilter('[fd00::9]:8080'), false, true],
  ['no address', peerFilter('web'), null, null],
  ['nothing', peerFilter(''), null, null],
  ['a pod', podFilter('web-7c9f4'), true, true],
  ['a pod of another namespace', podFilter('default/web-7c9f4'), false, false],
] as readonly [string, EventFilter | null, boolean | null, boolean | null][]) {
  test(`filter: ${name}`, () => {
    assert.equal([filter?.(event) ?? null, filter?.(ipv6) ?? null], [wanted, wantedIpv6]);
  });
}

test.run();
