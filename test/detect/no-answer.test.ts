import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TcpFlag } from '../../src/model/packet.ts';
import { clientHello, record } from '../tools/tls-bytes.ts';
import { Conversation } from '../truth/conversation.ts';
import { eventsOf, told } from './told.ts';

const test = suite('00021');

const { ack: ACK, psh: PSH } = TcpFlag;
const GET = 'GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello';
const SHORT = 'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello';
const CHUNKS = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n';
const HELLO = Buffer.from(record(22, clientHello({ name: 'shop.example' }), 0x0301), 'hex');
const SSL_REQUEST = Buffer.from('0000000804d2162f', 'hex');

const http = () => new Conversation({ serverPort: 8_080 }).open();
const plain = () => new Conversation({ serverPort: 9_092 }).open();
const tls = () => new Conversation({ serverPort: 8_443 }).open();

const cases: readonly { readonly name: string; readonly talk: Conversation; readonly want: string }[] = [
  { name: 'asked and answered', talk: http().ask(GET).answer(OK).close(), want: '' },
  {
    name: 'the client waits and closes',
    talk: http().ask(GET).wait(3_000).fin(true).fin(false).ack(true),
    want: 'answer.client-gave-up by client',
  },
  {
    name: 'the client waits and resets',
    talk: http().ask(GET).wait(3_000).rst(true),
    want: 'tcp.reset.aborted by client; answer.client-gave-up by client',
  },
  { name: 'the client does not wait', talk: http().ask(GET).rst(true, { afterMs: 20 }), want: 'tcp.reset' },
  {
    name: 'the client half-closes and is answered',
    talk: http().ask(GET).fin(true).answer(OK).fin(false).ack(true),
    want: '',
  },
  {
    name: 'the answer comes after the client closed',
    talk: http().ask(GET).wait(3_000).fin(true).wait(500).answer(OK).rst(true),
    want: 'answer.too-late by client',
  },
  { name: 'the server closes', talk: http().ask(GET).close(false), want: 'answer.server-closed by server' },
  {
    name: 'the answer is cut short',
    talk: http().ask(GET).answer(SHORT).close(false),
    want: 'answer.cut-short by server',
  },
  {
    name: 'chunks are cut short',
    talk: http().ask(GET).answer(CHUNKS).close(false),
    want: 'answer.cut-short by server',
  },
  { name: 'chunks that end', talk: http().ask(GET).answer(`${CHUNKS}0\r\n\r\n`).close(false), want: '' },
  {
    name: 'the question is cut short',
    talk: http().ask('POST / HTTP/1.1\r\nContent-Length: 50\r\n\r\nhello').close(),
    want: '',
  },
  {
    name: 'HEAD has no body',
    talk: http().ask('HEAD / HTTP/1.1\r\n\r\n').answer('HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n').close(),
    want: '',
  },
  {
    name: 'an interim response is no answer',
    talk: http()
      .ask('POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n')
      .answer('HTTP/1.1 100 Continue\r\n\r\n')
      .ask('ab')
      .close(false),
    want: 'answer.server-closed by server',
  },
  {
    name: 'a request crosses the FIN',
    talk: http()
      .ask(GET)
      .answer(OK)
      .wait(5_000)
      .fin(false)
      .send(true, ACK | PSH, GET, { acknowledgment: -1 })
      .rst(false),
    want: 'answer.keepalive-race by server',
  },
  { name: 'TLS is declined', talk: tls().ask(SSL_REQUEST).answer('N').close(), want: 'answer.declined by server' },
  {
    name: 'TLS is declined, and the client goes on',
    talk: tls().ask(SSL_REQUEST).answer('N').ask('startup').answer('ready').close(),
    want: '',
  },
  {
    name: 'the server hangs up on the ClientHello',
    talk: tls().ask(HELLO).close(false),
    want: 'answer.tls-refused by server',
  },
  {
    name: 'the client gives up its ClientHello',
    talk: tls().ask(HELLO).wait(3_000).fin(true).fin(false).ack(true),
    want: 'answer.client-gave-up by client',
  },
  { name: 'plain text, which may ask for nothing', talk: plain().ask('log line').close(), want: '' },
  {
    name: 'plain text after question and answer',
    talk: plain().ask('a').answer('b').ask('c').wait(3_000).fin(true).fin(false).ack(true),
    want: 'answer.client-gave-up by client, perhaps',
  },
  {
    name: "CONNECT: the tunnel is nobody's question",
    talk: http().ask('CONNECT a:443 HTTP/1.1\r\n\r\n').answer('HTTP/1.1 200 OK\r\n\r\n').ask('x').close(false),
    want: '',
  },
  {
    name: 'WebSocket after 101',
    talk: http()
      .ask('GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n')
      .answer('HTTP/1.1 101 Switching Protocols\r\n\r\n')
      .ask('x')
      .close(false),
    want: '',
  },
];
for (const { name, talk, want } of cases) {
  test(name, () => {
    const said = told(talk);
    if (want === '') assert.is(said, '');
    else assert.ok(said.startsWith(want), said);
  });
}

test('times are told: how long the client waited, how late the answer came', () => {
  const [event] = eventsOf(http().ask(GET).wait(3_000).fin(true).fin(false).ack(true));
  assert.is(event?.facts?.waitedMs, 3_001);
  assert.match(event?.cause ?? '', /waited 3 s for an answer/);
});

test('nothing is told where bytes went by unseen', () => {
  const unseen = () =>
    http()
      .ask(GET)
      .send(false, ACK | PSH, OK, { isUnseen: true });
  assert.is(told(unseen().ack(true).wait(3_000).close()), '');
  assert.is(told(unseen().ask(GET).wait(3_000).fin(true).fin(false).ack(true)), '');
  assert.is(told(unseen().fin(false).fin(true)), '');
});

test.run();
