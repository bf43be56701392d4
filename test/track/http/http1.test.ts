import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { HttpReader } from '../../../src/track/http/http-reader.ts';
import { HttpSearch } from '../../../src/track/http/http-search.ts';
import { StreamBudget } from '../../../src/track/stream/stream-budget.ts';
import { client, gap, LogSink, run, SEARCH, type Step, server, splits } from './harness.ts';

const test = suite('track/http/http1');

interface Case {
  readonly name: string;
  readonly steps: readonly Step[];
  readonly want: readonly string[];
  /** The place of segment boundaries means something here. */
  readonly isWhole?: true;
  readonly midstream?: true;
}

const GET = 'GET /a?b=c HTTP/1.1\r\nHost: shop.example\r\n';
const IS_GET = 'http/1 GET /a?b=c HTTP/1.1';

const CASES: readonly Case[] = [
  { name: 'a request without the text', steps: [client(`${GET}\r\n`)], want: [IS_GET] },
  {
    name: 'a header field, in another case',
    steps: [client(`${GET}x-pEPE: 42\r\n\r\n`)],
    want: [IS_GET, 'search: GET /a?b=c HTTP/1.1 | x-pEPE: 42'],
  },
  {
    name: 'the request line is searched too',
    steps: [client('GET /x-pepe HTTP/1.0\n\n')],
    want: ['http/1 GET /x-pepe HTTP/1.0', 'search: GET /x-pepe HTTP/1.0 | GET /x-pepe HTTP/1.0'],
  },
  {
    name: 'a probe silences its connection',
    steps: [client(`${GET}User-Agent: kube-probe/1.29\r\nX-Pepe: 1\r\n\r\n${GET}X-Pepe: 2\r\n\r\n`)],
    want: [IS_GET, 'avoid: GET /a?b=c HTTP/1.1 | User-Agent: kube-probe/1.29', 'done: avoided'],
  },
  {
    name: 'once a request, in every request',
    steps: [client(`${GET}X-Pepe: 1\r\nX-Pepe: 2\r\n\r\n${GET}\r\n`), client(`${GET}X-Pepe: 3\r\n\r\n`)],
    want: [IS_GET, 'search: GET /a?b=c HTTP/1.1 | X-Pepe: 1', 'search: GET /a?b=c HTTP/1.1 | X-Pepe: 3'],
  },
  {
    name: 'any token is a method',
    steps: [client("m-Search!#$%&'*+.^_`|~9 * HTTP/1.1\r\nX-Pepe:1\r\n\r\n")],
    want: ["http/1 m-Search!#$%&'*+.^_`|~9 * HTTP/1.1", "search: m-Search!#$%&'*+.^_`|~9 * HTTP/1.1 | X-Pepe:1"],
  },
  {
    name: 'a body with a length is not searched',
    steps: [client('POST / HTTP/1.1\r\ncontent-LENGTH:  14 \r\n\r\nX-Pepe: body\r\n', `${GET}X-Pepe: 5\r\n\r\n`)],
    want: ['http/1 POST / HTTP/1.1', 'search: GET /a?b=c HTTP/1.1 | X-Pepe: 5'],
  },
  {
    name: 'chunks and trailers are not searched',
    steps: [
      client('POST / HTTP/1.1\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n'),
      client('a;x="X-Pepe"\r\nX-Pepe: 42\r\n0B\r\nGET / HTTP/\r\n000\r\nX-Pepe: 3\r\nB: c\r\n\r\n'),
      client(`${GET}X-Pepe: 6\r\n\r\n`),
    ],
    want: ['http/1 POST / HTTP/1.1', 'search: GET /a?b=c HTTP/1.1 | X-Pepe: 6'],
  },
  {
    name: 'a coding wins over a length',
    steps: [
      client('PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n1\r\na\r\n0\r\n\r\n'),
      client(`${GET}X-Pepe: 7\r\n\r\n`),
    ],
    want: ['http/1 PUT / HTTP/1.1', 'search: GET /a?b=c HTTP/1.1 | X-Pepe: 7'],
  },
  {
    name: 'the same length twice is one length',
    steps: [client('PUT / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabcX-Pepe / HTTP/1.1\r\n\r\n')],
    want: ['http/1 PUT / HTTP/1.1', 'search: X-Pepe / HTTP/1.1 | X-Pepe / HTTP/1.1'],
  },
  {
    name: 'a length that says nothing: the next request is found where a segment begins',
    steps: [
      client('PUT / HTTP/1.1\r\nContent-Length: -3\r\n\r\nabc'),
      client('abc'),
      client(`${GET}X-Pepe: 8\r\n\r\n`),
    ],
    want: ['http/1 PUT / HTTP/1.1', 'search: GET /a?b=c HTTP/1.1 | X-Pepe: 8'],
    isWhole: true,
  },
  {
    name: 'empty lines before a request are forgiven',
    steps: [client(`\r\n${GET}\r\n\r\n${GET}X-Pepe: 9\r\n\r\n`)],
    want: [IS_GET, 'search: GET /a?b=c HTTP/1.1 | X-Pepe: 9'],
  },
  {
    name: 'Expect: 100-continue',
    steps: [
      client('POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 6\r\n\r\n'),
      server('HTTP/1.1 100 Continue\r\n\r\n'),
      client(`X-Pepe${GET}X-Pepe: 10\r\n\r\n`),
    ],
    want: ['http/1 POST / HTTP/1.1', 'search: GET /a?b=c HTTP/1.1 | X-Pepe: 10'],
  },
  {
    name: 'an upgrade to something else ends it',
    steps: [
      client(`${GET}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`),
      server('HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n\r\n'),
      client(`${GET}X-Pepe: 11\r\n\r\n`),
    ],
    want: [IS_GET, 'done: upgraded'],
  },
  {
    name: 'an upgrade that is refused does not',
    steps: [
      client(`${GET}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`),
      server('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'),
      client(`${GET}X-Pepe: 12\r\n\r\n`),
      server('HTTP/1.1 101 of a body\r\n\r\n'),
      client(`${GET}X-Pepe: 13\r\n\r\n`),
    ],
    want: [IS_GET, 'search: GET /a?b=c HTTP/1.1 | X-Pepe: 12', 'search: GET /a?b=c HTTP/1.1 | X-Pepe: 13'],
  },
  {
    name: 'an upgrade whose answer was not seen',
    steps: [client(`${GET}Upgrade: websocket\r\n\r\n`), client('\x81\x05hello'), client(`${GET}X-Pepe: 1\r\n\r\n`)],
    want: [IS_GET, 'done: upgraded'],
  },
  {
    name: 'a tunnel',
    steps: [
      client('CONNECT shop.example:443 HTTP/1.1\r\nX-Pepe: 14\r\nContent-Length: 9\r\n\r\n'),
      server('HTTP/1.1 200 Connection established\r\n\r\n'),
      client('\x16\x03\x01'),
    ],
    want: [
      'http/1 CONNECT shop.example:443 HTTP/1.1',
      'search: CONNECT shop.example:443 HTTP/1.1 | X-Pepe: 14',
      'done: tunnel',
    ],
  },
  {
    name: 'a tunnel that asks for a password first',
    steps: [
      client('CONNECT shop.example:443 HTTP/1.1\r\n\r\n'),
      server('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'),
      client('CONNECT shop.example:443 HTTP/1.1\r\nX-Pepe: 15\r\n\r\n'),
      server('HTTP/1.1 299 Fine\r\n\r\n'),
    ],
    want: [
      'http/1 CONNECT shop.example:443 HTTP/1.1',
      'search: CONNECT shop.example:443 HTTP/1.1 | X-Pepe: 15',
      'done: tunnel',
    ],
  },
  {
    name: 'a gap in a body changes nothing',
    steps: [
      client('PUT / HTTP/1.1\r\nContent-Length: 30\r\n\r\nabc'),
      gap(20),
      client(`1234567${GET}X-Pepe: 16\r\n\r\n`),
    ],
    want: ['http/1 PUT / HTTP/1.1', 'search: GET /a?b=c HTTP/1.1 | X-Pepe: 16'],
  },
  {
    name: 'a gap up to the end of a body',
    steps: [client('PUT / HTTP/1.1\r\nContent-Length: 30\r\n\r\nabc'), gap(27), client(`${GET}X-Pepe: 16\r\n\r\n`)],
    want: ['http/1 PUT / HTTP/1.1', 'search: GET /a?b=c HTTP/1.1 | X-Pepe: 16'],
  },
  {
    name: 'a gap in a chunk changes nothing',
    steps: [
      client('PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabc'),
      gap(13),
      client(`\r\n0\r\n\r\n${GET}X-Pepe: 17\r\n\r\n`),
    ],
    want: ['http/1 PUT / HTTP/1.1', 'search: GET /a?b=c HTTP/1.1 | X-Pepe: 17'],
  },
  {
    name: 'a gap in a head: on with the next request that begins a segment',
    steps: [
      client(`${GET}X-Pe`),
      gap(10),
      client(`ost: a\r\n\r\n${GET}X-Pepe: no\r\n\r\n`),
      client(`${GET}X-Pepe: 18\r\n\r\n`),
    ],
    want: [IS_GET, 'search: GET /a?b=c HTTP/1.1 | X-Pepe: 18'],
    isWhole: true,
  },
  {
    name: 'a gap behind a match in an unfinished line',
    steps: [client(`${GET}X-Pepe: 1`), gap(10)],
    want: [IS_GET, 'search: GET /a?b=c HTTP/1.1 | X-Pepe: 1'],
  },
  {
    name: 'the connection ends in a head',
    steps: [client(`${GET}X-Pepe: 19`)],
    want: [IS_GET, 'search: GET /a?b=c HTTP/1.1 | X-Pepe: 19'],
  },
  {
    name: 'the capture begins in a body',
    steps: [client('abc def\r\nX-Pepe: 1\r\n\r\n'), client('GET me\r\n'), client(`${GET}X-Pepe: 20\r\n\r\n`)],
    want: [IS_GET, 'search: GET /a?b=c HTTP/1.1 | X-Pepe: 20'],
    isWhole: true,
    midstream: true,
  },
  { name: 'the beginning was not captured', steps: [gap(5), client(`${GET}\r\n`)], want: [IS_GET], isWhole: true },
  { name: 'TLS', steps: [client('\x16\x03\x01\x02\x00\x01')], want: ['not http'] },
  { name: 'SSH', steps: [client('SSH-2.0-OpenSSH_9.6 x\r\n')], want: ['not http'] },
  { name: 'SMTP', steps: [client('EHLO shop.example\r\n')], want: ['not http'] },
  { name: 'Redis', steps: [client('*1\r\n$4\r\nPING\r\n')], want: ['not http'] },
  { name: 'HTTP/0.9 is none', steps: [client('GET /\r\n')], want: ['not http'] },
  { name: 'HTTP/3.0 is none', steps: [client('GET / HTTP/3.0\r\n')], want: ['not http'] },
  { name: 'a preface that goes wrong', steps: [client('PRI * HTTP/2.0\r\n\r\nSN\r\n\r\n')], want: ['not http'] },
  { name: 'PRI of HTTP/1 is a method', steps: [client('PRI * HTTP/1.1\r\n\r\n')], want: ['http/1 PRI * HTTP/1.1'] },
  {
    name: 'spaces in a target',
    steps: [client('GET /a b HTTP/1.1 HTTP/1.1\r\nX-Pepe: 21\r\n\r\n')],
    want: ['http/1 GET /a b HTTP/1.1 HTTP/1.1', 'search: GET /a b HTTP/1.1 HTTP/1.1 | X-Pepe: 21'],
  },
  {
    name: 'what looks like a version in the target',
    steps: [client('GET /a HTTP/1.1x/HTTP/1 HTTP/1.1\r\n\r\n')],
    want: ['http/1 GET /a HTTP/1.1x/HTTP/1 HTTP/1.1'],
  },
];

for (const { name, steps, want, isWhole, midstream } of CASES) {
  test(name, () => {
    assert.equal(run(steps, { midstream: midstream ?? false }), want);
    if (isWhole) return;
    for (const pieces of splits(steps)) {
      assert.equal(run(pieces), want);
    }
  });
}

test('a head is searched up to 64 KB and followed beyond', () => {
  const filler = `A: ${'b'.repeat(1000)}\r\n`;
  const before = `${GET}${filler.repeat(64)}`; // 64 × 1,005 bytes and the first two lines
  const near = client(`${before}X-Pepe: near\r\n\r\n`);
  assert.equal(run([near]), [IS_GET, 'search: GET /a?b=c HTTP/1.1 | X-Pepe: near']);
  const steps = [
    client(`${before}${filler.repeat(3)}X-Pepe: far\r\nContent-Length: 4\r\n\r\nX-Pe${GET}X-Pepe: 2\r\n\r\n`),
  ];
  const want = [IS_GET, 'search: GET /a?b=c HTTP/1.1 | X-Pepe: 2'];
  assert.equal(run(steps), want);
  const bytes = steps[0]?.bytes ?? new Uint8Array(0);
  for (const pieceBytes of [1, 7, 1448, 65_536]) {
    const pieces: Step[] = [];
    for (let at = 0; at < bytes.length; at += pieceBytes) pieces.push(client(bytes.subarray(at, at + pieceBytes)));
    assert.equal(run(pieces), want);
  }
});

test('an endless head or request line costs nothing and ends nothing', () => {
  const search = new HttpSearch(SEARCH, '');
  const sink = new LogSink();
  const reader = new HttpReader(search, sink, 1);
  const feed = (text: string) => {
    const bytes = Buffer.from(text);
    reader.initiator.data(bytes, 0, bytes.length, 1);
  };
  feed(`${GET}A: `);
  for (let i = 0; i < 2000; i++) feed('b'.repeat(1448));
  assert.ok(search.budget.usedBytes <= 4096);
  feed(`\r\n\r\n${GET}X-Pepe: 1\r\n\r\n`);
  assert.equal(sink.log, [IS_GET, 'search: GET /a?b=c HTTP/1.1 | X-Pepe: 1']);
  for (let i = 0; i < 100; i++) feed(`GET /${'b'.repeat(1443)}`);
  feed('\r\n');
  feed(`${GET}X-Pepe: 2\r\n\r\n`);
  assert.is(sink.log.at(-1), 'search: GET /a?b=c HTTP/1.1 | X-Pepe: 2');
  reader.finish();
  assert.is(search.budget.usedBytes, 0);
});

test('unfinished heads of all connections are bounded', () => {
  const search = new HttpSearch(SEARCH, '', new StreamBudget(10_000));
  const sink = new LogSink();
  const readers = Array.from({ length: 6 }, (_, id) => new HttpReader(search, sink, id));
  const bytes = Buffer.from(`${GET}X`);
  for (const reader of readers) reader.initiator.data(bytes, 0, bytes.length, 1);
  assert.ok(search.budget.usedBytes <= 10_000);
  assert.equal(sink.log.slice(-2), ['done: memory', IS_GET].reverse());
  for (const reader of readers) reader.finish();
  assert.is(search.budget.usedBytes, 0);
});

test('the texts may change at any time', () => {
  const search = new HttpSearch('', '');
  assert.ok(search.isEmpty);
  const sink = new LogSink();
  const reader = new HttpReader(search, sink, 1);
  const feed = (text: string) => {
    const bytes = Buffer.from(text);
    reader.initiator.data(bytes, 0, bytes.length, 1);
  };
  feed(`${GET}X-Pepe: 1\r\n\r\nPUT / HTTP/1.1\r\nX-Pepe: 1`);
  search.set('x-pepe', '');
  assert.is(search.version, 1);
  feed(`\r\nX-Pepe: 2\r\n\r\n${GET}X-Pepe: 3\r\nX-`);
  search.set('', 'PEPE: 3');
  feed('PEPE: 33\r\n\r\n');
  assert.equal(sink.log, [
    IS_GET,
    'search: PUT / HTTP/1.1 | X-Pepe: 2',
    'search: GET /a?b=c HTTP/1.1 | X-Pepe: 3',
    'avoid: GET /a?b=c HTTP/1.1 | X-PEPE: 33',
    'done: avoided',
  ]);
  reader.finish();
});

test('a midstream connection without a request is given up', () => {
  const noise: Step[] = Array.from({ length: 1001 }, () => client('{"a": 1}'));
  assert.equal(run(noise, { midstream: true }), ['not http']);
});

test.run();
