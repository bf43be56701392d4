import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TcpFlag } from '../../src/model/packet.ts';
import { type Captured, withIpId } from '../truth/captured.ts';
import { Conversation } from '../truth/conversation.ts';
import { eventsOf, told } from './told.ts';

const test = suite('00015');

const { ack: ACK, psh: PSH } = TcpFlag;
const open = () => new Conversation({ serverPort: 9_092 }).open();

/** The last segment, sent again so often. */
function repeated(talk: Conversation, times: number): { frames: Captured[] } {
  const last = talk.frames.at(-1) as Captured;
  const again = Array.from({ length: times }, (_, n) =>
    withIpId({ ...last, timeUs: last.timeUs + (2 ** n - 0.5) * 400_000 }, 8_000 + n),
  );
  return { frames: [...talk.frames, ...again] };
}

const large = (talk: Conversation, bytes = 1_400) => talk.send(true, ACK | PSH, 'x'.repeat(bytes));

test('a large segment is sent again and again, small ones came through', () => {
  const [event, ...more] = eventsOf(repeated(large(open().ask('hello').answer('world')), 4), 1);
  assert.equal(more, []);
  assert.is(event?.name, 'PATH_MTU');
  assert.is(event?.causeId, 'path-mtu.black-hole');
  assert.is(event?.by, 0);
  assert.is(event?.value, 45);
  assert.is(event?.facts?.lostSize, 1_440);
  assert.is(event?.facts?.mssFrom, 1_460);
  assert.match(event?.confidence ?? '', /concluded from sizes/);
});

test('not told: sent again twice', () => assert.is(told(repeated(large(open().ask('hello')), 2), 1), ''));

for (const [name, captured] of [
  ['a small segment', repeated(large(open().ask('hello'), 800), 6)],
  ['one as large came through before', repeated(large(open().ask('x'.repeat(1_400))), 6)],
] as const) {
  test(`lost, but not for its size: ${name}`, () => assert.is(told(captured, 1), 'tcp.loss.unacknowledged by client'));
}

test('large segments of the server never come, and the client closes', () => {
  const talk = open()
    .ask('hello')
    .send(false, ACK | PSH, 'x'.repeat(1_400), { isUnseen: true });
  talk.ack(false, { afterMs: 5_000 });
  assert.is(told(talk, 1), 'path-mtu.black-hole by server, perhaps');
});

test.run();
