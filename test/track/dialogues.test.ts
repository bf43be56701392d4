import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Side } from '../../src/model/connection.ts';
import { TcpFlag } from '../../src/model/packet.ts';
import { Conversation } from '../truth/conversation.ts';
import { Followed } from './followed.ts';

const test = suite('questions and answers');

const { ack: ACK, psh: PSH } = TcpFlag;
const GET = 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n';
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const open = () => new Conversation({ serverPort: 8_080 }).open();

/** A frame of HTTP/2. */
function frame(type: number, flags: number, stream: number, payload = ''): string {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header.writeUInt16BE(type * 256 + flags, 3);
  header.writeUInt32BE(stream, 5);
  return header.toString('latin1') + payload;
}
const [SETTINGS, HEADERS, DATA, RESET] = [4, 1, 0, 3];
const request = (stream: number) => frame(HEADERS, 5, stream, 'abc');

/** In letters what is known: asked, question or answer open, answer whole. */
function known(talk: Conversation): string {
  const { connection } = new Followed(talk);
  return [
    connection.asked ? 'asked' : '',
    connection.isMessageOpen(Side.initiator) ? 'question open' : '',
    connection.isMessageOpen(Side.responder) ? 'answer open' : '',
    connection.isAnswerWhole ? 'answer whole' : '',
  ]
    .filter((word) => word !== '')
    .join(', ');
}

const cases: readonly { readonly name: string; readonly talk: Conversation; readonly want: string }[] = [
  { name: 'nothing was said', talk: open(), want: '' },
  { name: 'a question', talk: open().ask(GET), want: 'asked' },
  { name: 'a question without its body', talk: open().ask(POST), want: 'asked, question open' },
  { name: 'a question in two segments', talk: open().ask(`${POST}he`).ask('llo'), want: 'asked' },
  { name: 'a whole answer', talk: open().ask(GET).answer(`${OK}hello`), want: 'answer whole' },
  {
    name: 'an answer in three segments',
    talk: open().ask(GET).answer(OK).answer('hel').answer('lo'),
    want: 'answer whole',
  },
  { name: 'part of an answer', talk: open().ask(GET).answer(`${OK}hel`), want: 'answer open' },
  { name: 'the next question', talk: open().ask(GET).answer(`${OK}hello`).ask(GET), want: 'asked, answer whole' },
  {
    name: 'an interim response',
    talk: open().ask(POST).answer('HTTP/1.1 100 Continue\r\n\r\n').ask('hello'),
    want: 'asked',
  },
  {
    name: 'the interim and the final response',
    talk: open().ask(`${POST}hello`).answer(`HTTP/1.1 103 Early\r\n\r\n${OK}hello`),
    want: 'answer whole',
  },
  { name: 'chunks under way', talk: open().ask(GET).answer(`${CHUNKED}5\r\nhello\r\n`), want: 'answer open' },
  {
    name: 'chunks that ended',
    talk: open().ask(GET).answer(`${CHUNKED}5\r\nhello\r\n`).answer('0\r\n\r\n'),
    want: 'answer whole',
  },
  {
    name: 'the last chunk in pieces',
    talk: open().ask(GET).answer(`${CHUNKED}0\r\n`).answer('\r').answer('\n'),
    want: 'answer whole',
  },
  {
    name: 'an answer until the connection closes',
    talk: open().ask(GET).answer('HTTP/1.0 200 OK\r\n\r\nhel'),
    want: '',
  },
  { name: 'no body after HEAD', talk: open().ask('HEAD / HTTP/1.1\r\n\r\n').answer(OK), want: 'answer whole' },
  {
    name: '304 has no body',
    talk: open().ask(GET).answer('HTTP/1.1 304 Not Modified\r\nContent-Length: 50\r\n\r\n'),
    want: 'answer whole',
  },
  {
    name: 'a tunnel',
    talk: open().ask('CONNECT a:1 HTTP/1.1\r\n\r\n').answer('HTTP/1.1 200 OK\r\n\r\n').ask('x'),
    want: '',
  },
  { name: 'an upgrade', talk: open().ask(GET).answer('HTTP/1.1 101 Upgrade\r\n\r\n').ask('x'), want: '' },
  { name: 'text of another protocol', talk: open().ask('HELO me\r\n'), want: '' },
  {
    name: 'an answer whose head is in pieces is not followed',
    talk: open().ask(GET).answer(OK.slice(0, 30)).answer(OK.slice(30)),
    want: '',
  },
  {
    name: 'a PROXY header before the question',
    talk: open().ask(`PROXY TCP4 1.2.3.4 1.2.3.5 1 2\r\n${GET}`),
    want: 'asked',
  },
  { name: 'a PROXY header alone', talk: open().ask('PROXY TCP4 1.2.3.4 1.2.3.5 1 2\r\n').ask(GET), want: 'asked' },
  {
    name: 'HTTP/2: two requests',
    talk: open()
      .ask(PREFACE + frame(SETTINGS, 0, 0))
      .ask(request(1) + request(3)),
    want: 'asked, answer open',
  },
  {
    name: 'HTTP/2: one of two is answered',
    talk: open()
      .ask(PREFACE + request(1) + request(3))
      .answer(frame(HEADERS, 4, 1) + frame(DATA, 1, 1, 'hello')),
    want: 'asked, answer open',
  },
  {
    name: 'HTTP/2: both are answered',
    talk: open()
      .ask(PREFACE + request(1) + request(3))
      .answer(frame(HEADERS, 5, 1) + frame(RESET, 0, 3, '\0\0\0\x08')),
    want: 'answer whole',
  },
  {
    name: 'HTTP/2: trailers are no request',
    talk: open()
      .ask(PREFACE + frame(HEADERS, 4, 1))
      .ask(frame(HEADERS, 5, 1))
      .answer(frame(HEADERS, 5, 1)),
    want: 'answer whole',
  },
];
for (const { name, talk, want } of cases) {
  test(name, () => assert.is(known(talk), want));
}

test('what is behind missing bytes is not followed', () => {
  const talk = open()
    .ask(GET)
    .answer(OK)
    .send(false, ACK | PSH, 'he', { isUnseen: true })
    .send(false, ACK | PSH, 'llo');
  assert.is(new Followed(talk).connection.isMessageOpen(Side.responder), false);
  assert.is(new Followed(talk).connection.isAnswerWhole, false);
});

test('sequence numbers wrap round within a message', () => {
  const talk = open().ask(GET).answer('HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n');
  const piece = Buffer.alloc(1_400 * 700, 'x');
  assert.is(known(talk.answer(piece)), 'answer open');
  assert.is(known(talk.answer(piece).answer(Buffer.alloc(2_000_000 - 2 * piece.length))), 'answer whole');
});

test.run();
