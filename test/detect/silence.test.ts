import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { interfaceGone } from '../../src/detect/interface-gone.ts';
import { Direction } from '../../src/model/frame.ts';
import { ACK, Detected, type Segment, SYN } from './detected.ts';

test('00001: at the 1st, 2nd, 3rd, 6th and 11th repetition', () => {
  const world = new Detected().client(0, SYN);
  for (let n = 1; n <= 20; n++) world.client(n, SYN);
  assert.equal(
    world.events.map(({ name, value }) => `${name} ${value}`),
    ['TCP_SYN_RETRANS 1', 'TCP_SYN_RETRANS 2', 'TCP_SYN_RETRANS 3', 'TCP_SYN_RETRANS 6', 'TCP_SYN_RETRANS 11'],
  );
  assert.match(world.events[0]?.cause ?? '', /latency/);
  assert.match(world.events[4]?.cause ?? '', /still no answer/);
  assert.is(world.events[0]?.confidence, undefined);
});

test('00006: value, and a cause for either side', () => {
  const half = (direction: Direction, answered: boolean) => {
    const world = new Detected({}, { direction }).client(0, SYN);
    if (answered) world.server(0, SYN | ACK, { acknowledgment: 1 });
    return world.advance(31).events[0];
  };
  for (const [direction, answered, cause] of [
    [Direction.unknown, false, /unreachable/],
    [Direction.fromPod, false, /unreachable/],
    [Direction.fromPod, true, /way back/],
    [Direction.toPod, false, /pod did not answer.*(backlog|flood)/],
    [Direction.toPod, true, /scan or a SYN flood/],
  ] as const) {
    const event = half(direction, answered);
    assert.is(event?.name, 'TCP_PARTIAL_CONNECTION');
    assert.is(event?.value, answered ? 1 : 0);
    assert.is(event?.timeUs, 30e6);
    assert.match(event?.cause ?? '', cause);
  }
});

const asks: Segment = { sequence: 1, acknowledgment: 1, length: 100 };
const isHeard: Segment = { sequence: 1, acknowledgment: 101 };
const answers: Segment = { sequence: 1, acknowledgment: 101, length: 50 };
const thanks: Segment = { sequence: 101, acknowledgment: 51 };
const greets: Segment = { sequence: 1, acknowledgment: 1, length: 20 };

const silences: readonly {
  readonly name: string;
  readonly act: (world: Detected) => Detected;
  readonly value: number;
  readonly cause: RegExp;
}[] = [
  { name: 'nothing was ever said', act: (world) => world, value: 0, cause: /idle connection/ },
  {
    name: 'asked and answered',
    act: (world) => world.client(1, ACK, asks).server(1, ACK, answers).client(1, ACK, thanks),
    value: 0,
    cause: /no answer is owed/,
  },
  {
    name: 'the server has heard, and does not answer',
    act: (world) => world.client(1, ACK, asks).server(1, ACK, isHeard),
    value: 1,
    cause: /the server owes an answer for 180 s: its application/,
  },
  {
    name: 'the server does not even acknowledge',
    act: (world) => world.client(1, ACK, asks).client(2, ACK, asks),
    value: 1,
    cause: /the server has not even acknowledged/,
  },
  {
    name: 'the client does not acknowledge',
    act: (world) => world.client(1, ACK, asks).server(1, ACK, answers),
    value: 2,
    cause: /the client has not even acknowledged/,
  },
  {
    name: 'the server has greeted, and the client says nothing',
    act: (world) => world.server(1, ACK, greets).client(1, ACK, { sequence: 1, acknowledgment: 21 }),
    value: 2,
    cause: /the client owes an answer/,
  },
  {
    name: "the server's window is closed",
    act: (world) => world.client(1, ACK, asks).server(1, ACK, { ...isHeard, window: 0 }),
    value: 3,
    cause: /the server takes no more data/,
  },
  {
    name: "the client's window is closed",
    act: (world) =>
      world
        .client(1, ACK, asks)
        .server(1, ACK, answers)
        .client(1, ACK, { ...thanks, window: 0 }),
    value: 3,
    cause: /the client takes no more data/,
  },
];

for (const { name, act, value, cause } of silences) {
  test(`00007 and 00008: ${name}`, () => {
    const { events } = act(new Detected().open(0)).advance(700);
    assert.equal(
      events.map((event) => event.name),
      ['TCP_ESTABLISHED_STALE', 'TCP_ESTABLISHED_STALE2'],
    );
    assert.equal(
      events.map((event) => event.value),
      [value, value],
    );
    assert.match(events[0]?.cause ?? '', cause);
    assert.match(events[1]?.cause ?? '', / 600 s/);
  });
}

test('00007 of a connection that is seen in one direction: nobody is accused', () => {
  const world = new Detected()
    .client(1, SYN)
    .client(1, ACK, { sequence: 1, acknowledgment: 1 })
    .client(1, ACK, asks)
    .advance(182);
  assert.is(world.events.length, 1);
  assert.is(world.events[0]?.value, 0);
  assert.match(world.events[0]?.cause ?? '', /the other one was not seen/);
  assert.match(world.events[0]?.confidence ?? '', /one direction only/);
});

test('bytes that were acknowledged and not seen: doubt, until they come after all', () => {
  const gap = new Detected()
    .open(0)
    .client(1, ACK, { ...asks, sequence: 101 })
    .server(1, ACK, { sequence: 1, acknowledgment: 201 });
  const reordered = new Detected()
    .open(0)
    .client(1, ACK, { ...asks, sequence: 101 })
    .client(1, ACK, asks)
    .server(1, ACK, { sequence: 1, acknowledgment: 201 });
  const unseen = new Detected().open(0).server(1, ACK, isHeard);
  for (const [world, doubt] of [
    [gap, true],
    [reordered, false],
    [unseen, true],
  ] as const) {
    const { events } = world.advance(182);
    assert.is(events.length, 1);
    assert.is(events[0]?.confidence, doubt ? 'bytes went by that the capture did not see' : undefined);
  }
});

test('a verdict that loss alone could explain is not given', () => {
  const world = new Detected();
  world.loss = true;
  world.client(0, SYN).advance(31);
  world.next().open(40).advance(1_000);
  assert.equal(world.events, []);
});

test('00011', () => {
  const event = interfaceGone(7, 'veth1', 5);
  assert.is(event.name, 'VIF_DISAPPEARED');
  assert.is(event.value, 7);
  assert.is(event.connection, null);
  assert.match(event.cause, /veth1.*pod/);
});

test.run();
