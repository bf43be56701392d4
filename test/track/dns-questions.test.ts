import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ethernet, ipv4 } from '../tools/frame-bytes.ts';
import { DnsTalk, dnsFrame, queryBytes, type Sent } from './dns-talk.ts';

const test = suite('DNS questions');

const NX = 3;

test('a query and its answer are a question', () => {
  const talk = new DnsTalk().query().answer({ atMs: 7 }).until(10_000);
  assert.equal(talk.told, []);
  assert.equal(talk.lines, ['db.shop A 0 1 1 1']);
  assert.is(talk.ended[0]?.latencyUs, 7_000);
  assert.is(talk.ended[0]?.resolverAddress, '10.96.0.10');
  assert.is(talk.questions.size, 0);
});

test('over IPv6', () => {
  const talk = new DnsTalk().query({ isVersion6: true }).answer({ isVersion6: true });
  assert.is(talk.ended[0]?.resolverAddress, '2001:db8::2');
});

test('several questions in flight with one id, and A and AAAA from one port', () => {
  const talk = new DnsTalk()
    .query({ name: 'a.example' })
    .query({ name: 'b.example' })
    .query({ name: 'a.example', type: 'AAAA', id: 2 })
    .answer({ name: 'b.example' })
    .answer({ name: 'a.example', type: 'AAAA', id: 2, records: 0 })
    .answer({ name: 'a.example' })
    .until(10_000);
  assert.equal(talk.told, []);
  assert.equal(talk.lines.sort(), ['a.example A 0 1 1 1', 'a.example AAAA 0 0 1 1', 'b.example A 0 1 1 1']);
});

test('no answer: told after DNS_SECONDS, over after six', () => {
  const talk = new DnsTalk().query().until(1_999);
  assert.equal(talk.told, []);
  talk.until(2_000);
  assert.equal(talk.told, ['unanswered db.shop A -1 1 1 at 2000']);
  assert.equal(talk.lines, []);
  talk.until(6_100);
  assert.equal(talk.lines, ['db.shop A -1 0 1 1']);
  assert.is(new DnsTalk(4).query().until(3_900).told.length, 0);
});

test('glibc: the same again from the same port after 5 s; each query is told once', () => {
  const talk = new DnsTalk().query().query({ atMs: 5_000 }).until(20_000);
  assert.equal(talk.told, ['unanswered db.shop A -1 1 1 at 2000', 'unanswered db.shop A -1 2 1 at 7000']);
  assert.equal(talk.lines, ['db.shop A -1 0 2 1']);
});

test('what is sent again sooner than DNS_SECONDS is told at that time', () => {
  const talk = new DnsTalk().query().query({ atMs: 1_000 }).answer({ atMs: 1_005 }).until(20_000);
  assert.equal(talk.told, ['unanswered db.shop A -1 1 1 at 1000']);
  assert.equal(talk.lines, ['db.shop A 0 1 2 1']);
});

test('musl: all resolvers are asked at once, the first answer counts', () => {
  const talk = new DnsTalk()
    .query()
    .query({ resolver: 11 })
    .query({ resolver: 12 })
    .answer({ resolver: 11 })
    .answer({ resolver: 12, atMs: 3 })
    .until(20_000);
  assert.equal(talk.told, []);
  assert.equal(talk.lines, ['db.shop A 0 1 3 1']);
  assert.is(talk.ended[0]?.resolverAddress, '10.96.0.11');
  assert.is(talk.questions.counters()['unasked'], 1);
});

test('glibc: the next resolver is asked from another port with the same id', () => {
  const talk = new DnsTalk()
    .query()
    .query({ atMs: 5_000, port: 40_001, resolver: 11 })
    .answer({ atMs: 5_001, port: 40_001, resolver: 11 })
    .until(20_000);
  assert.equal(talk.told, ['unanswered db.shop A -1 1 1 at 2000']);
  assert.equal(talk.lines, ['db.shop A 0 1 2 1']);
});

test('a second copy of a query is none', () => {
  const talk = new DnsTalk().query().query().answer().until(20_000);
  assert.equal(talk.lines, ['db.shop A 0 1 1 1']);
});

test('two that ask for the same at the same time are two questions', () => {
  const talk = new DnsTalk()
    .query()
    .query({ atMs: 500, id: 2, port: 40_001 })
    .answer({ atMs: 600, id: 2, port: 40_001 })
    .answer({ atMs: 700 })
    .until(20_000);
  assert.equal(talk.told, []);
  assert.is(talk.lines.length, 2);
});

test('an answer that comes late ends the question all the same', () => {
  const talk = new DnsTalk().query().answer({ atMs: 3_000 }).until(20_000);
  assert.equal(talk.told, ['unanswered db.shop A -1 1 1 at 2000']);
  assert.equal(talk.lines, ['db.shop A 0 1 1 1']);
  assert.is(talk.ended[0]?.latencyUs, 3_000_000);
});

test('an answer without a query is counted, and nothing else', () => {
  const talk = new DnsTalk().answer().answer({ rcode: 2 }).until(20_000);
  assert.equal([talk.told, talk.lines], [[], []]);
  assert.is(talk.questions.counters()['unasked'], 2);
});

test('an answer from an address that was not asked is not taken', () => {
  const talk = new DnsTalk().query().answer({ resolver: 77 }).until(2_100);
  assert.equal(talk.told, ['unanswered db.shop A -1 1 1 at 2000']);
  assert.ok(talk.stop().ended[0]?.isForeign);
});

test('an answer with another name, type, id or port is not taken', () => {
  for (const other of [{ name: 'db.shap' }, { type: 'AAAA' as const }, { id: 9 }, { port: 9 }]) {
    assert.equal(new DnsTalk().query().answer(other).until(3_000).told.length, 1, JSON.stringify(other));
  }
});

const CANDIDATES = [
  'db.shop.web.svc.cluster.local',
  'db.shop.svc.cluster.local',
  'db.shop.cluster.local',
  'db.shop.corp.example',
];

/** Asks for A and AAAA of candidates at once, each from a port of its own as glibc does, and answers NXDOMAIN. */
function search(talk: DnsTalk, names: readonly string[], rcode = NX): DnsTalk {
  for (const [i, name] of names.entries()) {
    const sent: Sent = { name, port: 40_000 + i, atMs: 10 * i };
    const other: Sent = { ...sent, type: 'AAAA', id: 2 };
    talk.query(sent).query(other);
    talk.answer({ ...sent, rcode, atMs: 10 * i + 1 }).answer({ ...other, rcode, atMs: 10 * i + 2 });
  }
  return talk;
}

test('a search list is one question for each type, and one event for both', () => {
  const talk = search(new DnsTalk(), [...CANDIDATES, 'db.shop']).until(5_000);
  assert.equal(talk.told, ['failed db.shop A 3 5 5 at 542']);
  assert.equal(talk.lines.sort(), ['db.shop A 3 0 5 5', 'db.shop AAAA 3 0 5 5']);
});

test('a candidate that exists makes the question good', () => {
  const talk = search(new DnsTalk(), CANDIDATES.slice(0, 1));
  const sent = { name: CANDIDATES[1] as string, port: 40_001, atMs: 10 };
  talk.query(sent).query({ ...sent, type: 'AAAA', id: 2 });
  talk
    .answer({ ...sent, atMs: 11 })
    .answer({ ...sent, type: 'AAAA', id: 2, records: 0, atMs: 12 })
    .until(5_000);
  assert.equal(talk.told, []);
  assert.equal(talk.lines.sort(), ['db.shop A 0 1 2 2', 'db.shop AAAA 0 0 2 2']);
});

test('the name itself first, then the search list', () => {
  const talk = search(new DnsTalk(), ['db.shop', ...CANDIDATES]).until(5_000);
  assert.equal(talk.told, ['failed db.shop A 3 5 5 at 542']);
});

test('search domains that have nothing in common are joined when the name itself comes', () => {
  const talk = search(new DnsTalk(), ['db.one.example', 'db.other.test', 'db']).until(5_000);
  assert.equal(talk.told, ['failed db A 3 3 3 at 522']);
  assert.equal(talk.lines.sort(), ['db A 3 0 3 3', 'db AAAA 3 0 3 3']);
});

test('names that begin differently are questions of their own', () => {
  const talk = search(new DnsTalk(), ['a.example', 'b.example']).until(5_000);
  assert.is(talk.told.length, 2);
});

test('getent hosts: AAAA without data goes through the list, then A is answered', () => {
  const talk = new DnsTalk()
    .query({ name: 'www.example.com', type: 'AAAA' })
    .answer({ name: 'www.example.com', type: 'AAAA', records: 0 })
    .query({ name: 'www.example.com', port: 40_001, id: 2, atMs: 2 })
    .answer({ name: 'www.example.com', port: 40_001, id: 2, atMs: 300 })
    .until(5_000);
  assert.equal(talk.told, []);
});

test('no data for both is an error, no data for what is optional is none', () => {
  const both = new DnsTalk().query().query({ type: 'AAAA', id: 2 });
  both.answer({ records: 0 }).answer({ type: 'AAAA', id: 2, records: 0 }).until(5_000);
  assert.equal(both.told, ['failed db.shop A 0 1 1 at 501']);
  const alone = new DnsTalk().query({ type: 'AAAA' }).answer({ type: 'AAAA', records: 0 }).until(5_000);
  assert.is(alone.told.length, 1);
  const known = new DnsTalk().query().answer().query({ type: 'AAAA', id: 2, atMs: 900 });
  assert.equal(known.answer({ type: 'AAAA', id: 2, records: 0, atMs: 901 }).until(5_000).told, []);
  const https = 65 as unknown as 'A';
  const optional = new DnsTalk().frame(0, withType(https)).until(1_000);
  assert.is(optional.questions.size, 1);
});

/** A query for a type that dns-packet does not know by name. */
function withType(type: number | 'A'): Buffer {
  const bytes = queryBytes({});
  bytes.writeUInt16BE(Number(type), bytes.length - 4);
  return dnsFrame({}, true, bytes);
}

test('SERVFAIL is told at once, and once for each query that it answers', () => {
  const talk = new DnsTalk().query().answer({ rcode: 2 });
  assert.equal(talk.told, ['failed db.shop A 2 1 1 at 1']);
  talk.query({ atMs: 5 }).answer({ atMs: 6 }).until(5_000);
  assert.is(talk.told.length, 1);
  assert.equal(talk.lines, ['db.shop A 0 1 2 1']);
});

test('FORMERR to a query with EDNS is no error when the query without it is answered', () => {
  const talk = new DnsTalk()
    .query({ hasEdns: true })
    .answer({ rcode: 1 })
    .query({ atMs: 2 })
    .answer({ atMs: 3 })
    .until(5_000);
  assert.equal(talk.told, []);
  assert.equal(new DnsTalk().query({ hasEdns: true }).answer({ rcode: 1 }).until(5_000).told.length, 1);
});

test('a truncated answer without a retry over TCP is what the client takes', () => {
  const talk = new DnsTalk().query().answer({ isTruncated: true, records: 0 }).until(5_000);
  assert.equal(talk.told, []);
  assert.equal(talk.lines, ['db.shop A 0 0 1 1']);
});

test('one of A and AAAA that were sent at once has no answer', () => {
  const talk = new DnsTalk().query().query({ type: 'AAAA', id: 2, atMs: 1 }).answer({ atMs: 2 }).until(7_000);
  assert.equal(talk.told, ['unanswered db.shop AAAA -1 1 1 at 2001']);
  assert.ok(talk.ended[1]?.isHalfAnswered);
});

/** An ICMP error (type 3) that quotes a query. */
function portUnreachable(sent: Sent): Buffer {
  const quoted = dnsFrame(sent, true, queryBytes(sent)).subarray(14);
  return ethernet(ipv4(Buffer.concat([Buffer.from([3, 3, 0, 0, 0, 0, 0, 0]), quoted]), { protocol: 1 }));
}

test('an ICMP error that quotes the query is its answer', () => {
  const talk = new DnsTalk().query().frame(1, portUnreachable({})).until(5_000);
  assert.equal(talk.told, ['rejected db.shop A -1 1 1 at 1']);
});

test('ICMP errors that quote what was not sent are counted', () => {
  const talk = new DnsTalk().query();
  for (const other of [{ id: 9 }, { port: 9 }, { resolver: 9 }]) talk.frame(1, portUnreachable(other));
  assert.equal(talk.told, []);
  assert.is(talk.questions.counters()['unfoundedIcmpErrors'], 3);
});

test('mDNS, updates and what is no DNS are left alone', () => {
  const update = queryBytes({});
  update[2] = 5 << 3;
  const talk = new DnsTalk().frame(0, dnsFrame({}, true, update)).frame(0, dnsFrame({}, true, Buffer.from('hello')));
  assert.is(talk.questions.size, 0);
  assert.is(talk.questions.counters()['malformed'], 1);
});

test('the end of the capture ends all questions', () => {
  const talk = new DnsTalk()
    .query()
    .query({ name: 'nx.example', port: 5 })
    .answer({ name: 'nx.example', port: 5, rcode: NX })
    .stop();
  assert.equal(talk.told, ['failed nx.example A 3 1 1 at 1']);
  assert.equal(talk.lines.sort(), ['db.shop A -1 0 1 1', 'nx.example A 3 0 1 1']);
});

test('a flood of questions stays within the table; the oldest go first', () => {
  const talk = new DnsTalk();
  for (let i = 0; i < 12_000; i++) talk.query({ name: `n${i}.example`, port: 1024 + (i % 60_000), id: i & 0xffff });
  assert.is(talk.questions.size, 8_192);
  assert.is(talk.questions.counters()['evicted'], 12_000 - 8_192);
  assert.is(talk.ended[0]?.name, 'n0.example');
  talk.stop();
  assert.is(talk.questions.size, 0);
  assert.is(talk.ended.length, 12_000);
});

test('a flood of names that begin alike costs no more than others', () => {
  const talk = new DnsTalk();
  const beganMs = performance.now();
  for (let i = 0; i < 10_000; i++) talk.query({ name: `www.n${i}.example`, port: 1024 + (i % 60_000), id: i & 0xffff });
  assert.ok(performance.now() - beganMs < 10_000);
});

test('a clock that is set changes no delay', () => {
  const talk = new DnsTalk().query();
  talk.questions.shiftTimes(3_600_000_000);
  talk.until(5_000);
  assert.equal(talk.told, []);
  talk.until(3_602_000);
  assert.is(talk.told.length, 1);
});

test.run();
