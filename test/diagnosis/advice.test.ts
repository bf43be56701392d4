import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { adviceFor } from '../../src/diagnosis/advice.ts';
import { wordsOf } from '../../src/diagnosis/causes.ts';
import { parseEventLine } from '../../src/diagnosis/event-line.ts';
import { CAUSE_IDS, type CauseId } from '../../src/model/cause-id.ts';
import { PodSide, Side } from '../../src/model/connection.ts';
import type { EventFacts } from '../../src/model/event.ts';
import { eventLine } from '../report/sample-files.ts';

const test = suite('advice');

const TLS: readonly CauseId[] = ['tls.alert.unknown-ca', 'tls.alert.number-7', 'tls.warning.unrecognized-name'];
const TROUBLE = [...CAUSE_IDS, ...TLS].filter((causeId) => causeId !== 'tls.established');

function advice(causeId: CauseId, facts: EventFacts = {}, podSide: PodSide = PodSide.initiator, port = 8080): string {
  const ends = { podSide, destinationPort: port };
  const event = parseEventLine(eventLine({ causeId, facts, by: Side.responder, value: 1 }, ends));
  if (event === null) throw new Error('the sample is damaged');
  return adviceFor({ causeId, event, othersAnswered: false, isIntermittent: false }).join('\n');
}

test('every cause has words and advice, on either side', () => {
  for (const causeId of TROUBLE) {
    const words = wordsOf(causeId);
    assert.ok(words !== null && words.cause.length > 20, causeId);
    assert.match(words.title({ where: 'HERE', by: null }), /HERE/, causeId);
    for (const podSide of [PodSide.initiator, PodSide.responder, PodSide.unknown]) {
      assert.ok(advice(causeId, {}, podSide).length > 40, causeId);
    }
  }
  assert.is(wordsOf('tls.established'), null);
});

for (const [causeId, facts, want] of [
  ['answer.client-gave-up', { waitedMs: 5004 }, /The client waits 5 s\./],
  ['answer.too-late', { waitedMs: 2000, answeredMs: 3010 }, /The client waits 2 s\. The answer takes 3 s\./],
  ['answer.keepalive-race', { idleMs: 5000 }, /longer keep-alive than the client \(it had rested for 5 s\)/],
  ['tcp.reset.idle-limit', { idleMs: 350_020 }, /cut off after 350 s at rest/],
  ['tcp.reset.keepalive-unanswered', { keepAlives: 9 }, /tcp_keepalive_time/],
  ['tcp.foreign.packet', { stranger: '10.0.1.9:8080' }, /10\.0\.1\.9:8080 is probably the backend.+be_liberal/],
  ['tcp.foreign.answer', { stranger: '10.0.1.9:8080' }, /hairpin/],
  ['icmp.port-unreachable', { icmpFrom: '10.0.0.1' }, /endpointslices[\s\S]+came from 10\.0\.0\.1/],
  ['icmp.prohibited', {}, /networkpolicy/],
  ['icmp.host-unreachable', {}, /kubectl get nodes/],
  ['path-mtu.ignored', { mtu: 1400, lostSize: 1490 }, /takes 1400 bytes\. Packets of 1490 .*ping -M do -c 3 -s 1372 /],
  ['path-mtu.black-hole', {}, /clamp-mss-to-pmtu/],
  ['tcp.half-closed.not-closing', {}, /state close-wait/],
  ['tcp.syn.lost', {}, /insert_failed/],
  ['tcp.syn.accept-queue', {}, /ListenOverflows/],
] as const satisfies readonly (readonly [CauseId, EventFacts, RegExp])[]) {
  test(`${causeId}: what is known is used`, () => assert.match(advice(causeId, facts), want));
}

test('a PostgreSQL server that declines TLS', () => {
  assert.match(advice('answer.declined', {}, PodSide.initiator, 5432), /sslmode=disable/);
  assert.not.match(advice('answer.declined', {}, PodSide.initiator, 25), /sslmode/);
});

test('no fact gets into a command that is no address', () => {
  const hostile = { icmpFrom: '$(reboot)', stranger: '`reboot`; $(reboot)' };
  for (const causeId of TROUBLE) assert.not.match(advice(causeId, hostile), /\$\(|`reboot|reboot`/, causeId);
});

test.run();
