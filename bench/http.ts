/**
 * What the header search costs a request, a segment of a body, and a new connection.
 *
 *     node build/bench/http.js
 */
import { HttpReader } from '../src/protocols/http/http-reader.ts';
import { HttpSearch, type HttpSink } from '../src/protocols/http/http-search.ts';
import { frame, get, headers, indexed, PREFACE, plain, reference } from '../test/tools/http2-bytes.ts';

let matches = 0;
const sink: HttpSink = {
  http() {},
  match() {
    matches++;
  },
  notHttp() {},
  done() {},
};

const GET = Buffer.from(
  'GET /api/v1/carts/4711/items?limit=20&offset=40 HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: Mozilla/5.0 (X11; Linux ' +
    'x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\nAccept: application/json\r\nAccept-Language: en-US,en;q=0.5\r\n' +
    'Accept-Encoding: gzip, deflate, br, zstd\r\nReferer: http://shop.example/cart\r\nX-Request-Id: 0b5ec9c1-7a1f-4c55\r\n' +
    'Cookie: session=4f2ab1c09d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c1d0e; theme=dark\r\nConnection: keep-alive\r\n\r\n',
);
const UPLOAD = Buffer.from('PUT / HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n');
const DATA = Buffer.alloc(1448, 'x');

const ROUNDS = 100;

function time(name: string, count: number, step: (i: number) => void): void {
  let ns = Number.POSITIVE_INFINITY; // best of many, as other work on the machine only ever adds
  for (let round = 0; round < ROUNDS; round++) {
    matches = 0;
    const begin = process.hrtime.bigint();
    for (let i = 0; i < count / ROUNDS; i++) step(i);
    ns = Math.min(ns, (Number(process.hrtime.bigint() - begin) / count) * ROUNDS);
  }
  process.stdout.write(
    `${name.padEnd(72)} ${ns.toFixed(0).padStart(6)} ns  ${matches > 0 ? 'with' : 'without'} a match\n`,
  );
}

function make(search: HttpSearch, ...first: Buffer[]): HttpReader {
  const reader = new HttpReader(search, sink, 1);
  for (const bytes of first) reader.initiator.data(bytes, 0, bytes.length, 1);
  return reader;
}

const search = new HttpSearch('X-Pepe', 'kube-probe/');
const idle = make(search);
time(`HTTP/1 head of ${GET.length} bytes in one segment`, 1e6, () => idle.initiator.data(GET, 0, GET.length, 1));
time(`HTTP/1 head of ${GET.length} bytes in two segments`, 5e5, () => {
  idle.initiator.data(GET, 0, 200, 1);
  idle.initiator.data(GET, 200, GET.length, 1);
});
const matching = Buffer.from(GET.toString('latin1').replace('X-Request-Id', 'X-Pepe'));
time('the same with a match in every head', 5e5, () => idle.initiator.data(matching, 0, matching.length, 1));
const uploading = make(search, UPLOAD);
time('segment of 1,448 bytes within a body', 2e7, () => uploading.initiator.data(DATA, 0, DATA.length, 1));
time('segment of the responder', 2e7, () => uploading.responder.data(DATA, 0, DATA.length, 1));
time('new connection with one request', 5e5, () => make(search, GET).finish());
const tls = Buffer.from('1603010200010001fc0303', 'hex');
time('new connection that is not HTTP', 2e6, () => make(search, tls).finish());
const grpc = make(
  search,
  PREFACE,
  headers(1, get('/shop.Cart/Get'), indexed('content-type', 'application/grpc'), indexed('user-agent', 'grpc-go/1.64')),
);
const call = Buffer.concat([
  headers(3, get('/shop.Cart/Get'), reference(62), reference(63), plain('grpc-timeout', '999880u')),
  frame(0, 1, 3, Buffer.alloc(60)),
]);
time(`gRPC call of ${call.length} bytes`, 2e6, () => grpc.initiator.data(call, 0, call.length, 1));
