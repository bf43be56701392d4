import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isTold } from '../../src/detect/throttle.ts';
import type { NetworkEvent } from '../../src/model/event.ts';
import { ACK, Detected, FIN, RST, SYN } from './detected.ts';

const DAY = 86_400;
const brief = (events: readonly NetworkEvent[]) =>
  events.map(({ name, value, by }) => `${name} ${value} by ${by ?? '-'}`);

const refuse = (world: Detected, seconds: number) =>
  world
    .next()
    .client(seconds, SYN)
    .server(seconds, RST | ACK, { acknowledgment: 1 });
const resetByServer = (world: Detected, seconds: number) =>
  world.next().open(seconds).server(seconds, RST, { sequence: 1 });
const resetByClient = (world: Detected, seconds: number) =>
  world.next().open(seconds).client(seconds, RST, { sequence: 1 });

test('00009: a SYN answered by RST, with the number of resets so far', () => {
  const world = new Detected();
  for (let n = 1; n <= 12; n++) refuse(world, n);
  assert.equal(
    world.events.map((event) => event.value),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
  );
  assert.ok(world.events.every(({ name, by }) => name === 'TCP_SYN_RESET' && by === undefined));
  assert.match(world.events[0]?.cause ?? '', /nobody listens/);
  assert.match(world.events[11]?.cause ?? '', /again and again/);
  assert.is(world.events[0]?.timeUs, 1e6);
  assert.is(world.events[0]?.confidence, undefined);
});

test('00002: who did it, and how many so far from that address and port', () => {
  const world = new Detected();
  resetByServer(world, 1);
  resetByServer(world, 2);
  resetByClient(world, 3);
  resetByClient(world, 4);
  // the client has another port each time, and so is another peer
  assert.equal(brief(world.events), ['TCP_RESET 1 by 1', 'TCP_RESET 2 by 1', 'TCP_RESET 1 by 0', 'TCP_RESET 1 by 0']);
});

test('00002 and 00009 of one peer count apart', () => {
  const world = new Detected();
  refuse(world, 1);
  resetByServer(world, 2);
  refuse(world, 3);
  assert.equal(brief(world.events), ['TCP_SYN_RESET 1 by -', 'TCP_RESET 1 by 1', 'TCP_SYN_RESET 2 by -']);
});

test('00002: not after a FIN, not for a SYN that the client itself takes back', () => {
  const world = new Detected();
  world
    .open(1)
    .client(2, FIN | ACK, { sequence: 1, acknowledgment: 1 })
    .server(3, RST, { sequence: 1 });
  world.next().client(4, SYN).client(5, RST, { sequence: 1 });
  assert.equal(world.events, []);
});

test('00002 tells by its cause what went before', () => {
  const cause = (world: Detected) => world.events[0]?.cause ?? '';
  const data = { sequence: 1, acknowledgment: 1, length: 10 };
  const open = () => new Detected().open(1);
  assert.match(
    cause(
      new Detected()
        .client(1, SYN)
        .server(1, SYN | ACK, { acknowledgment: 1 })
        .client(1, RST),
    ),
    /scan/,
  );
  assert.match(
    cause(
      new Detected()
        .client(1, SYN)
        .server(1, SYN | ACK, { acknowledgment: 1 })
        .server(1, RST),
    ),
    /backlog/,
  );
  assert.match(cause(open().server(2, RST)), /before a byte was sent/);
  assert.match(cause(open().client(2, ACK, data).server(3, RST)), /the server reset .* without having answered/);
  assert.match(cause(open().client(2, ACK, data).server(3, ACK, data).client(4, RST)), /the client reset .* crash/);
});

test('NO_EVENT_HTTP_CLIENT_RESET: the client of 80, 8080 and 443 may reset an established connection', () => {
  for (const [port, told] of [
    [80, 0],
    [8080, 0],
    [443, 0],
    [81, 1],
    [8443, 1],
  ] as const) {
    const world = (on: boolean) => new Detected({ noEventHttpClientReset: on }, { port });
    const byClient = world(true);
    resetByClient(byClient, 1);
    assert.is(byClient.events.length, told, `port ${port}`);
    const byServer = world(true);
    resetByServer(byServer, 1);
    assert.is(byServer.events.length, 1);
    const early = world(true)
      .client(1, SYN)
      .server(1, SYN | ACK, { acknowledgment: 1 })
      .client(1, RST, { sequence: 1 });
    assert.is(early.events.length, 1);
    const off = world(false);
    resetByClient(off, 1);
    assert.is(off.events.length, 1);
  }
});

test('the throttle: 1, 2, 3, 10, 100, 1000, …', () => {
  const told = Array.from({ length: 100_001 }, (_, count) => count).filter((count) => count > 0 && isTold(count));
  assert.equal(told, [1, 2, 3, 10, 100, 1_000, 10_000, 100_000]);
  const world = new Detected({ eventThrottle: true });
  for (let n = 1; n <= 120; n++) refuse(world, n);
  assert.equal(
    world.events.map((event) => event.value),
    [1, 2, 3, 10, 100],
  );
  const others = new Detected({ eventThrottle: true });
  for (let n = 1; n <= 12; n++) resetByServer(others, n);
  assert.equal(
    others.events.map((event) => event.value),
    [1, 2, 3, 10],
  );
});

test('the throttle counts afresh after 24 h', () => {
  const world = new Detected({ eventThrottle: true });
  for (let n = 0; n < 5; n++) refuse(world, 10 + n);
  refuse(world, 10 + DAY - 1);
  assert.is(world.events.length, 3);
  refuse(world, 10 + DAY);
  refuse(world, 11 + DAY);
  assert.equal(
    world.events.slice(3).map((event) => event.value),
    [1, 2],
  );
});

test('00010: more than so many within a sliding window, and again at ten times as many', () => {
  const world = new Detected({ resetAbnormalCount: 3, resetAbnormalSeconds: 60, eventThrottle: true });
  const abnormal = () =>
    world.events.filter((event) => event.name === 'TCP_RESET_ABNORMAL').map((event) => event.value);
  for (const seconds of [0, 30, 59]) refuse(world, seconds);
  assert.equal(abnormal(), []);
  refuse(world, 60); // that of second 0 is past
  assert.equal(abnormal(), []);
  resetByServer(world, 61); // both kinds count
  assert.equal(abnormal(), [4]);
  for (let n = 0; n < 40; n++) refuse(world, 62);
  assert.equal(abnormal(), [4, 40]);
  for (let n = 0; n < 360; n++) refuse(world, 63);
  assert.equal(abnormal(), [4, 40, 400]);
  // quiet for a minute: it begins again
  for (let n = 0; n < 4; n++) refuse(world, 200 + n);
  assert.equal(abnormal(), [4, 40, 400, 4]);
});

test('00010 counts what is not told, but no reset of a connection that was ending anyway', () => {
  const http = new Detected({ resetAbnormalCount: 0, noEventHttpClientReset: true }, { port: 80 });
  resetByClient(http, 1);
  assert.equal(brief(http.events), ['TCP_RESET_ABNORMAL 1 by -']);
  const ending = new Detected({ resetAbnormalCount: 0 });
  ending
    .open(1)
    .client(2, FIN | ACK, { sequence: 1, acknowledgment: 1 })
    .server(3, RST, { sequence: 1 });
  assert.equal(ending.events, []);
});

test('doubt: loss, one direction, midstream', () => {
  const lossy = new Detected();
  lossy.loss = true;
  resetByServer(lossy, 1);
  assert.match(lossy.events[0]?.confidence ?? '', /lost by the capture/);
  const midstream = new Detected().client(1, ACK, { sequence: 1, acknowledgment: 1 }).server(2, RST, { sequence: 1 });
  assert.match(midstream.events[0]?.confidence ?? '', /began before the capture/);
  assert.ok(midstream.events[0]?.connection?.midstream);
  const oneWay = new Detected().server(1, ACK, { sequence: 1, acknowledgment: 1 }).server(2, RST, { sequence: 1 });
  assert.match(oneWay.events[0]?.confidence ?? '', /one direction only.*; .*before the capture/);
});

test.run();
