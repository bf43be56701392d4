import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { frame, get, headers, indexed, PREFACE, plain, reference } from '../tools/http2-bytes.ts';
import { Followed } from '../track/followed.ts';
import { Conversation } from '../truth/conversation.ts';
import { eventsOf, told } from './told.ts';

const test = suite('00018 and 00020');

const REST_SECONDS = 1;
const request = (path: string) => `GET ${path} HTTP/1.1\r\nHost: shop\r\n\r\n`;
const response = (status: number) => `HTTP/1.1 ${status} X\r\nContent-Length: 2\r\n\r\nno`;

/** One connection of so many requests; `status` says how each is answered. */
function asked(requests: number, status: (n: number) => number, path = '/cart/7?token=secret'): Conversation {
  const talk = new Conversation({ serverPort: 8_080 }).open();
  for (let n = 0; n < requests; n++) talk.ask(request(path)).answer(response(status(n)), { afterMs: 20 });
  return talk.close();
}

test('the first, third, tenth and hundredth answer of a service that failed', () => {
  const events = eventsOf(
    asked(120, () => 500),
    REST_SECONDS,
  );
  assert.equal(
    events.map(({ name, value, causeId, by }) => [name, value, causeId, by]),
    Array(4).fill(['HTTP_ERROR', 500, 'http.error.application', 1]),
  );
  assert.equal(
    events.map(({ facts }) => [facts?.times, facts?.path]),
    [1, 3, 10, 100].map((times) => [times, '/cart/7']),
  );
});

for (const [status, causeId] of [
  [500, 'http.error.application'],
  [501, 'http.error.application'],
  [502, 'http.error.gateway'],
  [503, 'http.error.gateway'],
  [504, 'http.error.gateway'],
  [599, 'http.error.application'],
] as const) {
  test(`${status}: ${causeId}`, () =>
    assert.is(
      told(
        asked(1, () => status),
        REST_SECONDS,
      ),
      `${causeId} by server`,
    ));
}

test('not told: other statuses', () => {
  for (const status of [200, 204, 301, 304, 400, 401, 404, 429, 499, 600, 999]) {
    assert.is(
      told(
        asked(3, () => status),
        REST_SECONDS,
      ),
      '',
      String(status),
    );
  }
});

test('what is counted of a connection', () => {
  const talk = asked(10, (n) => (n % 2 === 0 ? 503 : 200));
  const { answers } = new Followed(talk);
  assert.is(answers.length, 10);
  assert.equal(answers[0], { status: 503, tookUs: 20_100, path: '/cart/7' });
});

test('an interim response is no answer, and what the client begins meanwhile is none either', () => {
  const talk = new Conversation({ serverPort: 8_080 }).open();
  const head = 'PUT /f HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n';
  talk.ask(head).answer('HTTP/1.1 100 Continue\r\n\r\n').ask('hello').answer(response(500), { afterMs: 50 });
  const [answer, ...more] = new Followed(talk).answers;
  assert.equal(more, []);
  assert.is(answer?.status, 500);
  assert.ok((answer?.tookUs ?? 0) > 50_000);
});

test('paths are cut, and left out where they are not known', () => {
  const path = (target: string) => new Followed(asked(1, () => 500, target)).answers[0]?.path;
  assert.is(path('/a#b'), '/a');
  assert.is(path('/?q'), '/');
  assert.is(path(`/${'x'.repeat(500)}`), `/${'x'.repeat(95)}`);
  const talk = asked(1, () => 500);
  assert.is(new Followed({ frames: talk.frames.slice(5) }).answers.length, 0, 'a connection that was there before');
});

test('a request that comes in pieces, and answers that come in one piece', () => {
  const talk = new Conversation({ serverPort: 8_080 }).open();
  talk.ask('GET /a HTTP/1.1\r\n').ask('Host: a\r\n\r\n').answer(response(200));
  talk.ask(request('/b')).answer(response(503));
  assert.equal(
    new Followed(talk).answers.map(({ status, path }) => [status, path]),
    [
      [200, '/a'],
      [503, '/b'],
    ],
  );
});

const opened = () => new Conversation({ serverPort: 8_080 }).open().ask(Buffer.concat([PREFACE, frame(4, 0, 0)]));
const block = (stream: number, isLast: boolean, ...fields: Uint8Array[]) =>
  frame(1, isLast ? 0x05 : 0x04, stream, Buffer.concat(fields));

test('HTTP/2 in clear: statuses from the tables, and of streams that are answered in another order', () => {
  const talk = opened()
    .ask(headers(1, get('/a')), { afterMs: 10 })
    .ask(headers(3, get('/b')), { afterMs: 10 });
  talk.answer(block(3, true, indexed(':status', '503')), { afterMs: 30 });
  talk.answer(block(1, true, reference(62)), { afterMs: 30 });
  talk.ask(headers(5, get('/c'))).answer(Buffer.concat([block(5, false, reference(8)), frame(0, 1, 5)]));
  const { answers } = new Followed(talk);
  assert.equal(
    answers.map(({ status, tookUs }) => [status, Math.round(tookUs / 10_000)]),
    [
      [503, 3],
      [503, 7],
      [200, 0],
    ],
  );
});

test('gRPC: the status in trailers', () => {
  const call = (status: string) =>
    opened()
      .ask(headers(1, get('/shop.Cart/Get')))
      .answer(block(1, false, reference(8), plain('content-type', 'application/grpc')))
      .answer(block(1, true, indexed('grpc-status', status)))
      .close();
  for (const status of [2, 4, 8, 13, 14]) {
    const [event, ...more] = eventsOf(call(String(status)), REST_SECONDS);
    assert.equal(more, []);
    assert.equal([event?.name, event?.value, event?.causeId], ['HTTP_ERROR', 1_000 + status, 'http.error.grpc']);
  }
  for (const status of ['0', '1', '3', '5', '16', 'x']) assert.is(told(call(status), REST_SECONDS), '', status);
});

test('HTTP/2: what was missed is not guessed', () => {
  const talk = opened()
    .ask(headers(1, get('/a')))
    .answer(block(1, true, indexed(':status', '503')));
  const first = talk.frames.length;
  talk.ask(headers(3, get('/b'))).answer(block(3, true, reference(62)));
  const frames = talk.frames.filter((_, i) => i !== first - 2);
  assert.equal(new Followed({ frames }).answers, []);
});

test.run();
