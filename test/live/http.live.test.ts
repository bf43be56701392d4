import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openFileSource } from '../../src/capture/file-source.ts';
import { PacketHistory } from '../../src/history/packet-history.ts';
import { Decoder } from '../../src/layers/decoder.ts';
import { Verdict } from '../../src/layers/verdict.ts';
import { Frame } from '../../src/model/frame.ts';
import { Packet, TcpFlag } from '../../src/model/packet.ts';
import { CAPTURE_FILE_HEADER_BYTES, type PacketRecords } from '../../src/model/packet-records.ts';
import { HttpReader } from '../../src/protocols/http/http-reader.ts';
import { HttpSearch } from '../../src/protocols/http/http-search.ts';
import { InOrderStream } from '../../src/protocols/stream/in-order-stream.ts';
import { StreamBudget } from '../../src/protocols/stream/stream-budget.ts';
import { Namespace } from '../lab/namespace.ts';
import type { Program } from '../lab/program.ts';
import { LogSink } from '../protocols/http/harness.ts';
import { H2C_PORT, NODE_HTTP2_PORT, NODE_PORT } from './http-servers.ts';
import { captureLoopback, END_PORT } from './loopback-capture.ts';

const test = suite('HTTP between real programs');
const HERE = dirname(fileURLToPath(import.meta.url));
const NGINX_PORT = 8080;
const NGINX_HTTP2_PORT = 8081;
const NGINX = (directory: string) => `
daemon off; pid ${directory}/pid; error_log stderr warn; user root;
events {}
http {
  access_log off; client_body_temp_path ${directory}; proxy_temp_path ${directory}; fastcgi_temp_path ${directory};
  uwsgi_temp_path ${directory}; scgi_temp_path ${directory}; client_max_body_size 100m; large_client_header_buffers 8 64k;
  server { listen ${NGINX_PORT}; location / { return 200 "X-Pepe: not in a request"; } }
  server { listen ${NGINX_HTTP2_PORT} http2; location / { return 200 "X-Pepe: not in a request"; } }
}`;

/** One connection of a capture, as the readers saw it. */
interface Seen {
  readonly serverPort: number;
  readonly log: string[];
  /** What the history kept of it. */
  readonly records: PacketRecords | null;
}

class HttpLab {
  readonly directory = mkdtempSync(join(tmpdir(), 'http-lab-'));
  readonly namespace = new Namespace('http');
  readonly #servers: Program[] = [];
  #captures = 0;

  async start(): Promise<void> {
    // Small packets, none of them put together by the kernel: heads are cut in many places.
    this.namespace.run('ip', 'link', 'set', 'lo', 'mtu', '600');
    this.namespace.run('ip', 'link', 'set', 'lo', 'gso_max_segs', '1');
    writeFileSync(join(this.directory, 'nginx.conf'), NGINX(this.directory));
    const nginx = this.namespace.spawn(['nginx', '-c', join(this.directory, 'nginx.conf')]);
    const servers = this.namespace.spawn([process.execPath, join(HERE, 'http-servers.js'), 'serve']);
    this.#servers.push(nginx, servers);
    for (const port of [NGINX_PORT, NGINX_HTTP2_PORT]) await nginx.waitForListener(port);
    for (const port of [NODE_PORT, NODE_HTTP2_PORT, H2C_PORT]) await servers.waitForListener(port);
  }

  async stop(): Promise<void> {
    for (const server of this.#servers) await server.stop();
    this.namespace.remove();
    rmSync(this.directory, { recursive: true });
  }

  /** The one connection to a port; its packets have to be such as tshark reads. */
  only(all: Seen[], port: number): Seen {
    const [seen, ...more] = all.filter(({ serverPort }) => serverPort === port);
    if (seen === undefined || more.length > 0) throw new Error(`${all.length} connections, not one to port ${port}`);
    assert.is(countPackets(seen.records, this.directory), seen.records?.packets, 'tshark reads what the history kept');
    return seen;
  }

  /** Runs a client under a capture and reads what was captured. */
  async run(...client: string[]): Promise<Seen[]> {
    const file = join(this.directory, `${this.#captures++}.pcap`);
    // Each frame takes a slot as long as the longest frame to keep: at 2 kB there are enough, even while it does not run.
    const ring = ['-s', '2048', '-B', '131072'];
    await captureLoopback(this.namespace, file, 'tcp', ring, () => this.namespace.spawn(client).output());
    return (await followFile(file)).filter((one) => one.serverPort !== END_PORT);
  }
}

/** Reads a capture file as the agent would, every connection with a reader and a history of its own. */
async function followFile(file: string): Promise<Seen[]> {
  const source = await openFileSource(file);
  const [frame, packet, decoder] = [new Frame(), new Packet(), new Decoder()];
  const [search, budget] = [new HttpSearch('x-pepe', 'kube-probe/'), new StreamBudget(1 << 24)];
  const history = new PacketHistory({ maxConnections: 1000, budgetBytes: 64 << 20 });
  const connections = new Map<string, { seen: Seen; slot: number; reader: HttpReader; streams: InOrderStream[] }>();
  let slots = 0;
  for (;;) {
    if (!source.next(frame)) {
      if ((await source.ready()) === 'ended') break;
      continue;
    }
    if (decoder.decode(frame, packet) !== Verdict.tcp) continue;
    const ports = [packet.sourcePort, packet.destinationPort].sort((a, b) => a - b);
    const key = ports.join();
    const isClient = packet.destinationPort === ports[0];
    const isSyn = (packet.flags & (TcpFlag.syn | TcpFlag.ack)) === TcpFlag.syn;
    if (isSyn && !connections.has(key)) {
      const sink = new LogSink();
      const reader = new HttpReader(search, sink, slots);
      const streams = [reader.initiator, reader.responder].map((side) => new InOrderStream(side, budget));
      const seen = { serverPort: ports[0], log: sink.log, records: null };
      connections.set(key, { seen, slot: slots++, reader, streams });
    }
    const connection = connections.get(key);
    const [own, other] = isClient ? [0, 1] : [1, 0];
    if (connection === undefined) continue;
    history.keep(connection.slot, frame);
    if ((packet.flags & TcpFlag.syn) !== 0) connection.streams[own]?.begin(packet.sequence + 1);
    connection.streams[other]?.acknowledged(packet.acknowledgment);
    connection.streams[own]?.segment(
      packet.sequence,
      packet.bytes,
      packet.payloadStart,
      packet.payloadCapturedBytes,
      packet.payloadLengthBytes,
      packet.timeUs,
    );
  }
  source.close();
  return [...connections.values()].map(({ seen, slot, reader }) => {
    reader.finish();
    return { ...seen, records: history.cut(slot) };
  });
}

/** How many packets tshark reads from a capture file with these records; -1 when it complains. */
function countPackets(records: PacketRecords | null, directory: string): number {
  if (records === null) return 0;
  const header = Buffer.alloc(CAPTURE_FILE_HEADER_BYTES);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(262_144, 16);
  header.writeUInt32LE(records.linkType, 20);
  const pcap = join(directory, 'cut.pcap');
  writeFileSync(pcap, Buffer.concat([header, records.bytes]));
  const { status, stdout, stderr } = spawnSync('tshark', ['-n', '-r', pcap, '-T', 'fields', '-e', 'frame.number'], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  const complaints = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('Running as user'));
  return status === 0 && complaints.length === 0 ? stdout.split('\n').filter(Boolean).length : -1;
}

function searchLines(seen: Seen): string[] {
  return seen.log.filter((line) => line.startsWith('search'));
}

const missing = ['ip', 'tcpdump', 'tshark', 'nginx', 'curl'].filter((tool) => spawnSync('which', [tool]).status !== 0);
if (process.getuid?.() !== 0 || missing.length > 0) {
  console.log(`left out: HTTP between real programs needs root${missing.map((tool) => `, ${tool}`).join('')}`);
  test('left out', () => undefined);
} else {
  const lab = new HttpLab();
  const url = (port: number, path: string) => `http://127.0.0.1:${port}${path}`;
  const paths = Array.from({ length: 10 }, (_, i) => `/${i}?${'q'.repeat(i * 97)}`);
  const numbers = paths.map((_, i) => i);
  test.before(() => lab.start());
  test.after(() => lab.stop());

  test('curl and nginx: requests one after the other', async () => {
    const args = paths.flatMap((path, i) => [
      ...(i > 0 ? ['--next'] : []),
      '-s',
      '-H',
      `x-PEPE: ${i}`,
      url(NGINX_PORT, path),
    ]);
    const seen = lab.only(await lab.run('curl', ...args), NGINX_PORT);
    assert.equal(
      searchLines(seen),
      numbers.map((i) => `search: GET ${paths[i]} HTTP/1.1 | x-PEPE: ${i}`),
    );
  });

  test('curl and nginx: bodies with a length and in chunks', async () => {
    const body = 'GET / HTTP/1.1\r\nX-Pepe: body\r\n\r\n'.repeat(5000);
    writeFileSync(join(lab.directory, 'body'), body);
    const upload = (i: number, ...more: string[]) => [
      ...['-s', '-o', '/dev/null', '-H', `X-Pepe: ${i}`, '-T', join(lab.directory, 'body'), ...more],
      url(NGINX_PORT, `/${i}`),
    ];
    const args = [...upload(0), '--next', ...upload(1, '-H', 'Transfer-Encoding: chunked'), '--next', ...upload(2)];
    const all = await lab.run('curl', ...args);
    const lines = all.filter(({ serverPort }) => serverPort === NGINX_PORT).flatMap(searchLines);
    assert.equal(
      lines,
      [0, 1, 2].map((i) => `search: PUT /${i} HTTP/1.1 | X-Pepe: ${i}`),
    );
  });

  test('curl and nginx: HTTP/2 by prior knowledge, a connection for each request', async () => {
    // This curl cannot use such a connection twice.
    const one = (i: number) =>
      `curl -s --http2-prior-knowledge -H 'X-Pepe: ${i}' '${url(NGINX_HTTP2_PORT, paths[i] ?? '')}'`;
    const all = await lab.run('sh', '-c', numbers.map(one).join(' && '));
    const want = numbers.map((i) => `search: GET ${paths[i]} HTTP/2 | x-pepe: ${i}`);
    assert.equal(all.flatMap(searchLines), want);
  });

  test('curl: HTTP/2 by upgrade', async () => {
    const one = (i: number) => ['-s', '--http2', '-H', `X-Pepe: ${i}`, url(H2C_PORT, `/${i}`)];
    const seen = lab.only(await lab.run('curl', ...one(0), '--next', ...one(1), '--next', ...one(2)), H2C_PORT);
    assert.equal(searchLines(seen), [
      'search: GET /0 HTTP/1.1 | X-Pepe: 0',
      'search: GET /1 HTTP/2 | x-pepe: 1',
      'search: GET /2 HTTP/2 | x-pepe: 2',
    ]);
  });

  test('curl through a proxy: a tunnel ends the reading', async () => {
    const proxy = ['-s', '-p', '-x', url(NODE_PORT, ''), '--proxy-header', 'X-Pepe: proxy', '-H', 'X-Pepe: inside'];
    const all = await lab.run('curl', ...proxy, url(NGINX_PORT, '/'));
    assert.equal(lab.only(all, NODE_PORT).log, [
      `http/1 CONNECT 127.0.0.1:${NGINX_PORT} HTTP/1.1`,
      `search: CONNECT 127.0.0.1:${NGINX_PORT} HTTP/1.1 | X-Pepe: proxy`,
      'done: tunnel',
    ]);
    assert.equal(searchLines(lab.only(all, NGINX_PORT)), ['search: GET / HTTP/1.1 | X-Pepe: inside']);
  });

  test('a probe is avoided', async () => {
    const seen = lab.only(
      await lab.run('curl', '-s', '-A', 'kube-probe/1.29', url(NGINX_PORT, '/healthz')),
      NGINX_PORT,
    );
    assert.equal(seen.log, [
      'http/1 GET /healthz HTTP/1.1',
      'avoid: GET /healthz HTTP/1.1 | User-Agent: kube-probe/1.29',
      'done: avoided',
    ]);
  });

  test('Node: keep-alive, bodies in chunks, Expect', async () => {
    const seen = lab.only(await lab.run(process.execPath, join(HERE, 'http-clients.js'), 'keep-alive'), NODE_PORT);
    const want = Array.from(
      { length: 30 },
      (_, i) => `search: ${['GET', 'POST', 'REPORT'][i % 3]} / HTTP/1.1 | X-Pepe: keep-alive-${i}`,
    );
    assert.equal(searchLines(seen), want);
  });

  test('Node: gRPC', async () => {
    const seen = lab.only(await lab.run(process.execPath, join(HERE, 'http-clients.js'), 'grpc'), NODE_HTTP2_PORT);
    const want = Array.from({ length: 30 }, (_, i) => `search: POST /shop.Cart/Get${i % 4} HTTP/2 | x-pepe: grpc-${i}`);
    assert.equal(searchLines(seen), want);
    assert.not.ok(seen.log.some((line) => line.startsWith('done')));
  });

  test('Node: an upgrade ends the reading', async () => {
    const seen = lab.only(await lab.run(process.execPath, join(HERE, 'http-clients.js'), 'upgrade'), NODE_PORT);
    assert.equal(seen.log, ['http/1 GET / HTTP/1.1', 'search: GET / HTTP/1.1 | X-Pepe: upgrade-0', 'done: upgraded']);
  });
}

test.run();
