import { client, type Dialogue, gap, server } from './harness.ts';

export const GET = 'GET /a?b=c HTTP/1.1\r\nHost: shop.example\r\n';
export const IS_GET = 'http/1 GET /a?b=c HTTP/1.1';

/** What a client of HTTP/1 sends, and what a reader says of it. */
export const HTTP1_DIALOGUES: readonly Dialogue[] = [
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
    name: 'Expect: 100-continue, and the client does not wait',
    steps: [
      client('POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 24\r\n\r\nX'),
      server('HTTP/1.1 417 Expectation Failed\r\n\r\n'),
      client(`GET /pepe HTTP/1.1\r\n\r\n1${GET}X-Pepe: 10\r\n\r\n`),
    ],
    want: ['http/1 POST / HTTP/1.1', 'search: GET /a?b=c HTTP/1.1 | X-Pepe: 10'],
  },
  {
    name: 'Expect: 100-continue, refused, and the client keeps the body',
    steps: [
      client('POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 60000\r\n\r\n'),
      server('HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n'),
      client(`${GET}X-Pepe: 10\r\n\r\n`),
    ],
    want: ['http/1 POST / HTTP/1.1', 'search: GET /a?b=c HTTP/1.1 | X-Pepe: 10'],
    isWhole: true,
  },
  {
    name: 'Expect: 100-continue, refused, and the client sends the body all the same',
    steps: [
      client('POST / HTTP/1.1\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n'),
      server('HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n'),
      client(`6\r\nX-Pepe\r\n0\r\n\r\n${GET}X-Pepe: 10\r\n\r\n`),
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
