import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Side } from '../../src/model/connection.ts';
import { TcpFlag } from '../../src/model/packet.ts';
import { type Captured, withIpId } from '../truth/captured.ts';
import { Conversation, type SegmentFields, segmentFrame } from '../truth/conversation.ts';
import { Followed } from './followed.ts';

const test = suite('quality of TCP');

const { initiator: CLIENT, responder: SERVER } = Side;
const { ack: ACK, psh: PSH } = TcpFlag;
const open = (ipVersion: 4 | 6 = 4) => new Conversation({ serverPort: 9_092, ipVersion }).open();
const data = (talk: Conversation, fromClient: boolean, bytes = 1_000, afterMs = 1) =>
  talk.send(fromClient, ACK | PSH, 'x'.repeat(bytes), { afterMs });

/** A captured frame once more, so many milliseconds after the last one. */
function again(talk: Conversation, frame: Captured | undefined, afterMs: number): void {
  if (frame === undefined) throw new Error('Cannot repeat a frame: there is none');
  talk.wait(afterMs);
  talk.frames.push(withIpId({ ...frame, timeUs: talk.timeUs }, 50_000 + talk.frames.length));
}

/** What is known of what the client sent. */
function sent(talk: { readonly frames: readonly Captured[] }) {
  const { connection } = new Followed(talk);
  return {
    segments: connection.segments(CLIENT),
    again: connection.retransmitted(CLIENT),
    before: connection.lostBefore(CLIENT),
    needless: connection.needlesslyRetransmitted(CLIENT),
    disorder: connection.outOfOrder(CLIENT),
  };
}
const NOTHING = { segments: 0, again: 0, before: 0, needless: 0, disorder: 0 };

for (const ipVersion of [4, 6] as const) {
  test(`IPv${ipVersion}: a segment that the capture saw twice was lost beyond it`, () => {
    const talk = data(open(ipVersion), true);
    again(talk, talk.frames.at(-1), 300);
    assert.equal(sent(talk.ack(false)), { ...NOTHING, segments: 1, again: 1 });
  });
}

test('a hole that is filled later was lost before it', () => {
  const talk = data(open(), true).send(true, ACK, 'x'.repeat(1_000), { isUnseen: true });
  data(talk, true).ack(false, { acknowledgment: -2_000 });
  talk.send(true, ACK, 'x'.repeat(1_000), { sequence: -2_000, afterMs: 40 }).ack(false);
  assert.equal(sent(talk), { ...NOTHING, segments: 2, again: 1, before: 1 });
});

test('what fills a hole sooner than a round trip came out of order', () => {
  const talk = data(open(), true).send(true, ACK, 'x'.repeat(1_000), { isUnseen: true });
  data(talk, true).send(true, ACK, 'x'.repeat(1_000), { sequence: -2_000, afterMs: 0.2 }).ack(false);
  assert.equal(sent(talk), { ...NOTHING, segments: 2, disorder: 1 });
});

test('what was acknowledged before is needless', () => {
  const talk = data(open(), true).ack(false);
  again(talk, talk.frames.at(-2), 300);
  assert.equal(sent(talk), { ...NOTHING, segments: 1, again: 1, needless: 1 });
});

test('a segment that is captured behind its acknowledgment is no loss', () => {
  const talk = data(open(), true).ack(false);
  const frames = [...talk.frames.slice(0, -2), ...talk.frames.slice(-2).reverse()];
  assert.equal(sent({ frames }), NOTHING);
});

test('bytes that were sent before at the beginning of a longer segment', () => {
  const talk = data(open(), true, 500);
  talk.send(true, ACK, 'x'.repeat(500), { isUnseen: true });
  talk.send(true, ACK, 'x'.repeat(1_000), { sequence: -1_000, afterMs: 300 });
  assert.equal(sent(talk), { ...NOTHING, segments: 2, again: 1 });
});

test('a D-SACK says that it was needless', () => {
  const talk = data(data(open(), true), true);
  again(talk, talk.frames.at(-2), 300);
  const edge = 0x1234_5678 + 1;
  const sack = Buffer.alloc(12);
  sack.set([1, 1, 5, 10]);
  sack.writeUInt32BE(edge, 4);
  sack.writeUInt32BE(edge + 1_000, 8);
  const fields: SegmentFields = {
    timeUs: talk.timeUs + 1_000,
    ipVersion: 4,
    source: 2,
    destination: 1,
    sourcePort: 9_092,
    destinationPort: 40_000,
    sequence: 0xfff0_0001,
    acknowledgment: edge + 2_000,
    flags: ACK,
    window: 502,
    options: sack,
    payload: Buffer.alloc(0),
    ipId: 1,
    hopLimit: 64,
  };
  talk.frames.push(segmentFrame(fields));
  assert.equal(sent(talk), { ...NOTHING, segments: 2, again: 1, needless: 1 });
  talk.frames.pop();
  sack.writeUInt32BE(edge + 1_500, 4);
  talk.frames.push(segmentFrame({ ...fields, acknowledgment: edge + 1_000 }));
  assert.equal(sent(talk), { ...NOTHING, segments: 2, again: 1 }, 'a SACK of other bytes');
});

test('keep-alive probes are no segments that are sent again', () => {
  const talk = open().ask('hello');
  for (let n = 0; n < 5; n++) talk.send(true, ACK, n % 2 === 0 ? '' : 'x', { sequence: -1, afterMs: 5_000 }).ack(false);
  assert.equal(sent(talk), { ...NOTHING, segments: 1 });
  assert.is(new Followed(talk).connection.zeroWindowMs(SERVER), 0);
});

test('round trips towards both sides: the shortest, of segments that were sent once', () => {
  const talk = open();
  const rtt = (frames: readonly Captured[]) => {
    const { connection } = new Followed({ frames });
    return [connection.roundTripUs(SERVER), connection.roundTripUs(CLIENT)];
  };
  assert.equal(rtt(talk.frames), [1_000, 1_000], 'the handshake');
  data(talk, true).ack(false, { afterMs: 0.7 });
  data(talk, false).ack(true, { afterMs: 0.2 });
  assert.equal(rtt(talk.frames), [700, 200]);
  data(talk, true);
  again(talk, talk.frames.at(-1), 300);
  talk.ack(false, { afterMs: 0.1 });
  assert.equal(rtt(talk.frames), [700, 200], 'sent twice');
  data(talk, true);
  data(talk, true, 1_000, 0.1).ack(false, { acknowledgment: -1_000, afterMs: 0.4 });
  assert.equal(rtt(talk.frames), [500, 200], 'the first of several');
  assert.equal(rtt(talk.frames.slice(3)), [500, 200], 'a connection that was there before');
});

test('a SYN that was repeated tells no round trip', () => {
  const talk = new Conversation({ serverPort: 9_092 }).syn().again(true, { afterMs: 1_000 }).synAck().ack(true);
  const { connection } = new Followed(talk);
  assert.is(connection.roundTripUs(SERVER), 0);
});

/** The server's window closes, is probed so often, and opens again. */
function closed(probes: number, payload = ''): Conversation {
  const talk = data(open(), true).ack(false, { window: 0 });
  for (let n = 0; n < probes; n++) {
    talk.send(true, ACK, payload, { sequence: -1, afterMs: 1_000 }).ack(false, { window: 0, afterMs: 0 });
  }
  return talk.ack(false, { afterMs: 500 });
}

test('a closed window: how long, and that it is probed', () => {
  for (const payload of ['', 'x']) {
    const { connection, closedMs } = new Followed(closed(6, payload));
    assert.is(connection.zeroWindowMs(SERVER), 6_500);
    assert.is(connection.zeroWindowMs(CLIENT), 0);
    assert.is(connection.retransmitted(CLIENT), 0);
    assert.equal(closedMs, [2_000, 3_000, 4_000, 5_000, 6_000, 6_500]);
  }
});

test('a closed window that nobody has anything for', () => {
  const { connection, closedMs } = new Followed(closed(0));
  assert.is(connection.zeroWindowMs(SERVER), 500);
  assert.equal(closedMs, []);
});

test('keep-alives of a closed window are no probes', () => {
  const talk = data(open(), true).ack(false, { window: 0 });
  for (let n = 0; n < 4; n++) talk.send(true, ACK, '', { sequence: -1, afterMs: 15_000 }).ack(false, { window: 0 });
  assert.equal(new Followed(talk).closedMs, []);
});

test('the second time-out after twice the pause, else the third', () => {
  const stuck = (pauses: readonly number[]) => {
    const talk = data(open(), true, 500);
    const last = talk.frames.at(-1);
    for (const ms of pauses) again(talk, last, ms);
    return new Followed(talk).resent.map(({ isStuck }) => isStuck);
  };
  assert.equal(stuck([200, 400]), [false, true]);
  assert.equal(stuck([200, 210]), [false, false]);
  assert.equal(stuck([200, 210, 400]), [false, false, true]);
  assert.equal(stuck([5, 200, 10]), [false, false, false], 'by fast retransmit, a time-out, and a copy');
});

test('what is acknowledged in between begins anew', () => {
  const talk = data(open(), true, 500);
  for (let n = 0; n < 5; n++) {
    again(talk, talk.frames.at(-1), 300);
    data(talk.ack(false), true, 500);
  }
  assert.ok(new Followed(talk).resent.every(({ isStuck }) => !isStuck));
});

test.run();
