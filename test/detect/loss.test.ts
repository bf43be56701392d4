import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TcpFlag } from '../../src/model/packet.ts';
import { type Captured, withIpId } from '../truth/captured.ts';
import { Conversation } from '../truth/conversation.ts';
import { eventsOf, told } from './told.ts';

const test = suite('00016 and 00017');

const { ack: ACK, psh: PSH } = TcpFlag;
const REST_SECONDS = 1;

interface Transfer {
  readonly segments: number;
  /** Each so manyth segment is lost. */
  readonly every: number;
  readonly isBefore?: boolean;
  readonly beginMs?: number;
  readonly clientPort?: number;
  readonly segmentMs?: number;
}

/** The server sends segments, some of which are sent again. */
function transfer({ segments, every, isBefore = false, beginMs = 0, clientPort, segmentMs = 1 }: Transfer): Captured[] {
  const talk = new Conversation({ serverPort: 9_092, beginMs, ...(clientPort === undefined ? {} : { clientPort }) });
  talk.open().ask('get');
  for (let n = 1; n <= segments; n++) {
    const isLost = n % every === 0;
    talk.send(false, ACK, 'x'.repeat(1_000), { afterMs: segmentMs, isUnseen: isLost && isBefore });
    if (!isLost) {
      talk.ack(true, { afterMs: 0.1 });
      continue;
    }
    const lost = talk.frames.at(-1) as Captured;
    talk.send(false, ACK, 'x'.repeat(1_000), { afterMs: segmentMs }).ack(true, { acknowledgment: -2_000 });
    talk.wait(3);
    if (isBefore) talk.send(false, ACK, 'x'.repeat(1_000), { sequence: -2_000 });
    else talk.frames.push(withIpId({ ...lost, timeUs: talk.timeUs }, 60_000 + n));
    talk.ack(true, { afterMs: 0.1 });
  }
  return talk.close().frames;
}

for (const [isBefore, causeId, where] of [
  [false, 'tcp.loss.beyond', 'between the capture and the client'],
  [true, 'tcp.loss.before', 'between the server and the capture'],
] as const) {
  test(`more than 5 % are sent again: ${causeId}`, () => {
    const [event, ...more] = eventsOf({ frames: transfer({ segments: 300, every: 12, isBefore }) }, REST_SECONDS);
    assert.equal(more, []);
    assert.equal([event?.name, event?.causeId, event?.by], ['TCP_LOSS', causeId, 1]);
    assert.ok(event?.cause.includes(where), event?.cause);
    const { segments = 0, lostBefore = 0, lostBeyond = 0 } = event?.facts ?? {};
    assert.ok(segments >= 100, `${segments} segments`);
    assert.is(lostBefore + lostBeyond, event?.value);
    assert.is(isBefore ? lostBeyond : lostBefore, 0);
    assert.ok((event?.value ?? 0) * 20 > segments);
  });
}

test('not told: fewer, or of fewer than 100 segments', () => {
  assert.is(told({ frames: transfer({ segments: 300, every: 25 }) }, REST_SECONDS), '');
  assert.is(told({ frames: transfer({ segments: 80, every: 8 }) }, REST_SECONDS), '');
});

test('not told: a minute begins anew', () => {
  // 40 segments a minute
  assert.is(told({ frames: transfer({ segments: 200, every: 10, segmentMs: 1_500 }) }, REST_SECONDS), '');
});

test('a service whose connections are short', () => {
  const frames = Array.from({ length: 30 }, (_, n) =>
    transfer({ segments: 8, every: 8, beginMs: n * 500, clientPort: 40_000 + n }),
  ).flat();
  const [event, ...more] = eventsOf({ frames }, REST_SECONDS);
  assert.equal(more, []);
  assert.is(event?.causeId, 'tcp.loss.beyond');
  assert.match(event?.cause ?? '', /of all that the server sends/);
  const few = Array.from({ length: 30 }, (_, n) =>
    transfer({ segments: 8, every: n % 4 === 0 ? 8 : 9, beginMs: n * 500, clientPort: 40_000 + n }),
  ).flat();
  assert.is(told({ frames: few }, REST_SECONDS), '');
});

test('the same bytes again and again', () => {
  const talk = new Conversation({ serverPort: 9_092 })
    .open()
    .ask('hello')
    .send(true, ACK | PSH, 'lost');
  const last = talk.frames.at(-1) as Captured;
  for (const ms of [200, 600, 1_400]) talk.frames.push(withIpId({ ...last, timeUs: last.timeUs + ms * 1_000 }, ms));
  const [event, ...more] = eventsOf(talk, REST_SECONDS);
  assert.equal(more, []);
  assert.equal([event?.causeId, event?.by, event?.value], ['tcp.loss.unacknowledged', 0, 2]);
  assert.is(event?.timeUs, last.timeUs + 600_000);
  assert.is(event?.confidence, undefined);
});

test('a closed window is told once a closing, whoever has it', () => {
  for (const fromClient of [true, false]) {
    const talk = new Conversation({ serverPort: 9_092 }).open();
    for (let closing = 0; closing < 2; closing++) {
      talk.send(fromClient, ACK, 'x'.repeat(1_000)).ack(!fromClient, { window: 0 });
      for (const afterMs of [200, 400, 800, 1_600, 3_200, 6_400]) {
        talk.send(fromClient, ACK, '', { sequence: -1, afterMs }).ack(!fromClient, { window: 0 });
      }
      talk.ack(!fromClient);
    }
    const events = eventsOf(talk, REST_SECONDS);
    assert.equal(
      events.map(({ name, value, by, certain }) => [name, value, by, certain]),
      Array(2).fill(['TCP_ZERO_WINDOW', 6, fromClient ? 1 : 0, undefined]),
    );
  }
});

test('a connection that ends with its window closed', () => {
  const talk = new Conversation({ serverPort: 9_092 }).open();
  talk.send(true, ACK, 'x'.repeat(1_000)).ack(false, { window: 0 });
  for (const afterMs of [200, 400]) {
    talk.send(true, ACK, '', { sequence: -1, afterMs }).ack(false, { window: 0 });
  }
  talk.rst(false, { afterMs: 7_000 });
  assert.ok(eventsOf(talk, REST_SECONDS).some(({ name, value }) => name === 'TCP_ZERO_WINDOW' && value === 7));
});

test.run();
