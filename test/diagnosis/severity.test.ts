import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { severityOfFailure } from '../../src/diagnosis/failure-severity.ts';
import { type Judged, severityOf } from '../../src/diagnosis/severity.ts';
import { PodSide, Side } from '../../src/model/connection.ts';

const test = suite('severity');

const usual: Judged = {
  code: '00009',
  causeId: 'tcp.refused.nobody-listens',
  by: null,
  podSide: PodSide.initiator,
  certain: true,
};

for (const [name, change, want] of [
  ['refused', {}, 'broken'],
  ['refused, in doubt', { certain: false }, 'suspicious'],
  ['a SYN repeated', { code: '00001', causeId: 'tcp.syn.no-answer' }, 'suspicious'],
  ['a SYN never answered', { code: '00006', causeId: 'tcp.syn.no-answer' }, 'broken'],
  ['the pod never answered', { code: '00006', causeId: 'tcp.syn.pod-silent', podSide: 1 }, 'suspicious'],
  ['a pool at rest', { code: '00008', causeId: 'tcp.stale.idle' }, 'worth knowing'],
  ['a pool at rest, in doubt', { code: '00008', causeId: 'tcp.stale.idle', certain: false }, 'worth knowing'],
  ['an answer owed for three minutes', { code: '00007', causeId: 'tcp.stale.answer-owed' }, 'suspicious'],
  ['an answer owed for ten', { code: '00008', causeId: 'tcp.stale.answer-owed' }, 'broken'],
  ['reset by the client', { code: '00002', causeId: 'tcp.reset.aborted', by: Side.initiator }, 'suspicious'],
  ['reset by the server', { code: '00002', causeId: 'tcp.reset.aborted', by: Side.responder }, 'broken'],
  ['reset once all was answered', { code: '00002', causeId: 'tcp.reset.after-answer', by: 1 }, 'worth knowing'],
  ['the peer is gone', { code: '00002', causeId: 'tcp.reset.keepalive-unanswered', by: 0 }, 'broken'],
  ['a TLS alert', { code: '00004', causeId: 'tls.alert.unknown-ca', by: 0 }, 'broken'],
  ['an alert nobody named yet', { code: '00004', causeId: 'tls.alert.unknown-alert-200', by: 0 }, 'broken'],
  ['a TLS warning', { code: '00004', causeId: 'tls.warning.unrecognized-name', by: 1 }, 'worth knowing'],
  ['a TLS goodbye', { code: '00004', causeId: 'tls.alert.close-notify', by: 0 }, 'worth knowing'],
  ['no answer', { code: '00021', causeId: 'answer.client-gave-up' }, 'broken'],
  ['half closed', { code: '00022', causeId: 'tcp.half-closed.not-closing' }, 'suspicious'],
  ['a stranger', { code: '00023', causeId: 'tcp.foreign.packet' }, 'broken'],
] as const satisfies readonly (readonly [string, Partial<Judged>, string])[]) {
  test(name, () => assert.is(severityOf({ ...usual, ...change }), want));
}

test('of a connection whose kind of trouble is all that is known', () => {
  assert.equal(['', '00001', '00003', '00021', '99999'].map(severityOfFailure), [
    'worth knowing',
    'suspicious',
    'worth knowing',
    'broken',
    'worth knowing',
  ]);
});

test.run();
