import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MOST_PAGE_CONNECTIONS, MOST_PAGE_EVENTS } from '../../src/model/page-messages.ts';
import { Store } from '../../src/page/store.ts';
import { codesByEnds, neighbours, quantileMs, selectConnections, stateClass } from '../../src/page/view.ts';
import { Recent } from '../../src/session/recent.ts';
import { eventLine } from '../report/sample-files.ts';
import { sampleConnection, sampleSession } from './sample-source.ts';

const test = suite('what a page knows');

const NOTHING = { events: 0, ends: 0 };

const event = (change = {}, ends = {}) => ({ directory: 'dllt5', line: eventLine(change, ends).trim() });

test('a page that is open for an hour does not grow', () => {
  const store = new Store();
  for (let step = 0; step < 1800; step++) {
    const counts = Array.from({ length: 17 }, (_, i) => step * i);
    const sessions = [sampleSession({ handshakes: counts, tlsHandshakes: counts })];
    store.take({ kind: 'sessions', timeMs: step * 2000, sessions, leftOut: NOTHING });
    store.take({ kind: 'events', events: Array.from({ length: 20 }, () => event({ timeUs: step * 2e6 })) });
    const changed = Array.from({ length: 40 }, (_, i) => sampleConnection(step * 40 + i));
    store.take({ kind: 'connections', changed, removed: [`0 ${step}`] });
  }
  assert.is(store.events.length, MOST_PAGE_EVENTS);
  assert.is(store.connections.size, MOST_PAGE_CONNECTIONS);
  assert.ok(store.latency.length <= 1800);
  assert.is(store.events.at(-1)?.timeMs, 1799 * 2000, 'the newest stay');
  assert.ok(store.connections.has(`0 ${1800 * 40 - 1}`));
});

test('latency is that of the last interval; a session that begins anew counts nothing twice', () => {
  const store = new Store();
  for (const [i, count] of [5, 8, 2, 3].entries()) {
    const sessions = [sampleSession({ handshakes: [0, count] })];
    store.take({ kind: 'sessions', timeMs: i, sessions, leftOut: NOTHING });
  }
  assert.equal(
    store.latency.map(({ handshakes }) => handshakes[1]),
    [3, 0, 1],
  );
});

test('search, filters and order', () => {
  const connections = Array.from({ length: 100 }, (_, i) => sampleConnection(i));
  connections[7] = sampleConnection(7, { state: 'reset', client: '10.0.0.7:40222', server: '10.0.0.9:8080' });
  const query = { text: '', state: '', type: '', code: '', sortBy: 'receivedBytes', descending: true } as const;
  const store = new Store();
  store.take({ kind: 'events', events: [event()] });
  const codes = codesByEnds(store.events);
  const select = (change: object) => selectConnections(connections, codes, { ...query, ...change });
  assert.is(select({}).length, 100);
  const received = select({}).map(({ receivedBytes }) => receivedBytes);
  assert.equal(
    received,
    [...received].sort((a, b) => b - a),
  );
  assert.is(select({ text: 'NGINX' }).length, 20);
  assert.is(select({ text: 'nginx s15.shop' }).length, 1);
  assert.is(select({ type: 'TLS' }).length, 34);
  assert.equal(
    select({ state: 'reset' }).map(({ key }) => key),
    ['0 7'],
  );
  assert.equal(
    select({ code: '00009' }).map(({ key }) => key),
    ['0 7'],
  );
  assert.is(select({ code: '00002' }).length, 0);
});

test('how bad an event is does not go by its code alone', () => {
  const store = new Store();
  const idle = { name: 'TCP_ESTABLISHED_STALE2', causeId: 'tcp.stale.idle' } as const;
  const stuck = { name: 'TCP_ESTABLISHED_STALE2', causeId: 'tcp.stale.answer-owed' } as const;
  store.take({ kind: 'events', events: [event(idle), event(stuck), event({ ...stuck, confidence: 'lost' })] });
  assert.equal(
    store.events.map(({ severity, causeId }) => [severity, causeId]),
    [
      ['worth knowing', 'tcp.stale.idle'],
      ['broken', 'tcp.stale.answer-owed'],
      ['suspicious', 'tcp.stale.answer-owed'],
    ],
  );
});

test('a connection looks like the trouble it had, not like how it ended', () => {
  const look = (change: object) => stateClass(sampleConnection(1, change));
  assert.is(look({ state: 'reset', failure: '' }), '');
  assert.is(look({ state: 'reset', failure: '00002' }), 'broken');
  assert.is(look({ state: 'ended', failure: '00021' }), 'broken');
  assert.is(look({ state: 'ended', failure: '00001' }), 'suspicious');
  assert.is(look({ state: 'stopped', failure: '' }), '');
  assert.is(look({ state: 'established', failure: '' }), 'note');
});

test('neighbours in time are of the same pod', () => {
  const store = new Store();
  const events = Array.from({ length: 20 }, (_, i) => ({ ...event(), directory: i % 2 === 0 ? 'dllt5' : 'dllt6' }));
  store.take({ kind: 'events', events });
  const middle = store.events[10];
  if (middle === undefined) throw new Error('there is no such event');
  assert.equal(
    neighbours(store.events, middle, 2).map(({ id }) => id),
    [6, 8, 12, 14],
  );
});

test('quantiles of buckets', () => {
  assert.is(quantileMs([0, 0], [100], 0.5), null);
  assert.is(quantileMs([1, 1, 0], [100, 250], 0.5), 0.1);
  assert.is(quantileMs([1, 1, 0], [100, 250], 0.99), 0.25);
  assert.is(quantileMs([0, 0, 1], [100, 250], 0.99), 0.5);
});

test('the latest of what came, by number', () => {
  const recent = new Recent<number>(3);
  assert.equal(recent.after(0), []);
  for (let i = 1; i <= 5; i++) recent.add(i);
  assert.equal(recent.after(0), [3, 4, 5]);
  assert.equal(recent.after(4), [5]);
  assert.equal(recent.after(recent.last), []);
});

test.run();
