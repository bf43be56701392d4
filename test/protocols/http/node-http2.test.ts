import { once } from 'node:events';
import { connect, constants, type OutgoingHttpHeaders } from 'node:http2';
import { type AddressInfo, createServer } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { HttpReader } from '../../../src/protocols/http/http-reader.ts';
import { HttpSearch } from '../../../src/protocols/http/http-search.ts';
import { frame } from '../../tools/http2-bytes.ts';
import { seededBelow } from '../../tools/random.ts';
import { LogSink } from './harness.ts';

const test = suite('protocols/http/node-http2');

const FLAG_ACK = 1;
const TYPE_SETTINGS = 4;

/** Lets Node's HTTP/2 client send its requests to a server that only announces a table size, and records the bytes. */
async function record(tableBytes: number, requests: readonly OutgoingHttpHeaders[]): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const setting = Buffer.alloc(6);
  setting.writeUInt16BE(constants.NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, 0);
  setting.writeUInt32BE(tableBytes, 2);
  const server = createServer((socket) => {
    socket.write(frame(TYPE_SETTINGS, 0, 0, setting));
    socket.write(frame(TYPE_SETTINGS, FLAG_ACK, 0));
    socket.on('data', (piece) => pieces.push(piece));
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  client.on('error', () => {});
  await once(client, 'remoteSettings');
  for (const request of requests) {
    const stream = client.request(request);
    stream.on('error', () => {});
    stream.end(request[':method'] === 'POST' ? 'X-Pepe: body' : undefined);
  }
  const last = String(requests.at(-1)?.['x-last']);
  for (let waited = 0; waited < 2000 && !Buffer.concat(pieces).includes(last); waited += 5) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await new Promise((resolve) => setTimeout(resolve, 20));
  client.destroy();
  server.close();
  await once(server, 'close');
  return Buffer.concat(pieces);
}

function read(recorded: Buffer, search: HttpSearch, pieceBytes: (left: number) => number): string[] {
  const sink = new LogSink();
  const reader = new HttpReader(search, sink, 1);
  for (let at = 0; at < recorded.length; ) {
    const end = Math.min(recorded.length, at + pieceBytes(recorded.length - at));
    reader.initiator.data(recorded, at, end, 1);
    at = end;
  }
  reader.finish();
  assert.is(search.budget.usedBytes, 0);
  return sink.log;
}

const random = seededBelow(42);

/** Requests as different from each other as an encoder may like. */
function makeRequests(count: number): OutgoingHttpHeaders[] {
  return Array.from({ length: count }, (_, i) => {
    const headers: OutgoingHttpHeaders = {
      ':method': ['GET', 'POST', 'PUT', 'PATCH'][random(4)] ?? '',
      ':path': `/shop.Cart/Get${random(5)}`,
      'content-type': 'application/grpc+proto',
      te: 'trailers',
      'x-pepe': `${i} ${Array.from({ length: random(40) }, () => String.fromCharCode(0x21 + random(94))).join('')}`,
    };
    for (let field = random(8); field > 0; field--) {
      headers[`x-field-${random(30)}`] = String.fromCharCode(0x61 + random(26)).repeat(1 + random(200));
    }
    if (i === count - 1) headers['x-last'] = '~^~^~^~^~^~'; // no Huffman code is shorter, so it is sent in clear
    return headers;
  });
}

for (const tableBytes of [4096, 0, 100, 65_536]) {
  test(`every request of Node's client is read, with a table of ${tableBytes} bytes`, async () => {
    const requests = makeRequests(80);
    const recorded = await record(tableBytes, requests);
    const want = requests.map((request) => {
      const line = `${request[':method']} ${request[':path']} HTTP/2`;
      return `search: ${line} | x-pepe: ${request['x-pepe']}`;
    });
    for (const pieceBytes of [() => recorded.length, () => 1, () => 1448, () => 1 + random(2000)]) {
      const log = read(recorded, new HttpSearch('x-PEPE', ''), pieceBytes);
      assert.ok(log[0]?.startsWith('http/2 '));
      assert.equal(log.slice(1), want);
    }
  });
}

/** The shortest UTF-8 text that contains a byte, as characters that are bytes. */
function textWith(byte: number): string {
  const bytes = [byte];
  if (byte >= 0x80 && byte < 0xc0) bytes.unshift(0xc3);
  else if (byte === 0xe0 || byte === 0xf0) bytes.push(0xb0);
  else if (byte >= 0xc0) bytes.push(0x80);
  if (byte >= 0xe0) bytes.push(0x80);
  if (byte >= 0xf0) bytes.push(0x80);
  return Buffer.from(bytes).toString('latin1');
}

test('every byte of UTF-8 that a value may have, in Huffman code', async () => {
  const bytes = Array.from({ length: 0xf4 - 0x21 + 1 }, (_, i) => 0x21 + i);
  const values = bytes
    .filter((byte) => byte !== 0x7f && byte !== 0xc0 && byte !== 0xc1)
    // Short codes around it make the encoder choose Huffman.
    .map((byte) => `${'a'.repeat(60)}${textWith(byte)}${'e'.repeat(60)}`);
  const requests: OutgoingHttpHeaders[] = values.map((value) => ({ ':path': '/', 'x-pepe': value }));
  requests.push({ ':path': '/', 'x-last': '~^~^~^~^~^~' });
  const recorded = await record(4096, requests);
  assert.not.ok(recorded.includes('aaaaaaaaaa'));
  const want = values.map((value) => `search: GET / HTTP/2 | x-pepe: ${Buffer.from(value, 'latin1')}`);
  assert.equal(read(recorded, new HttpSearch('x-pepe', ''), (left) => left).slice(1), want);
});

test('a header list that needs CONTINUATION', async () => {
  const long: OutgoingHttpHeaders = { ':path': '/long' };
  for (let i = 0; i < 20; i++) long[`x-long-${i}`] = '^'.repeat(2000);
  const requests = [
    { ...long, 'x-pepe': 'first' },
    long,
    { ':path': '/', 'x-pepe': 'second', 'x-last': '~^~^~^~^~^~' },
  ];
  const recorded = await record(4096, requests);
  for (const pieceBytes of [() => recorded.length, () => 1, () => 1448]) {
    assert.equal(read(recorded, new HttpSearch('x-pepe', ''), pieceBytes), [
      'http/2 GET /long HTTP/2',
      'search: GET /long HTTP/2 | x-pepe: first',
      'search: GET / HTTP/2 | x-pepe: second',
    ]);
  }
});

test.run();
