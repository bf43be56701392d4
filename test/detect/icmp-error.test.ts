import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TcpFlag } from '../../src/model/packet.ts';
import { type Captured, withIpId } from '../truth/captured.ts';
import { Conversation, icmpError } from '../truth/conversation.ts';
import { eventsOf, told } from './told.ts';

const test = suite('00014');

const { ack: ACK, psh: PSH } = TcpFlag;

/** A SYN, and errors that quote it. */
function answered(...errors: readonly (readonly [type: number, code: number])[]): { frames: Captured[] } {
  const { frames } = new Conversation({ serverPort: 80 }).syn();
  const syn = frames[0] as Captured;
  return { frames: [syn, ...errors.map(([type, code], n) => icmpError(syn.timeUs + 100 + n, type, code, 0, syn))] };
}

for (const [type, code, want, words] of [
  [3, 0, 'icmp.net-unreachable', /no route/],
  [3, 1, 'icmp.host-unreachable', /node is down/],
  [3, 3, 'icmp.port-unreachable', /no endpoints/],
  [3, 9, 'icmp.prohibited', /network policy/],
  [3, 10, 'icmp.prohibited', /network policy/],
  [3, 13, 'icmp.prohibited', /network policy/],
  [11, 0, 'icmp.ttl-exceeded', /circle of routes/],
  [3, 2, 'icmp.other', /type 3, code 2/],
] as const) {
  test(`type ${type}, code ${code}: ${want}`, () => {
    const [event] = eventsOf(answered([type, code]), 1);
    assert.is(event?.name, 'ICMP_ERROR');
    assert.is(event?.causeId, want);
    assert.is(event?.value, type * 256 + code);
    assert.match(event?.cause ?? '', words);
    assert.equal(event?.facts, { icmpFrom: '10.0.0.254' });
  });
}

test('once a connection', () => {
  assert.is(told(answered([3, 13], [3, 13], [3, 1]), 1), 'icmp.prohibited');
});

/** A large segment, `times` times, and each time the answer that it is too large. */
function tooLarge(times: number): { frames: Captured[] } {
  const talk = new Conversation({ serverPort: 9_092 })
    .open()
    .ask('hello')
    .answer('world')
    .send(true, ACK | PSH, 'x'.repeat(1_400));
  const large = talk.frames.at(-1) as Captured;
  const frames = talk.frames.slice(0, -1);
  for (let n = 0; n < times; n++) {
    const again = withIpId({ ...large, timeUs: large.timeUs + n * 300_000 }, 9_000 + n);
    frames.push(again, icmpError(again.timeUs + 100, 3, 4, 1_200, again));
  }
  return { frames };
}

test('"fragmentation needed" is how a sender learns the MTU', () => {
  assert.is(told(tooLarge(1), 1), '');
});

test('a sender that goes on as before ignores it: 00015', () => {
  const events = eventsOf(tooLarge(4), 1);
  assert.is(events.length, 1);
  assert.is(events[0]?.name, 'PATH_MTU');
  assert.is(events[0]?.causeId, 'path-mtu.ignored');
  assert.is(events[0]?.value, 1_200);
  assert.is(events[0]?.facts?.mtu, 1_200);
  assert.is(events[0]?.facts?.mssFrom, 1_460);
});

test('an error that quotes what was not sent is not believed', () => {
  const { frames } = new Conversation({ serverPort: 80 }).syn();
  const other = new Conversation({ serverPort: 80 }).syn({ sequence: 1_000 }).frames[0] as Captured;
  const syn = frames[0] as Captured;
  assert.is(told({ frames: [syn, icmpError(syn.timeUs + 100, 3, 1, 0, other)] }, 1), '');
});

test.run();
