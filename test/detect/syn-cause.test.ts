import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Direction } from '../../src/model/frame.ts';
import { ACK, Detected, SYN } from './detected.ts';

const test = suite('causes of SYNs without an answer');

const causeOf = ({ events }: Detected) => events[0]?.causeId;
const unanswered = (world: Detected, seconds: number) =>
  world
    .next()
    .client(seconds, SYN)
    .client(seconds + 1, SYN);

test('nothing is known', () => assert.is(causeOf(unanswered(new Detected(), 0)), 'tcp.syn.no-answer'));

test('the same server answered another SYN less than a minute before', () => {
  const world = unanswered(new Detected().open(1), 59.5);
  assert.is(causeOf(world), 'tcp.syn.lost');
  assert.match(world.events[0]?.cause ?? '', /answered another SYN 60 s before/);
  assert.is(causeOf(unanswered(new Detected().open(1), 60.5)), 'tcp.syn.no-answer');
});

test('a server that answered just now', () => {
  const world = new Detected().next().client(0, SYN);
  world.next().open(0.5);
  assert.match(unanswered(world, 0).events[0]?.cause ?? '', /less than a second before/);
});

test('the pod is the server: its queue is full', () => {
  const world = new Detected({}, { direction: Direction.toPod }).open(1);
  assert.is(causeOf(unanswered(world, 10)), 'tcp.syn.accept-queue');
});

test('an ACK of an older connection answers', () => {
  const world = new Detected().open(0).next().client(10, SYN, { sequence: 900 });
  world.server(10, ACK, { sequence: 70_000, acknowledgment: 12_345 }).client(11, SYN, { sequence: 900 });
  assert.is(causeOf(world), 'tcp.syn.older-connection');
});

test.run();
