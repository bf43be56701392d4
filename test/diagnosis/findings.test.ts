import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Finding } from '../../src/diagnosis/finding.ts';
import type { CauseId } from '../../src/model/cause-id.ts';
import { EndType, Side } from '../../src/model/connection.ts';
import { ended, examine, type Files, NO_SYN_ACK, REFUSED, SERVER, seconds, told } from './examined.ts';

const test = suite('findings');

const range = (count: number) => Array.from({ length: count }, (_, i) => i);

/** The one trouble that is found. */
function only(files: Files): Finding {
  const findings = examine(files);
  assert.is(findings.length, 1, JSON.stringify(findings.map(({ title, causeId }) => [title, causeId])));
  return findings[0] as Finding;
}

test('what the throttle kept back is counted: 226 of 226, still happening', () => {
  const finding = only({
    events: [1, 2, 3, 10, 100].map((value) => told(value / 10, 40_000 + value, { value })),
    flows: range(226).map((i) => ended(i / 10, 40_001 + i, REFUSED)),
    end: 25,
  });
  assert.equal(finding.connections, { failed: 226, all: 226, isAtLeast: false });
  assert.equal([finding.times, finding.state, finding.lastBeforeEndSeconds], [226, 'happening', 2]);
});

test('nothing told in the time asked for: still a finding, by what was told before', () => {
  const files = { flows: range(31).map((i) => ended(i, 40_000 + i, REFUSED)), end: 32 };
  const finding = only(files);
  assert.equal(
    [finding.title, finding.causeId, finding.connections?.failed],
    [`Connection refused by ${SERVER}`, 'tcp.refused.nobody-listens', 31],
  );
  assert.equal([finding.events, finding.severity, finding.pod], [{ '00009': 0 }, 'broken', 'unknown']);
  assert.match(finding.cause, /nobody listens/);
  assert.ok(finding.tryNext.length > 0);
  const explained = only({ ...files, earlier: [told(-100, 1, { cause: 'refused as ever' })] });
  assert.equal([explained.cause, explained.pod], ['refused as ever', 'client']);
});

test('a connection that is still open counts too', () => {
  const finding = only({
    events: [told(1, 40_000, { name: 'TCP_ESTABLISHED_STALE2', causeId: 'tcp.stale.answer-owed', value: 1 })],
    flows: [ended(0, 39_999), ended(2, 40_001)],
    end: 3,
  });
  assert.equal(finding.connections, { failed: 1, all: 3, isAtLeast: false });
});

test('the same port again: what ended before the event is another connection', () => {
  const causeId = 'tcp.stale.answer-owed';
  const finding = only({
    events: [told(10, 40_000, { name: 'TCP_ESTABLISHED_STALE', causeId, value: 1 })],
    flows: [ended(0, 40_000)],
    end: 11,
  });
  assert.equal(finding.connections, { failed: 1, all: 2, isAtLeast: false });
});

test('when it stopped, and when it only comes now and then', () => {
  const refused = (at: number) => ended(at, 40_000 + at, REFUSED);
  const well = (at: number) => ended(at, 50_000 + at);
  const state = (...flows: string[]) => {
    const { state, isIntermittent } = only({ flows, end: 100 });
    return [state, isIntermittent];
  };
  assert.equal(state(refused(50), refused(90)), ['happening', false]);
  assert.equal(state(refused(1), refused(5)), ['unknown', false]);
  assert.equal(state(refused(50), refused(60), well(70)), ['stopped', false]);
  assert.equal(state(refused(50), well(60), refused(70), well(80)), ['happening', true]);
  assert.equal(state(refused(1), well(2), refused(3), well(80)), ['stopped', true]);
  const { tryNext } = only({ earlier: [told(0, 1)], flows: [refused(1), well(2), refused(3)] });
  assert.match(tryNext[0] ?? '', /one of several pods/);
});

test('SYNs that were answered when they were repeated got lost', () => {
  const repeated = { failure: '00001', synAckLatencyUs: 1_000_400 } as const;
  const finding = only({
    events: [5, 15].map((i) =>
      told(i + 1, 40_000 + i, { name: 'TCP_SYN_RETRANS', causeId: 'tcp.syn.no-answer', cause: 'nobody at home' }),
    ),
    flows: range(20).map((i) => ended(i, 40_000 + i, i % 10 === 5 ? repeated : {})),
    end: 21,
  });
  assert.equal(finding.connections, { failed: 2, all: 20, isAtLeast: false });
  assert.equal([finding.causeId, finding.severity, finding.isIntermittent], ['tcp.syn.lost', 'suspicious', true]);
  assert.match(finding.tryNext.join(), /conntrack -S/);
  assert.not.match(finding.tryNext.join() + finding.cause, /Whose address|nobody at home/);
});

test('nobody answers at a port that answers others meanwhile: not "whose address is it?"', () => {
  const silent = { ...NO_SYN_ACK, responderBytes: 0, endType: EndType.halfOpen, failure: '00006' } as const;
  const events = [told(31, 40_000, { name: 'TCP_PARTIAL_CONNECTION', causeId: 'tcp.syn.no-answer', value: 0 })];
  const others = only({ events, flows: [ended(0, 40_000, silent), ended(2, 40_001)] });
  assert.is(others.title, `Some connections to ${SERVER} are not answered`);
  assert.not.match(others.tryNext.join(), /Whose address/);
  const alone = only({ events, flows: [ended(0, 40_000, silent)] });
  assert.is(alone.title, `Nobody answers at ${SERVER}`);
  assert.match(alone.tryNext.join(), /Whose address/);
});

test('one certificate that expired is one trouble, whatever client and TLS version says so', () => {
  const alert = (at: number, causeId: CauseId, cause: string) =>
    told(at, 40_000 + at, { name: 'TLS_ALERT', causeId, by: Side.initiator, cause, value: 2 * 256 });
  const finding = only({
    events: [
      alert(1, 'tls.alert.certificate-expired', "the client says that the server's certificate has expired; SNI a"),
      alert(2, 'tls.alert.certificate-expired', "the client says that the server's certificate has expired; SNI b"),
      alert(3, 'tls.alert.encrypted', 'the client broke off with an encrypted alert'),
      alert(4, 'tls.alert.certificate-unknown', "the client does not accept the server's certificate"),
    ],
    flows: [1, 2, 3, 4].map((at) => ended(at, 40_000 + at, { endType: EndType.tlsAlert, failure: '00004' })),
  });
  assert.equal(finding.causeId, 'tls.alert.certificate-expired');
  assert.equal(finding.connections, { failed: 4, all: 4, isAtLeast: false });
  assert.match(finding.tryNext.join(), /Which certificate has expired/);
});

test('a certificate that expired explains a rejection without a reason', () => {
  const certificate = { subject: 'CN=a', issuer: 'CN=b', notAfter: '2023-11-01' };
  const change = { name: 'TLS_ALERT', causeId: 'tls.alert.bad-certificate', by: Side.initiator } as const;
  assert.is(
    only({ events: [told(1, 1, { ...change, tls: { certificate } })] }).causeId,
    'tls.alert.certificate-expired',
  );
  const valid = { ...certificate, notAfter: '2024-11-01' };
  assert.is(
    only({ events: [told(1, 1, { ...change, tls: { certificate: valid } })] }).causeId,
    'tls.alert.bad-certificate',
  );
});

test('very many resets are an attribute of what is refused, a finding only by themselves', () => {
  const many = told(22, 40_021, {
    name: 'TCP_RESET_ABNORMAL',
    causeId: 'tcp.reset.many',
    value: 226,
    facts: { windowSeconds: 60 },
  });
  const refused = only({ events: [told(1, 40_000), many] });
  assert.equal([refused.causeId, refused.burst], ['tcp.refused.nobody-listens', { resets: 226, windowSeconds: 60 }]);
  assert.is(refused.times, 1);
  assert.is(only({ events: [many] }).causeId, 'tcp.reset.many');
});

for (const [name, reason, others] of [
  [
    'a stranger that answers',
    { name: 'FOREIGN_PACKET', causeId: 'tcp.foreign.answer', facts: { stranger: '10.0.1.9:8080' } },
    [
      { name: 'TCP_SYN_RETRANS', causeId: 'tcp.syn.no-answer' },
      { name: 'TCP_PARTIAL_CONNECTION', causeId: 'tcp.syn.no-answer', value: 0 },
    ],
  ],
  [
    'an ICMP error',
    { name: 'ICMP_ERROR', causeId: 'icmp.port-unreachable', facts: { icmpFrom: '10.0.0.1' } },
    [{ name: 'TCP_PARTIAL_CONNECTION', causeId: 'tcp.syn.no-answer', value: 0 }],
  ],
  [
    'a small MTU',
    { name: 'PATH_MTU', causeId: 'path-mtu.ignored', facts: { mtu: 1400 } },
    [
      { name: 'ICMP_ERROR', causeId: 'icmp.fragmentation-needed' },
      { name: 'NO_ANSWER', causeId: 'answer.client-gave-up' },
      { name: 'TCP_ESTABLISHED_STALE2', causeId: 'tcp.stale.unacknowledged', value: 1 },
    ],
  ],
] as const) {
  test(`${name} explains what else is said of the server, also of other connections`, () => {
    const finding = only({
      events: [told(1, 40_000, reason), ...others.map((other, i) => told(2 + i, 40_001 + i, other))],
      flows: [ended(0, 40_009, { failure: '00006', endType: EndType.halfOpen })].slice(
        reason.name === 'PATH_MTU' ? 1 : 0,
      ),
    });
    assert.is(finding.causeId, reason.causeId);
    assert.equal(finding.joined, [...new Set(others.map(({ causeId }) => causeId))].sort());
    assert.ok(Object.keys(finding.events).length > 1);
    assert.match(finding.tryNext.join(), /10\.0\.1\.9:8080|endpointslices|1372/);
  });
}

test('what tells less of the same connections is the same trouble; of other connections it is not', () => {
  const gaveUp = told(1, 40_000, { name: 'NO_ANSWER', causeId: 'answer.client-gave-up', facts: { waitedMs: 5000 } });
  const reset = { name: 'TCP_RESET', causeId: 'tcp.reset.aborted', by: Side.initiator } as const;
  const finding = only({ events: [gaveUp, told(2, 40_000, reset)], flows: [ended(0, 40_000, { failure: '00021' })] });
  assert.equal([finding.causeId, finding.joined], ['answer.client-gave-up', ['tcp.reset.aborted']]);
  assert.match(finding.tryNext.join(), /The client waits 5 s/);
  assert.is(examine({ events: [gaveUp, told(2, 40_001, reset)] }).length, 2);
  const flows = [ended(0, 40_000, { failure: '00021' }), ended(1, 40_007, { failure: '00002' })];
  assert.is(examine({ events: [gaveUp, told(2, 40_000, reset)], flows }).length, 2);
});

test('two troubles of one code at one server: each has its own, as far as events tell', () => {
  const reset = (port: number, by: Side) =>
    told(1, port, { name: 'TCP_RESET', causeId: 'tcp.reset.aborted', by, value: 1 });
  const events = [reset(40_000, Side.initiator), reset(40_001, Side.responder)];
  const failed = { failure: '00002', endType: EndType.reset } as const;
  const flows = [ended(0, 40_000, failed), ended(0, 40_001, failed)];
  const counts = (lines: string[]) => examine({ events, flows: lines }).map(({ connections }) => connections);
  assert.equal(counts(flows), [
    { failed: 1, all: 2, isAtLeast: false },
    { failed: 1, all: 2, isAtLeast: false },
  ]);
  assert.equal(counts([...flows, ended(0, 40_002, failed)]), [
    { failed: 1, all: 3, isAtLeast: true },
    { failed: 1, all: 3, isAtLeast: true },
  ]);
});

test('harmless resets do not claim the connections that failed', () => {
  const failed = { failure: '00002', endType: EndType.reset, endedBy: Side.responder } as const;
  const findings = examine({
    events: [told(1, 40_000, { name: 'TCP_RESET', causeId: 'tcp.reset.after-answer', by: Side.initiator })],
    flows: [ended(0, 40_000, { endType: EndType.reset }), ended(0, 40_001, failed)],
  });
  assert.equal(
    findings.map(({ severity, by, connections }) => [severity, by, connections?.failed]),
    [
      ['broken', 'server', 1],
      ['worth knowing', 'client', 1],
    ],
  );
});

test('a line of an older agent, without a causeId: what is probable', () => {
  const old = (change: Parameters<typeof told>[2]) => told(1, 40_000, change).replace(/,"causeId":"[^"]*"/, '');
  for (const [change, want] of [
    [{}, 'tcp.refused.nobody-listens'],
    [{ name: 'TLS_ALERT', value: 2 * 256 + 48 }, 'tls.alert.unknown-ca'],
    [{ name: 'TCP_ESTABLISHED_STALE', value: 0 }, 'tcp.stale.idle'],
    [{ name: 'TCP_PARTIAL_CONNECTION', value: 1 }, 'tcp.handshake.ack-missing'],
  ] as const) {
    assert.is(only({ events: [old(change)] }).causeId, want);
  }
});

test('first and last come from connections as well', () => {
  const { first, last } = only({ flows: [ended(3, 40_000, REFUSED), ended(9, 40_001, REFUSED)] });
  assert.equal(
    [Date.parse(first), Date.parse(last)],
    [seconds(3) / 1000, seconds(9) / 1000].map((ms) => ms + 1),
  );
});

test.run();
