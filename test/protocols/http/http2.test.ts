import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { HttpReader } from '../../../src/protocols/http/http-reader.ts';
import { HttpSearch } from '../../../src/protocols/http/http-search.ts';
import { StreamBudget } from '../../../src/protocols/stream/stream-budget.ts';
import { frame, get, headers, indexed, PREFACE, plain, reference } from '../../tools/http2-bytes.ts';
import { LogSink, run, SEARCH, splits } from './harness.ts';
import { HTTP2_DIALOGUES, IS_HTTP2, MATCH } from './http2-dialogues.ts';

const test = suite('protocols/http/http2');

for (const { name, steps, want, isWhole, midstream } of HTTP2_DIALOGUES) {
  test(name, () => {
    assert.equal(run(steps, { midstream: midstream ?? false }), want);
    if (isWhole) return;
    for (const pieces of splits(steps)) {
      assert.equal(run(pieces), want);
    }
  });
}

function feeder(search: HttpSearch): { feed: (bytes: Uint8Array) => void; log: string[]; reader: HttpReader } {
  const sink = new LogSink();
  const reader = new HttpReader(search, sink, 1);
  return { feed: (bytes) => reader.initiator.data(bytes, 0, bytes.length, 1), log: sink.log, reader };
}

test('a block longer than 64 KB is passed over, and what it put into the table is unknown', () => {
  const search = new HttpSearch(SEARCH, '');
  const { feed, log, reader } = feeder(search);
  feed(PREFACE);
  feed(headers(1, get('/a')));
  feed(frame(1, 0, 3, get('/long')));
  for (let i = 0; i < 300; i++) {
    feed(frame(9, 0, 3, plain('x-pepe', 'a'.repeat(1000))));
    if (search.budget.usedBytes > 200_000) assert.unreachable('grows');
  }
  feed(frame(9, 4, 3, indexed('x-unknown', '1')));
  assert.equal(log, [IS_HTTP2]);
  feed(headers(5, get('/a'), reference(62), plain('x-pepe', '1')));
  assert.equal(log, [IS_HTTP2, MATCH]);
  reader.finish();
  assert.is(search.budget.usedBytes, 0);
});

test('lengths that lie cost what comes, not what is said', () => {
  const search = new HttpSearch(SEARCH, '', new StreamBudget(100_000));
  const { feed, log, reader } = feeder(search);
  feed(PREFACE);
  feed(frame(1, 5, 1, Buffer.alloc(60_000)).subarray(0, 100));
  assert.ok(search.budget.usedBytes < 2_000);
  const data = Buffer.alloc(9 + 1000);
  feed(data); // goes into the block
  assert.ok(search.budget.usedBytes < 4_000);
  reader.finish();
  assert.is(search.budget.usedBytes, 0);
  assert.equal(log, []);
  assert.ok(reader.isHttp);
});

test('a list longer than 64 KB is searched up to there', () => {
  const { feed, log } = feeder(new HttpSearch(SEARCH, ''));
  feed(PREFACE);
  feed(headers(1, get('/a'), indexed('x-long', 'a'.repeat(3000))));
  const references = Array.from({ length: 30 }, () => reference(62));
  feed(headers(3, get('/b'), ...references, plain('x-pepe', 'far')));
  feed(headers(5, get('/b'), ...references.slice(0, 20), plain('x-pepe', 'near')));
  assert.equal(log, [IS_HTTP2, 'search: GET /b HTTP/2 | x-pepe: near']);
});

test('memory of all tables is bounded', () => {
  const search = new HttpSearch(SEARCH, '', new StreamBudget(20_000));
  const feeders = Array.from({ length: 10 }, () => feeder(search));
  for (const { feed } of feeders) {
    feed(PREFACE);
    feed(headers(1, get('/a'), indexed('x-long', 'a'.repeat(3000))));
  }
  assert.ok(search.budget.usedBytes <= 20_000);
  assert.is(feeders.filter(({ log }) => log.at(-1) === 'done: memory').length, 4);
  for (const { reader } of feeders) reader.finish();
  assert.is(search.budget.usedBytes, 0);
});

test('texts that change are looked for in fields of the table', () => {
  const search = new HttpSearch('nothing', '');
  const { feed, log } = feeder(search);
  feed(PREFACE);
  feed(headers(1, get('/a'), indexed('x-pepe', '1')));
  search.set('x-pepe', '');
  feed(headers(3, get('/a'), reference(62)));
  search.set(':method: get', '');
  feed(headers(5, get('/a'), reference(62)));
  assert.equal(log, [IS_HTTP2, MATCH, 'search: GET /a HTTP/2 | :method: GET']);
});

test.run();
