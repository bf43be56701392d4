import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { noteFailure } from '../../src/detect/failure.ts';
import type { CauseId } from '../../src/model/cause-id.ts';
import { EventCode, type EventName } from '../../src/model/event-code.ts';
import type { TrackedConnection } from '../../src/track/tracked-connection.ts';

const test = suite('failure of a connection');

/** The failure that is left after these events. */
function failure(...noted: readonly (readonly [EventName, CauseId])[]): string {
  const connection = { failure: '' };
  for (const [name, causeId] of noted) noteFailure(connection as TrackedConnection, name, causeId);
  return connection.failure;
}

const RESET = ['TCP_RESET', 'tcp.reset.aborted'] as const;
const UNANSWERED = ['NO_ANSWER', 'answer.server-closed'] as const;
const FOREIGN = ['FOREIGN_PACKET', 'tcp.foreign.packet'] as const;
const STALE = ['TCP_ESTABLISHED_STALE', 'tcp.stale.answer-owed'] as const;

test('what tells more stays, whichever comes first', () => {
  assert.is(failure(RESET, UNANSWERED), EventCode.NO_ANSWER);
  assert.is(failure(UNANSWERED, RESET), EventCode.NO_ANSWER);
  assert.is(failure(STALE, RESET, FOREIGN, UNANSWERED), EventCode.FOREIGN_PACKET);
});

for (const [name, causeId] of [
  ['TCP_ESTABLISHED_STALE', 'tcp.stale.idle'],
  ['TCP_ESTABLISHED_STALE2', 'tcp.stale.one-way'],
  ['TCP_RESET', 'tcp.reset.after-answer'],
  ['TLS_ALERT', 'tls.alert.close-notify'],
  ['TLS_ALERT', 'tls.warning.unrecognized-name'],
] as const) {
  test(`harmless: ${causeId}`, () => assert.is(failure([name, causeId]), ''));
}

test('harmless causes take nothing back', () => {
  assert.is(failure(RESET, ['TLS_ALERT', 'tls.alert.close-notify']), EventCode.TCP_RESET);
});

test('news is no failure', () => {
  assert.is(failure(['TCP_IS_TLS', 'tls.established']), '');
  assert.is(failure(['TCP_RESET_ABNORMAL', 'tcp.reset.many']), '');
});

test.run();
