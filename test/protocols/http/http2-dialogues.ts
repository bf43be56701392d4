import { frame, get, headers, indexed, PREFACE, plain, reference } from '../../tools/http2-bytes.ts';
import { client, type Dialogue, gap, server } from './harness.ts';

const SETTINGS = frame(4, 0, 0, Buffer.from('000300000064', 'hex'));
export const IS_HTTP2 = 'http/2 GET /a HTTP/2';
export const MATCH = 'search: GET /a HTTP/2 | x-pepe: 1';
const H2C = 'GET /a HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n';
const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n';
const begin = client(PREFACE, SETTINGS);

/** What a client of HTTP/2 sends, and what a reader says of it. */
export const HTTP2_DIALOGUES: readonly Dialogue[] = [
  { name: 'no request', steps: [begin], want: [] },
  { name: 'a request without the text', steps: [begin, client(headers(1, get('/a')))], want: [IS_HTTP2] },
  {
    name: 'a field, then the same from the table',
    steps: [begin, client(headers(1, get('/a'), indexed('x-pepe', '1'))), client(headers(3, get('/a'), reference(62)))],
    want: [IS_HTTP2, MATCH, MATCH],
  },
  {
    name: 'pseudo-header fields are lines too',
    steps: [begin, client(headers(1, get('/a?X-PEPE')))],
    want: ['http/2 GET /a?X-PEPE HTTP/2', 'search: GET /a?X-PEPE HTTP/2 | :path: /a?X-PEPE'],
  },
  {
    name: 'a probe ends it',
    steps: [
      begin,
      client(headers(1, get('/a'), plain('x-pepe', '1'), plain('user-agent', 'kube-probe/1.29')), headers(3)),
    ],
    want: [IS_HTTP2, 'avoid: GET /a HTTP/2 | user-agent: kube-probe/1.29', 'done: avoided'],
  },
  {
    name: 'a block in pieces, padded, with a priority',
    steps: [
      begin,
      client(
        frame(1, 0x28, 1, Buffer.concat([Buffer.from([3, 0, 0, 0, 0, 9]), get('/a'), Buffer.from([1, 2, 3])])),
        frame(9, 0, 1, plain('x-pepe', '1').subarray(0, 4)),
        frame(9, 0, 1),
        frame(9, 0, 1, plain('x-pepe', '1').subarray(4)),
        frame(9, 4, 1),
        headers(3, get('/b'), plain('x-pepe', '2')),
      ),
    ],
    want: [IS_HTTP2, MATCH, 'search: GET /b HTTP/2 | x-pepe: 2'],
  },
  {
    name: 'data, trailers and everything else are passed over',
    steps: [
      begin,
      client(
        frame(1, 0x04, 1, Buffer.concat([get('/a'), indexed('te', 'trailers')])),
        frame(0, 0x08, 1, Buffer.from('\x02X-Pepe: 1\0\0')),
        frame(0xbe, 0xff, 7, Buffer.from('GREASE')),
        frame(8, 0, 0, Buffer.from([0, 0, 1, 0])),
        frame(6, 0, 0, Buffer.alloc(8)),
        frame(2, 0, 3, Buffer.alloc(5)),
        headers(1, indexed('x-pepe', '1')),
        headers(3, get('/a'), reference(62)),
      ),
    ],
    want: [IS_HTTP2, MATCH],
  },
  {
    name: 'an upgrade from HTTP/1',
    steps: [
      client(`${H2C}X-Pepe: 1\r\n\r\n`),
      server(SWITCHING, frame(4, 0, 0)),
      begin,
      client(headers(3, get('/b'), plain('x-pepe', '2'))),
    ],
    want: ['http/1 GET /a HTTP/1.1', 'search: GET /a HTTP/1.1 | X-Pepe: 1', 'search: GET /b HTTP/2 | x-pepe: 2'],
  },
  {
    name: 'an upgrade that is refused',
    steps: [
      client(`${H2C}\r\n`),
      server('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'),
      client('GET /b HTTP/1.1\r\nX-Pepe: 2\r\n\r\n'),
    ],
    want: ['http/1 GET /a HTTP/1.1', 'search: GET /b HTTP/1.1 | X-Pepe: 2'],
  },
  {
    name: 'an upgrade, offered as one of two, to the other',
    steps: [client('GET /a HTTP/1.1\r\nUpgrade: h2c, websocket\r\n\r\n'), server(SWITCHING), client('\x81\x01a')],
    want: ['http/1 GET /a HTTP/1.1', 'done: upgraded'],
  },
  {
    name: 'a gap within data changes nothing',
    steps: [
      begin,
      client(headers(1, get('/a'), indexed('x-a', 'X-Pepe'))),
      client(frame(0, 1, 1, Buffer.alloc(20)).subarray(0, 15)),
      gap(14),
      client(headers(3, get('/b'), reference(62))),
    ],
    want: [IS_HTTP2, 'search: GET /a HTTP/2 | x-a: X-Pepe', 'search: GET /b HTTP/2 | x-a: X-Pepe'],
  },
  {
    name: 'a gap elsewhere: fields from before it are passed over, later ones are known again',
    steps: [
      begin,
      client(headers(1, get('/a'), indexed('x-pepe', 'old'))),
      gap(100),
      client('rest of a frame that began in the gap'),
      client(headers(5, get('/b'), indexed('x-pepe', 'new'))),
      client(
        frame(8, 0, 0, Buffer.from([0, 0, 1, 0])),
        headers(7, get('/c'), reference(62), reference(63), reference(70)),
      ),
      client(headers(9, get('/d'), reference(63))),
    ],
    want: [
      IS_HTTP2,
      'search: GET /a HTTP/2 | x-pepe: old',
      'search: GET /b HTTP/2 | x-pepe: new',
      'search: GET /c HTTP/2 | x-pepe: new',
    ],
    isWhole: true,
  },
  {
    name: 'the capture begins in the middle',
    steps: [
      client('some data, then its end'),
      client(frame(8, 0, 0, Buffer.from([0, 0, 1, 0])), headers(5, get('/a'), reference(65), plain('x-pepe', '1'))),
    ],
    want: [IS_HTTP2, MATCH],
    isWhole: true,
    midstream: true,
  },
  {
    name: 'in the middle: what looks like frames and is none',
    steps: [client(frame(1, 5, 5, Buffer.from('00ff', 'hex'))), client('GET /a HTTP/1.1\r\nX-Pepe: 1\r\n\r\n')],
    want: ['http/1 GET /a HTTP/1.1', 'search: GET /a HTTP/1.1 | X-Pepe: 1'],
    isWhole: true,
    midstream: true,
  },
  { name: 'a block that cannot be', steps: [begin, client(headers(1, reference(99)))], want: ['done: lost'] },
  {
    name: 'a frame between the frames of a block',
    steps: [begin, client(frame(1, 0, 1, get('/a')), frame(0, 0, 1))],
    want: ['done: lost'],
  },
  {
    name: 'more padding than payload',
    steps: [begin, client(frame(1, 0x0d, 1, Buffer.from([9, 0x82])))],
    want: ['done: lost'],
  },
  {
    name: 'a table that is too large',
    steps: [begin, client(headers(1, Buffer.from('3fe2ff03', 'hex'), get('/a')))],
    want: ['done: tableSize'],
  },
];
