import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { WaitingEvents } from '../../src/attribution/waiting-events.ts';
import type { NetworkEvent } from '../../src/model/event.ts';
import { type ProcessIdentity, UNKNOWN_PROCESS } from '../../src/model/process.ts';

const NGINX = { name: 'nginx' } as ProcessIdentity;
const event = (value: number) => ({ value }) as unknown as NetworkEvent;

function waiting() {
  const told: [unknown, ProcessIdentity][] = [];
  return { told, events: new WaitingEvents(({ value }, process) => told.push([value, process])) };
}

test('events go on in order once the first is decided, or has waited 50 ms', () => {
  const { told, events } = waiting();
  events.push(event(1), 7, undefined, 0);
  events.push(event(2), 8, NGINX, 0);
  events.flush(49);
  assert.equal(told, []);
  assert.ok(events.has(7));
  events.decide(7, NGINX);
  assert.not(events.has(7));
  events.flush(49);
  assert.equal(told, [
    [1, NGINX],
    [2, NGINX],
  ]);
  events.push(event(3), 9, undefined, 100);
  events.flush(150);
  assert.equal(told.at(-1), [3, UNKNOWN_PROCESS]);
  assert.ok(events.isEmpty);
});

test('where too many wait the first goes on without', () => {
  const { told, events } = waiting();
  for (let i = 0; i <= 1_024; i++) events.push(event(i), i, undefined, 0);
  assert.equal(told, [[0, UNKNOWN_PROCESS]]);
});

test.run();
