import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { OneSided } from '../../src/session/one-sided.ts';
import { ACK, Detected, SYN } from '../detect/detected.ts';

const test = suite('one direction only');

/** What is said after looking twice: once is not enough. */
function look({ tracker }: Detected): boolean {
  const oneSided = new OneSided();
  assert.is(oneSided.look(tracker), false);
  return oneSided.look(tracker);
}

/** Only what the client sends is seen: its SYN, and the ACK to a SYN-ACK that passed by. */
const halfSeen = (world: Detected) => world.next().client(1, SYN).client(1, ACK, { sequence: 1, acknowledgment: 1 });

test('a handshake that was answered, unseen', () => {
  assert.is(look(halfSeen(new Detected())), true);
});

test('a connection from before, whose other side moves on unseen', () => {
  const world = new Detected();
  world.client(1, ACK, { sequence: 1, acknowledgment: 1 });
  assert.is(look(world), false, 'it may rest');
  world.client(2, ACK, { sequence: 1, acknowledgment: 100 });
  assert.is(look(world), true);
});

test('what both directions are seen of, what is not answered, and nothing at all', () => {
  assert.is(look(new Detected()), false);
  assert.is(look(new Detected().open(1)), false);
  assert.is(look(new Detected().client(1, SYN)), false);
});

test('a few among many are no sign', () => {
  const world = halfSeen(new Detected());
  for (let n = 0; n < 4; n++) world.next().open(1);
  assert.is(look(world), true);
  world.next().open(1);
  assert.is(look(world), false);
});

test('filters by which one direction may be missing on purpose', () => {
  for (const filter of ['tcp', 'tcp port 80', 'host 10.0.0.1 and not port 22', 'vlan 5']) {
    assert.is(OneSided.isTellable(filter), true, filter);
  }
  for (const filter of ['src host 10.0.0.1', 'tcp dst port 80', 'inbound', 'tcp[13] & 2 != 0']) {
    assert.is(OneSided.isTellable(filter), false, filter);
  }
});

test.run();
