import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Captured } from '../truth/captured.ts';
import { Conversation, icmpError } from '../truth/conversation.ts';
import { Followed } from './followed.ts';

const test = suite('ICMP errors and their connections');

const make = (clientPort = 40_000) => new Conversation({ serverPort: 80, clientPort });
const last = ({ frames }: Conversation) => frames.at(-1) as Captured;
const quoting = (quoted: Captured) => icmpError(quoted.timeUs + 1, 3, 1, 0, quoted);

/** What is made of errors that quote these, behind a conversation. */
function followed(talk: Conversation, ...quoted: readonly Captured[]): Followed {
  return new Followed({ frames: [...talk.frames, ...quoted.map(quoting)] });
}

test('an error is bound to the connection and side that it quotes', () => {
  const talk = make().open();
  const { icmpErrors, tracker } = followed(talk, last(talk));
  assert.is(tracker.unfoundedErrors, 0);
  assert.equal(icmpErrors, [{ code: 0x301, side: 0, from: '10.0.0.254', mtu: 0, sizeBytes: 52, isRepeated: false }]);
  const answered = make().open().ask('hello').answer('you');
  const byServer = answered.frames.at(-2) as Captured;
  assert.is(followed(answered, byServer).icmpErrors[0]?.side, 1);
});

test('the second one is a repetition', () => {
  const talk = make().syn();
  const { icmpErrors } = followed(talk, last(talk), last(talk));
  assert.equal(
    icmpErrors.map(({ isRepeated }) => isRepeated),
    [false, true],
  );
});

test('unfounded: of no connection, of another SYN, of bytes that were not sent, of a closed connection', () => {
  const unfounded = (talk: Conversation, quoted: Conversation) => {
    const { icmpErrors, tracker } = followed(talk, last(quoted));
    return `${icmpErrors.length} ${tracker.unfoundedErrors}`;
  };
  assert.is(unfounded(make().syn(), make(40_001).syn()), '0 1');
  assert.is(unfounded(make().syn(), make().syn({ sequence: 1 })), '0 1');
  assert.is(unfounded(make().open(), make().open().ack(true, { sequence: 1 })), '0 1');
  assert.is(
    unfounded(
      make().open(),
      make()
        .open()
        .ack(true, { sequence: -(2 ** 20) - 2 }),
    ),
    '0 1',
    'long ago',
  );
  assert.is(unfounded(make().open().close(), make().open()), '0 1');
  assert.is(unfounded(make().open(), make().open()), '1 0');
});

test.run();
