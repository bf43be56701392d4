import { readdirSync, statSync, watch } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AgentRun, type EnvSettings } from '../lab/agent.ts';
import { Lab } from '../lab/lab.ts';
import type { EndFlowLine } from '../lab/session-files.ts';
import { waitFor } from '../lab/wait.ts';
import { makeCertificates } from './certificates.ts';
import { nginx } from './nginx.ts';
import { pcapOf, readComments, readPcap, writtenUs } from './pcaps.ts';

const test = suite('Pcaps of real traffic');
const ORDERLY = 5_001;
const RESETTING = 5_002;
const DOWNLOAD = 5_003;
const HTTPS = 5_004;
const FOLLOW_SECONDS = 2;
/** How long a pcap may take, from when it is due until it is there, on a machine that lets everybody be in time. */
const LIMIT_US = 2_000_000;
const TICK_MS = 10;
const DOWNLOAD_BYTES = 8 << 20;
const LARGEST_PCAP = 2 << 20;
const HEAD_BYTES = 64 << 10;
const [FIN, SYN, RST] = [1, 2, 4];

async function prepare(lab: Lab, settings: EnvSettings) {
  const [client, server] = [lab.pod(), lab.pod()];
  await lab.serve(server.namespace, 'orderly', ORDERLY);
  await lab.serve(server.namespace, 'reset', RESETTING);
  await lab.serve(client.namespace, 'orderly', ORDERLY); // somebody lives in the pod: processes can be named
  const agent = await AgentRun.watch(lab, client, { FOLLOW_SECONDS, ...settings });
  const directory = agent.sessionDirectory(client.hostIndex);
  const ends = (count: number) =>
    waitFor(`${count} ended connections`, () => {
      const { endFlows } = agent.files(client.hostIndex);
      return endFlows.length >= count && endFlows;
    });
  return { client, server, agent, directory, ends };
}

const beginUs = ({ beginSec, beginUsec }: EndFlowLine) => beginSec * 1e6 + beginUsec;
const endUs = ({ endSec, endUsec }: EndFlowLine) => endSec * 1e6 + endUsec;

/** Adds up by how much timers come late, until the function that it answers with is called, which says so. */
function measureLatenessUs(): () => number {
  let lateMs = 0;
  let lastMs = performance.now();
  const timer = setInterval(() => {
    const nowMs = performance.now();
    lateMs += Math.max(0, nowMs - lastMs - TICK_MS);
    lastMs = nowMs;
  }, TICK_MS);
  return () => {
    clearInterval(timer);
    return lateMs * 1_000;
  };
}

test('FOLLOW_PORT: after FOLLOW_SECONDS, or when the connection ends; an event within 2 s', async () => {
  await Lab.use(async (lab) => {
    const { client, server, agent, directory, ends } = await prepare(lab, { FOLLOW_PORT: ORDERLY });
    const latenessUs = measureLatenessUs();
    const long = lab.traffic(client.namespace, 'hold', server.ipv6, ORDERLY);
    const short = lab.traffic(client.namespace, 'orderly', server.ipv4, ORDERLY);
    const reset = lab.traffic(client.namespace, 'reset', server.ipv4, RESETTING);
    const ofLong = await pcapOf(directory, /^dump_fd00-77--2_fd00-77-1--2_\d+_5001_[\d_]+\.pcap$/);
    const ofShort = await pcapOf(directory, /^dump_10\.77\.0\.2_10\.77\.1\.2_\d+_5001_[\d_]+\.pcap$/);
    const [event] = await agent.events(client.hostIndex, ({ code }) => code === '00002');
    const ofEvent = await pcapOf(directory, event?.pcap ?? 'without a name');
    const limitUs = LIMIT_US + latenessUs();
    await Promise.all([short.ended, reset.ended]);
    assert.ok(long.running, 'the followed connection is still open');
    await long.stop();
    const all = await ends(3);
    const [longEnd, shortEnd, resetEnd] = [ofLong, ofShort, ofEvent].map((path) => {
      const [, srcPort] = path.match(/_(\d+)_\d+_\d{4}_/) ?? [];
      return all.find((line) => line.srcPort === Number(srcPort)) as EndFlowLine;
    });

    const afterBegin = writtenUs(ofLong) - beginUs(longEnd);
    assert.ok(afterBegin >= FOLLOW_SECONDS * 1e6 && afterBegin <= FOLLOW_SECONDS * 1e6 + limitUs, `${afterBegin} µs`);
    for (const [path, end] of [
      [ofShort, shortEnd],
      [ofEvent, resetEnd],
    ] as const) {
      const afterEnd = writtenUs(path) - endUs(end);
      assert.ok(afterEnd >= 0 && afterEnd <= limitUs, `${path}: ${afterEnd} µs`);
      assert.is(readPcap(path)[0]?.flags, SYN);
    }
    const held = readPcap(ofLong);
    assert.is(held[0]?.flags, SYN);
    assert.ok(held.every(({ flags }) => (flags & FIN) === 0));
    const finished = readPcap(ofShort).filter(({ flags }) => (flags & FIN) !== 0);
    assert.is(new Set(finished.map(({ fromPort }) => fromPort)).size, 2, 'by both sides');
    assert.is(readdirSync(directory).filter((name) => name.endsWith('.pcap')).length, 3, 'one for each');
    await agent.stop();
  });
});

/** Sends a head and `DOWNLOAD_BYTES` to whoever comes. */
const HEAD = 'HTTP/1.0 200 OK\r\n\r\n';
const SENDER = `require('net').createServer((socket) => {
  socket.on('error', () => 0).write(${JSON.stringify(HEAD)});
  socket.end(Buffer.alloc(${DOWNLOAD_BYTES}, 'x'));
}).listen(${DOWNLOAD}, '::');`;

test('8 MB on one connection: its beginning, a gap, its newest packets, at most 2 MB, never seen unfinished', async () => {
  await Lab.use(async (lab) => {
    const { client, server, agent, directory, ends } = await prepare(lab, {
      FOLLOW_PORT: DOWNLOAD,
      FOLLOW_SECONDS: 60,
    });
    const sender = lab.start(server.namespace, [process.execPath, '-e', SENDER]);
    await sender.waitForListener(DOWNLOAD);
    const firstSizes = new Map<string, number>();
    const watcher = watch(directory, (_, name) => {
      if (name?.endsWith('.pcap') !== true || firstSizes.has(name)) return;
      firstSizes.set(name, statSync(join(directory, name)).size);
    });
    lab.defer(() => watcher.close());
    const argv = ['curl', '-sS', '-o', '/dev/null', `http://${server.ipv4}:${DOWNLOAD}/`];
    await lab.start(client.namespace, argv).output();
    const path = await pcapOf(directory, /_5003_/);
    const [end] = await ends(1);
    const { status } = await agent.stop();
    assert.is(status, 0, agent.transcript());

    const sentBytes = HEAD.length + DOWNLOAD_BYTES;
    assert.is(end?.dataFrom, sentBytes);
    const { size } = statSync(path);
    assert.ok(size <= LARGEST_PCAP && size > LARGEST_PCAP / 2, `${size} bytes`);
    assert.equal([...firstSizes.values()], [size], 'it was whole when it appeared');
    const packets = readPcap(path);
    assert.is(packets[0]?.flags, SYN);
    const sent = packets.filter(({ fromPort, payloadBytes }) => fromPort === DOWNLOAD && payloadBytes > 0);
    const first = sent[0]?.sequence ?? 0;
    const pieces = sent.map(({ sequence, payloadBytes }) => ({ from: (sequence - first) >>> 0, bytes: payloadBytes }));
    pieces.sort((one, other) => one.from - other.from); // some may have been sent again
    let reached = 0;
    const gaps: number[] = [];
    for (const { from, bytes } of pieces) {
      if (from > reached) gaps.push(reached);
      reached = Math.max(reached, from + bytes);
    }
    assert.is(gaps.length, 1, 'what was left out is one piece');
    assert.ok((gaps[0] ?? 0) > HEAD_BYTES / 2, 'behind the beginning');
    assert.is(reached, sentBytes, 'up to the end');
    assert.ok(packets.some(({ flags }) => (flags & FIN) !== 0));
    assert.equal(
      readdirSync(directory).filter((name) => name.endsWith('.tmp')),
      [],
    );
  });
});

test('PCAP_FORMAT=pcapng: the packets say what they mean', async () => {
  await Lab.use(async (lab) => {
    const { client, server, agent, directory } = await prepare(lab, {
      PCAP_FORMAT: 'pcapng',
      FOLLOW_PORT: HTTPS,
      POD_NAME: 'web',
      POD_NAMESPACE: 'shop',
    });
    makeCertificates(lab.directory);
    const certificate = `ssl_certificate ${lab.directory}/rsa.pem; ssl_certificate_key ${lab.directory}/rsa.key;`;
    await nginx(lab, server, [HTTPS], [`listen ${HTTPS} ssl; ${certificate}`]);
    const openssl = `openssl s_client -servername shop.example -connect ${server.ipv4}:${HTTPS}`;
    const talk = lab.start(client.namespace, ['sh', '-c', `sleep ${FOLLOW_SECONDS + 1} | exec ${openssl}`]);
    await lab.traffic(client.namespace, 'reset', server.ipv4, RESETTING).ended;
    const [event] = await agent.events(client.hostIndex, ({ code }) => code === '00002');
    const ofReset = await pcapOf(directory, event?.pcap ?? 'without a name');
    const ofTls = await pcapOf(directory, /_5004_[\d_]+\.pcapng$/);
    await talk.ended;

    const packets = readPcap(ofReset);
    const { 1: _whose, ...comments } = readComments(ofReset); // it may have been too short to be named
    assert.equal(comments, {
      [packets.findIndex(({ flags }) => (flags & RST) !== 0) + 1]: `00002 TCP_RESET: ${event?.cause}`,
    });
    const [first, completed, ...others] = Object.entries(readComments(ofTls));
    assert.is(first?.[0], '1');
    const whose = /^process openssl \(pid \d+, uid 0\) openssl s_client .*; SNI shop\.example\\nFOLLOW_PORT 5004$/;
    assert.ok(whose.test(first?.[1] ?? ''), first?.[1]);
    assert.match(completed?.[1] ?? '', /^00003 TCP_IS_TLS: /);
    assert.is(others.length, 0);
    await agent.stop();
  });
});

test('PCAP_PAYLOAD_BYTES cuts payload, and says how long packets were', async () => {
  await Lab.use(async (lab) => {
    const { client, server, agent, directory } = await prepare(lab, { PCAP_PAYLOAD_BYTES: 2 });
    await lab.traffic(client.namespace, 'reset', server.ipv4, RESETTING).output();
    const packets = readPcap(await pcapOf(directory, /_5002_/));
    const withPayload = packets.filter(({ payloadBytes }) => payloadBytes > 0);
    assert.equal(
      withPayload.map(({ wireBytes, capturedBytes }) => wireBytes - capturedBytes),
      withPayload.map(({ payloadBytes }) => payloadBytes - 2),
    );
    assert.ok(withPayload.length > 0);
    await agent.stop();
  });
});

test('connections that are open at the end: their pcaps are written', async () => {
  await Lab.use(async (lab) => {
    const settings = { FOLLOW_PORT: ORDERLY, FOLLOW_SECONDS: 3_600 };
    const { client, server, agent, directory } = await prepare(lab, settings);
    const count = 20;
    lab.traffic(client.namespace, 'hold', server.ipv4, ORDERLY, count);
    await waitFor('the connections', () => agent.files(client.hostIndex).flows.length === count);
    const { status } = await agent.stop();
    assert.is(status, 0, agent.transcript());
    const written = readdirSync(directory).filter((name) => name.endsWith('.pcap'));
    assert.is(written.length, count);
    assert.is(readPcap(join(directory, written[0] as string))[0]?.flags, SYN);
  });
});

test.run();
