import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { HttpReader } from '../../../src/protocols/http/http-reader.ts';
import { HttpSearch } from '../../../src/protocols/http/http-search.ts';
import { StreamBudget } from '../../../src/protocols/stream/stream-budget.ts';
import { AVOID, client, LogSink, run, SEARCH, type Step, splits } from './harness.ts';
import { GET, HTTP1_DIALOGUES, IS_GET } from './http1-dialogues.ts';
import { HTTP2_DIALOGUES } from './http2-dialogues.ts';

const test = suite('protocols/http/http1');

for (const { name, steps, want, isWhole, midstream } of HTTP1_DIALOGUES) {
  test(name, () => {
    assert.equal(run(steps, { midstream: midstream ?? false }), want);
    if (isWhole) return;
    for (const pieces of splits(steps)) {
      assert.equal(run(pieces), want);
    }
  });
}

test('a head is searched up to 64 KB and followed beyond', () => {
  const filler = `A: ${'b'.repeat(1000)}\r\n`;
  const before = `${GET}${filler.repeat(64)}`; // 64 × 1,005 bytes and the first two lines
  const near = client(`${before}X-Pepe: near\r\n\r\n`);
  assert.equal(run([near]), [IS_GET, 'search: GET /a?b=c HTTP/1.1 | X-Pepe: near']);
  const steps = [
    client(`${before}${filler.repeat(3)}X-Pepe: far\r\nContent-Length: 4\r\n\r\nX-Pe${GET}X-Pepe: 2\r\n\r\n`),
  ];
  const want = [IS_GET, 'search: GET /a?b=c HTTP/1.1 | X-Pepe: 2'];
  assert.equal(run(steps), want);
  const bytes = steps[0]?.bytes ?? new Uint8Array(0);
  for (const pieceBytes of [1, 7, 1448, 65_536]) {
    const pieces: Step[] = [];
    for (let at = 0; at < bytes.length; at += pieceBytes) pieces.push(client(bytes.subarray(at, at + pieceBytes)));
    assert.equal(run(pieces), want);
  }
});

test('an endless head or request line costs nothing and ends nothing', () => {
  const search = new HttpSearch(SEARCH, '');
  const sink = new LogSink();
  const reader = new HttpReader(search, sink, 1);
  const feed = (text: string) => {
    const bytes = Buffer.from(text);
    reader.initiator.data(bytes, 0, bytes.length, 1);
  };
  feed(`${GET}A: `);
  for (let i = 0; i < 2000; i++) feed('b'.repeat(1448));
  assert.ok(search.budget.usedBytes <= 4096);
  feed(`\r\n\r\n${GET}X-Pepe: 1\r\n\r\n`);
  assert.equal(sink.log, [IS_GET, 'search: GET /a?b=c HTTP/1.1 | X-Pepe: 1']);
  for (let i = 0; i < 100; i++) feed(`GET /${'b'.repeat(1443)}`);
  feed('\r\n');
  feed(`${GET}X-Pepe: 2\r\n\r\n`);
  assert.is(sink.log.at(-1), 'search: GET /a?b=c HTTP/1.1 | X-Pepe: 2');
  reader.finish();
  assert.is(search.budget.usedBytes, 0);
});

test('unfinished heads of all connections are bounded', () => {
  const search = new HttpSearch(SEARCH, '', new StreamBudget(10_000));
  const sink = new LogSink();
  const readers = Array.from({ length: 6 }, (_, id) => new HttpReader(search, sink, id));
  const bytes = Buffer.from(`${GET}X`);
  for (const reader of readers) reader.initiator.data(bytes, 0, bytes.length, 1);
  assert.ok(search.budget.usedBytes <= 10_000);
  assert.equal(sink.log.slice(-2), ['done: memory', IS_GET].reverse());
  for (const reader of readers) reader.finish();
  assert.is(search.budget.usedBytes, 0);
});

test('the texts may change at any time', () => {
  const search = new HttpSearch('', '');
  assert.ok(search.isEmpty);
  const sink = new LogSink();
  const reader = new HttpReader(search, sink, 1);
  const feed = (text: string) => {
    const bytes = Buffer.from(text);
    reader.initiator.data(bytes, 0, bytes.length, 1);
  };
  feed(`${GET}X-Pepe: 1\r\n\r\nPUT / HTTP/1.1\r\nX-Pepe: 1`);
  search.set('x-pepe', '');
  assert.is(search.version, 1);
  feed(`\r\nX-Pepe: 2\r\n\r\n${GET}X-Pepe: 3\r\nX-`);
  search.set('', 'PEPE: 3');
  feed('PEPE: 33\r\n\r\n');
  assert.equal(sink.log, [
    IS_GET,
    'search: PUT / HTTP/1.1 | X-Pepe: 2',
    'search: GET /a?b=c HTTP/1.1 | X-Pepe: 3',
    'avoid: GET /a?b=c HTTP/1.1 | X-PEPE: 33',
    'done: avoided',
  ]);
  reader.finish();
});

test('a reader may be finished by the one it tells', () => {
  for (const { steps, midstream } of [...HTTP1_DIALOGUES, ...HTTP2_DIALOGUES]) {
    for (let calls = 1; calls < 4; calls++) {
      const search = new HttpSearch(SEARCH, AVOID);
      let told = 0;
      const tell = () => {
        told++;
        if (told === calls) reader.finish();
      };
      const reader: HttpReader = new HttpReader(
        search,
        { http: tell, match: tell, notHttp: tell, done: tell },
        1,
        midstream ?? false,
      );
      for (const { from, bytes, gapBytes } of steps) {
        const side = from === 'client' ? reader.initiator : reader.responder;
        if (bytes === undefined) side.gap(gapBytes ?? 0);
        else side.data(bytes, 0, bytes.length, 1);
      }
      reader.finish();
      assert.ok(told <= calls);
      assert.is(search.budget.usedBytes, 0);
    }
  }
});

test('a midstream connection without a request is given up', () => {
  const noise: Step[] = Array.from({ length: 1001 }, () => client('{"a": 1}'));
  assert.equal(run(noise, { midstream: true }), ['not http']);
});

test.run();
