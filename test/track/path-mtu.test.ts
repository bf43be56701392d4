import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TcpFlag } from '../../src/model/packet.ts';
import type { Captured } from '../truth/captured.ts';
import { Conversation } from '../truth/conversation.ts';
import { Followed } from './followed.ts';

const test = suite('sizes that do not get through');

const { ack: ACK, psh: PSH } = TcpFlag;
const open = (ipVersion: 4 | 6 = 4) => new Conversation({ serverPort: 9_092, ipVersion }).open().ask('hello');

/** The last segment once more, so often. */
function again(talk: Conversation, times: number): { frames: Captured[] } {
  const last = talk.frames.at(-1) as Captured;
  const repeats = Array.from({ length: times }, (_, n) => ({ ...last, timeUs: last.timeUs + (n + 1) * 300_000 }));
  return { frames: [...talk.frames, ...repeats] };
}
const large = (talk: Conversation, bytes: number) => talk.send(true, ACK | PSH, 'x'.repeat(bytes));

for (const [ipVersion, headerBytes] of [
  [4, 40],
  [6, 60],
] as const) {
  test(`IPv${ipVersion}: sizes are those of IP packets`, () => {
    const { pathMtu } = new Followed(again(large(open(ipVersion), 1_400), 8));
    assert.equal(pathMtu, [{ side: 0, passedBytes: headerBytes + 5, lostBytes: headerBytes + 1_400 }]);
  });
}

test('three repetitions, of 900 bytes or more', () => {
  assert.is(new Followed(again(large(open(), 900), 3)).pathMtu.length, 1);
  assert.is(new Followed(again(large(open(), 900), 2)).pathMtu.length, 0);
  assert.is(new Followed(again(large(open(), 899), 9)).pathMtu.length, 0);
});

test('a connection that was there before: what passed is not known', () => {
  const { frames } = again(large(open(), 1_400), 8);
  assert.is(new Followed({ frames: frames.slice(3) }).pathMtu.length, 0);
});

test('an ACK from behind bytes that never came, two seconds later', () => {
  const unseen = (afterMs: number, bytes = 1_400) =>
    open()
      .send(false, ACK | PSH, 'x'.repeat(bytes), { isUnseen: true })
      .ack(false, { afterMs });
  assert.equal(new Followed(unseen(2_000)).pathMtu, [{ side: 1, passedBytes: 40, lostBytes: 1_440 }]);
  assert.is(new Followed(unseen(1_900)).pathMtu.length, 0);
  assert.is(new Followed(unseen(5_000, 899)).pathMtu.length, 0);
});

test.run();
