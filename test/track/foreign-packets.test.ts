import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TcpFlag } from '../../src/model/packet.ts';
import { type Change, Conversation } from '../truth/conversation.ts';
import { Followed } from './followed.ts';

const test = suite('foreign packets');

const { syn: SYN, ack: ACK, rst: RST } = TcpFlag;
const FROM = { from: 3 };
const make = () => new Conversation({ serverPort: 80 });
const asked = () => make().open().ask('hello').answer('you').ask('more');
const told = (talk: Conversation) => new Followed(talk).strangers.length;
const strange = (talk: Conversation, change: Change = {}) => talk.send(false, ACK, 'well', { ...FROM, ...change });
const reset = (talk: Conversation) => talk.send(true, RST, '', FROM);

test('told once the initiator has reset the stranger, and once only', () => {
  const { strangers } = new Followed(reset(strange(reset(strange(asked())))));
  assert.is(strangers.length, 1);
  assert.is(strangers[0]?.port, 80);
  assert.equal(strangers[0]?.address, [0x0a000003]);
  assert.is(told(strange(asked())), 0, 'not before');
});

test('of strangers that take turns one is told', () => {
  const talk = asked();
  for (let n = 0; n < 6; n++) {
    const from = { from: 3 + (n % 2) };
    talk.send(false, ACK, 'x', from).send(true, RST, '', from);
  }
  assert.is(told(talk), 1);
});

test('told when it goes on while the one that was asked is silent', () => {
  assert.is(told(strange(strange(asked()), { afterMs: 201 })), 1);
  assert.is(told(strange(strange(asked()), { afterMs: 200 })), 0, 'too soon');
  assert.is(told(strange(strange(asked()).answer('here'), { afterMs: 201 })), 0, 'the server answers');
});

test('what it acknowledges must be what the initiator sent', () => {
  assert.is(told(reset(strange(asked(), { acknowledgment: 1 }))), 0, 'more than that');
  assert.is(told(reset(strange(asked(), { acknowledgment: -5 }))), 0, 'what the server has acknowledged already');
});

test('a SYN-ACK of a stranger', () => {
  const answered = () =>
    make()
      .syn()
      .send(false, SYN | ACK, '', FROM);
  assert.is(told(reset(answered())), 1);
  assert.is(
    told(
      answered()
        .again(true, { afterMs: 1_000 })
        .send(false, SYN | ACK, '', FROM),
    ),
    1,
    'it goes on',
  );
  assert.is(told(reset(make().syn().send(false, ACK, '', FROM))), 0, 'no SYN-ACK');
});

test('packets of a stranger begin no connection', () => {
  assert.is(new Followed(reset(strange(asked()))).tracker.size, 1);
});

test('of a closed connection nobody is a stranger', () => {
  assert.is(told(reset(strange(asked().rst(false)))), 0);
});

test('the tracker says who it is', () => {
  const { tracker, connection } = new Followed(strange(asked()));
  assert.is(tracker.strangerOf(connection.slot)?.isTold, false);
  assert.is(tracker.strangerOf(connection.slot + 1), null);
});

test.run();
