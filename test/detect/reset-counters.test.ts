import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RecentTimes } from '../../src/detect/recent-times.ts';
import { ResetCounters } from '../../src/detect/reset-counters.ts';
import type { Connection } from '../../src/model/connection.ts';
import { UNKNOWN_PROCESS } from '../../src/model/process.ts';
import { NO_QUALITY } from '../output/sample-connection.ts';
import { Random } from '../tools/random.ts';

const connection = (server: number): Connection => ({
  ipVersion: 4,
  initiatorPort: 40_000,
  responderPort: 80,
  beginUs: 0,
  endUs: Number.NaN,
  synAckLatencyUs: 0,
  ackLatencyUs: 0,
  tlsLatencyUs: 0,
  firstByteLatencyUs: 0,
  ...NO_QUALITY,
  initiatorBytes: 0,
  responderBytes: 0,
  connectionType: 0,
  endType: 0,
  endedBy: 0,
  podSide: 2,
  midstream: false,
  failure: '',
  certain: true,
  process: UNKNOWN_PROCESS,
  addressWord: (side) => (side === 0 ? 0x0a000001 : server),
});

test('times in a sliding window: what an array gives', () => {
  const random = new Random(5);
  const times = new RecentTimes();
  let model: number[] = [];
  let nowUs = 0;
  for (let step = 0; step < 20_000; step++) {
    nowUs += random.between(0, 20);
    const windowUs = random.pick([100, 100, 1_000]);
    times.add(nowUs, windowUs, 50);
    model = [...model, nowUs].filter((timeUs) => timeUs > nowUs - windowUs).slice(-50);
    assert.is(times.size, model.length);
  }
});

test('a peer is an address and a port, on either side', () => {
  const counters = new ResetCounters();
  const add = (server: number, by: 0 | 1) => counters.add(connection(server), by, 1, 1e6);
  const first = add(1, 1);
  assert.is(add(1, 1), first);
  assert.is.not(add(2, 1), first);
  const client = add(1, 0);
  assert.is.not(client, first);
  assert.is(add(2, 0), client);
});

test('peers are bounded: who was quiet longest is forgotten', () => {
  const counters = new ResetCounters();
  const bound = 10_000;
  const first = counters.add(connection(0), 1, 0, 1e6);
  for (let server = 1; server < bound; server++) counters.add(connection(server), 1, server, 1e6);
  assert.is(counters.forgotten, 0);
  assert.is(counters.add(connection(0), 1, bound, 1e6), first);
  counters.add(connection(bound), 1, bound, 1e6);
  assert.is(counters.forgotten, 1);
  assert.is(counters.add(connection(0), 1, bound, 1e6), first, 'it was heard of again, and stays');
});

test.run();
