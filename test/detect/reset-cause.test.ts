import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TcpFlag } from '../../src/model/packet.ts';
import { Conversation } from '../truth/conversation.ts';
import { eventsOf, told } from './told.ts';

const test = suite('causes of 00002');

const { rst: RST } = TcpFlag;
const make = () => new Conversation({ serverPort: 9_092 });
const open = () => make().open();

/** The first probe asks for the byte before the next one. */
function keepAlives(talk: Conversation, count: number): Conversation {
  talk.wait(60_000);
  for (let n = 0; n < count; n++) talk.ack(true, { sequence: -1, afterMs: 10_000 });
  return talk.rst(true, { afterMs: 10_000 });
}

const cases: readonly { readonly name: string; readonly talk: Conversation; readonly want: string }[] = [
  {
    name: 'the client, before the handshake is complete',
    talk: make().syn().synAck().send(true, RST),
    want: 'tcp.reset.handshake-by-client by client',
  },
  {
    name: 'the client, whose ACK of the SYN-ACK was missed',
    talk: make().syn().synAck().rst(true),
    want: 'tcp.reset.unused by client',
  },
  {
    name: 'the server, before the handshake is complete',
    talk: make().syn().synAck().rst(false),
    want: 'tcp.reset.handshake-by-server by server, perhaps',
  },
  { name: 'before a byte was sent', talk: open().rst(true), want: 'tcp.reset.unused by client' },
  {
    name: 'what was asked is not answered',
    talk: open().ask('what').rst(false),
    want: 'tcp.reset.unanswered by server',
  },
  {
    name: 'everything was answered',
    talk: open().ask('what').answer('this').rst(true),
    want: 'tcp.reset.after-answer by client',
  },
  {
    name: 'in the middle',
    talk: open().ask('a').answer('b').ask('c').answer('d').rst(false),
    want: 'tcp.reset.aborted by server',
  },
  {
    name: 'keep-alives without an answer',
    talk: keepAlives(open().ask('a').answer('b'), 3),
    want: 'tcp.reset.keepalive-unanswered by client',
  },
  {
    name: 'another hop limit',
    talk: open().ask('a').answer('b').rst(false, { hopLimit: 61 }),
    want: 'tcp.reset.middlebox by server',
  },
  {
    name: 'it rested, then the server resets it',
    talk: open().ask('a').answer('b').wait(60_000).rst(false),
    want: 'tcp.reset.idle-limit by server',
  },
  {
    name: 'it rested, and is reset when it is used again',
    talk: open().ask('a').answer('b').wait(60_000).ask('c').rst(false),
    want: 'tcp.reset.idle-limit by server',
  },
  {
    name: 'it rested for less than 30 s',
    talk: open().ask('a').answer('b').wait(29_000).rst(false),
    want: 'tcp.reset.aborted by server',
  },
];
for (const { name, talk, want } of cases) {
  test(name, () => assert.is(told(talk, 1).split('; ')[0], want));
}

test('one keep-alive without an answer tells nothing', () => {
  assert.not.match(told(keepAlives(open().ask('a').answer('b'), 1), 1), /keepalive/);
});

test('what was counted is in the facts', () => {
  const [alive] = eventsOf(keepAlives(open().ask('a').answer('b'), 3), 1);
  assert.is(alive?.facts?.keepAlives, 3);
  const [idle] = eventsOf(open().ask('a').answer('b').wait(60_000).rst(false), 1);
  assert.ok(Math.abs((idle?.facts?.idleMs ?? 0) - 60_000) < 10, `${idle?.facts?.idleMs}`);
});

test.run();
