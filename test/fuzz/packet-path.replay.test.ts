import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fuzzFrames } from './fuzz-frames.ts';

const FRAMES = 250_000;

test(`${FRAMES} spoilt frames`, () => {
  const { began, events, tcpFrames, pcaps } = fuzzFrames(1, 7, FRAMES, 10_000);
  assert.ok(tcpFrames > FRAMES / 3, `only ${tcpFrames} frames came through`);
  assert.ok(began > 5_000, `only ${began} connections`);
  assert.ok(pcaps > 100);
  for (const name of ['TCP_RESET', 'TCP_SYN_RESET', 'TCP_PARTIAL_CONNECTION', 'TCP_ESTABLISHED_STALE', 'TLS_EXCEP']) {
    assert.ok(events.has(name), `no ${name}`);
  }
});

test('a table that is always full', () => {
  const { evicted } = fuzzFrames(2, 7, 40_000, 16);
  assert.ok(evicted > 1_000, `only ${evicted} evictions`);
});

test('a table for one', () => {
  fuzzFrames(3, 7, 10_000, 1);
});

test('the same frames give the same, whatever the seed of the table', () => {
  const { digest } = fuzzFrames(4, 1, 30_000, 100);
  assert.is(fuzzFrames(4, 1, 30_000, 100).digest, digest);
  assert.is(fuzzFrames(4, 99, 30_000, 100).digest, digest);
  assert.is.not(fuzzFrames(5, 1, 30_000, 100).digest, digest);
});

test.run();
