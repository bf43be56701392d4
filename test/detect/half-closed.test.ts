import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ACK, Detected, FIN } from './detected.ts';

const test = suite('00022');

const fromClient = { sequence: 1, acknowledgment: 1 };
const names = ({ events }: Detected) => events.map(({ causeId, by }) => `${causeId} ${by}`).join(', ');
const closing = () => new Detected().open(0).client(1, FIN | ACK, fromClient);

test('the other side does not close', () => {
  const world = closing().server(1, ACK, { sequence: 1, acknowledgment: 2 }).advance(180);
  assert.is(names(world), '');
  world.advance(190);
  assert.is(names(world), 'tcp.half-closed.not-closing 1');
  const [event] = world.events;
  assert.is(event?.name, 'HALF_CLOSED');
  assert.is(event?.value, 1);
  assert.is(event?.confidence, undefined);
  assert.match(event?.cause ?? '', /the client closed, the server has neither closed .* for 180 s/);
  assert.is(names(world.advance(5_000)), 'tcp.half-closed.not-closing 1');
});

test('the server closes first', () => {
  const world = new Detected()
    .open(0)
    .server(1, FIN | ACK, fromClient)
    .client(1, ACK, { sequence: 1, acknowledgment: 2 });
  assert.is(names(world.advance(190)), 'tcp.half-closed.not-closing 0');
});

test('the other side is gone: doubtful as long as the FIN is not repeated', () => {
  const once = closing().advance(190);
  assert.is(names(once), 'tcp.half-closed.peer-gone 1');
  assert.match(once.events[0]?.confidence ?? '', /FIN was not repeated/);
  const again = closing()
    .client(2, FIN | ACK, fromClient)
    .client(4, FIN | ACK, fromClient)
    .advance(190);
  assert.is(names(again), 'tcp.half-closed.peer-gone 1');
  assert.is(again.events[0]?.confidence, undefined);
});

test('what the other side still sends puts it off', () => {
  const world = closing().server(1, ACK, { sequence: 1, acknowledgment: 2 });
  world.server(100, ACK, { sequence: 1, acknowledgment: 2, length: 10 }).advance(200);
  assert.is(names(world), '');
  assert.is(names(world.advance(281)), 'tcp.half-closed.not-closing 1');
});

test('both closed', () => {
  const world = closing()
    .server(1, FIN | ACK, { sequence: 1, acknowledgment: 2 })
    .client(1, ACK, { sequence: 2, acknowledgment: 2 });
  assert.is(names(world.advance(1_000)), '');
});

test('not told when the capture lost packets', () => {
  const world = closing().server(1, ACK, { sequence: 1, acknowledgment: 2 });
  world.loss = true;
  assert.is(names(world.advance(1_000)), '');
});

test.run();
