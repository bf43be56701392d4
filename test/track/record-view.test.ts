import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Side } from '../../src/model/connection.ts';
import { Conversation } from '../truth/conversation.ts';
import { Followed } from './followed.ts';

const test = suite('what is known of closing and of rests');

const open = () => new Conversation({ serverPort: 9_092 }).open();
const { initiator, responder } = Side;

test('nothing has happened', () => {
  const { connection } = new Followed(open());
  assert.is(connection.firstFin, -1);
  assert.is(connection.finished(initiator), false);
  assert.is(connection.gaveUp, false);
  assert.is(connection.hungUp, false);
  assert.is(connection.unansweredKeepAlives(initiator), 0);
  assert.is(connection.resetHopLimit, 0);
  assert.is(connection.segmentSize(initiator), 1_460);
  assert.is(connection.segmentSize(responder), 1_460);
  assert.is(connection.hopLimit(responder), 64);
});

test('the initiator closes while it waits', () => {
  const { connection } = new Followed(open().ask('what').wait(3_000).fin(true));
  assert.is(connection.firstFin, initiator);
  assert.is(connection.finished(initiator), true);
  assert.is(connection.finished(responder), false);
  assert.is(connection.gaveUp, true);
  assert.is(connection.waitedMs, 3_001);
});

test('the initiator closes with its answer', () => {
  assert.is(new Followed(open().ask('what').answer('this').fin(true)).connection.gaveUp, false);
});

test('the responder hangs up', () => {
  const { connection } = new Followed(open().ask('what').fin(false));
  assert.is(connection.firstFin, responder);
  assert.is(connection.hungUp, true);
  assert.is(new Followed(open().ask('what').answer('this').fin(false)).connection.hungUp, false);
});

test('how long nothing had moved before the last speaker began', () => {
  const { connection } = new Followed(open().ask('a').answer('b').wait(60_000).ask('c'));
  assert.ok(Math.abs(connection.restMs - 60_001) <= 1, `${connection.restMs}`);
});

test('keep-alives are counted until they are answered', () => {
  const talk = open().ask('a').answer('b').wait(60_000);
  const probe = () => talk.ack(true, { sequence: -1, afterMs: 10_000 });
  const count = () => new Followed(talk).connection.unansweredKeepAlives(initiator);
  probe();
  probe();
  assert.is(count(), 2);
  talk.ack(false);
  assert.is(count(), 0);
});

test('the hop limit of a RST', () => {
  const { connection } = new Followed(open().ask('a').answer('b').rst(false, { hopLimit: 61 }));
  assert.is(connection.resetHopLimit, 61);
  assert.is(connection.hopLimit(responder), 64);
  assert.is(connection.isResetByInitiator, false);
  assert.is(new Followed(open().ask('a').rst(true)).connection.isResetByInitiator, true);
});

test('declining is noted', () => {
  const talk = open().ask('tls?').answer('N');
  const { connection } = new Followed(talk);
  assert.is(connection.declined, false);
  connection.noteDeclined();
  assert.is(connection.declined, true);
});

test.run();
