import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TcpFlag } from '../../src/model/packet.ts';
import { Conversation } from '../truth/conversation.ts';
import { eventsOf } from './told.ts';

const test = suite('00023');

const { syn: SYN, ack: ACK, psh: PSH, rst: RST } = TcpFlag;

for (const [ipVersion, who] of [
  [4, '10.0.0.3:80'],
  [6, '[fd00::3]:80'],
] as const) {
  test(`IPv${ipVersion}: the SYN-ACK comes from another address`, () => {
    const talk = new Conversation({ serverPort: 80, ipVersion }).syn();
    talk.send(false, SYN | ACK, '', { from: 3 }).send(true, RST, '', { from: 3, afterMs: 0.1 });
    const [event] = eventsOf(talk, 1);
    assert.is(event?.name, 'FOREIGN_PACKET');
    assert.is(event?.causeId, 'tcp.foreign.answer');
    assert.is(event?.value, 80);
    assert.equal(event?.facts, { stranger: who });
    assert.ok(event?.cause.includes(who));
  });
}

test('packets of an open connection come from another address', () => {
  const talk = new Conversation({ serverPort: 80 }).open().ask('hello').answer('you').ask('more');
  talk.send(false, ACK | PSH, 'well', { from: 3 }).send(true, RST, '', { from: 3, afterMs: 0.1 });
  const [event] = eventsOf(talk, 1);
  assert.is(event?.causeId, 'tcp.foreign.packet');
  assert.is(event?.connection?.destinationPort, 80);
});

test('the resets and repeated SYNs that follow are not told as trouble of their own', () => {
  const talk = new Conversation({ serverPort: 80 }).syn();
  talk
    .send(false, SYN | ACK, '', { from: 3 })
    .send(true, RST, '', { from: 3, afterMs: 0.1 })
    .again(true, { afterMs: 1_000 });
  talk.send(false, SYN | ACK, '', { from: 3 }).send(true, RST, '', { from: 3, afterMs: 0.1 });
  assert.equal([...new Set(eventsOf(talk, 1).map(({ causeId }) => causeId))], ['tcp.foreign.answer']);
});

test.run();
