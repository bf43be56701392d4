import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FloodGate } from '../../src/detect/flood-gate.ts';
import { PodSide } from '../../src/model/connection.ts';
import type { NetworkEvent } from '../../src/model/event.ts';
import type { EventName } from '../../src/model/event-code.ts';
import { UNKNOWN_PROCESS } from '../../src/model/process.ts';

const test = suite('flood gate');

interface From {
  readonly source?: string;
  readonly destination?: string;
  readonly port?: number;
  readonly name?: EventName;
  readonly podSide?: PodSide;
}

const T0_US = 1_700_000_000e6;

function eventOf(seconds: number, from: From = {}): NetworkEvent {
  const { source = '10.0.0.1', destination = '10.0.0.2', port = 80 } = from;
  const { name = 'TCP_PARTIAL_CONNECTION', podSide = PodSide.responder } = from;
  const connection = {
    sourceAddress: source,
    destinationAddress: destination,
    sourcePort: 1,
    destinationPort: port,
    podSide,
    synAckLatencyUs: 0,
    ackLatencyUs: 0,
    midstream: false,
    process: UNKNOWN_PROCESS,
  };
  return { name, timeUs: T0_US + seconds * 1e6, value: 0, causeId: 'tcp.syn.no-answer', cause: 'because', connection };
}

const newGate = (eventThrottle = true) => new FloodGate({ eventThrottle });

/** Events at an even pace; how many are told in all, and the summaries among them. */
function flood(gate: FloodGate, count: number, perSecond: number, from: (index: number) => From) {
  const told = Array.from({ length: count }, (_, i) => gate.pass(eventOf(i / perSecond, from(i)))).filter(
    (event) => event !== null,
  );
  return { told: told.length, summaries: told.filter(({ suppressed }) => suppressed !== undefined) };
}

test('a thousand at once, a hundred a second: all of them are told', () => {
  const gate = newGate();
  assert.is(flood(gate, 1_000, 1e6, () => ({})).told, 1_000);
  assert.is(gate.pass(eventOf(0.001)), null);
  const steady = newGate();
  assert.is(flood(steady, 20_000, 100, () => ({})).told, 20_000);
  assert.equal([steady.heldBack, steady.finish()], [0, []]);
});

test('what is told and what the summaries stand for are all of them', () => {
  const gate = newGate();
  const { told, summaries } = flood(gate, 50_000, 1_000, (i) => ({ source: `11.0.${i >> 8}.${i & 255}` }));
  const last = gate.finish();
  assert.is(last.length, 1);
  const all = [...summaries, ...last].reduce((sum, { suppressed = 0 }) => sum + suppressed, 0);
  assert.is(told + last.length + all, 50_000);
  assert.is(told, 1_000 + 49 * 100 + summaries.length + 99); // the first thousand, and a hundred each second
  assert.ok(summaries.length >= 4);
  assert.match(summaries[0]?.cause, /^because; a flood: \d+ more of these within 10 s are not told one by one$/);
  assert.equal(gate.finish(), [], 'once');
});

for (const [name, attacker, honest] of [
  ['random sources, one service', (i: number) => ({ source: `11.${i >> 16}.${i >> 8}.${i}` }), { port: 81 }],
  ['one source, all ports', (i: number) => ({ source: '11.0.0.1', port: i }), { port: 80, source: '10.9.9.9' }],
  [
    'the pod scans a host',
    (i: number) => ({ podSide: PodSide.initiator, destination: '12.0.0.1', port: i }),
    { podSide: PodSide.initiator, destination: '12.0.0.2' },
  ],
  [
    'one dead backend of the pod',
    () => ({ podSide: PodSide.initiator, destination: '12.0.0.1' }),
    { podSide: PodSide.initiator, destination: '12.0.0.2' },
  ],
] as const) {
  test(`${name}: held back, but nobody else is`, () => {
    const gate = newGate();
    const { told } = flood(gate, 30_000, 30_000, attacker);
    assert.ok(told < 1_200, `${told}`);
    assert.ok(gate.pass(eventOf(1, honest)));
    assert.ok(gate.pass(eventOf(1, { ...attacker(7), name: 'TCP_RESET' })), 'nor another kind');
  });
}

test('random sources, random ports: bounded in all', () => {
  const gate = newGate();
  const { told } = flood(gate, 100_000, 50_000, (i) => ({ source: `11.${i >> 16}.${i >> 8}.${i}`, port: i % 65_536 }));
  assert.ok(told <= 12_001, `${told}`);
});

test('a flood that is over is summed up when its time has come', () => {
  const gate = newGate();
  flood(gate, 1_500, 1e6, () => ({}));
  assert.equal(gate.advance(T0_US + 9e6), []);
  const [summary] = gate.advance(T0_US + 11e6);
  assert.is(summary?.suppressed, 499);
  assert.equal(gate.advance(T0_US + 30e6), []);
  assert.equal(gate.advance(Number.NaN), []);
});

test('one that is held back alone is told as it is', () => {
  const gate = newGate();
  flood(gate, 1_001, 1e9, () => ({}));
  const [event] = gate.finish();
  assert.is(event?.suppressed, undefined);
  assert.is(event?.cause, 'because');
});

test('what is never held back: without the throttle, of no connection, 00003', () => {
  assert.is(flood(newGate(false), 5_000, 1e6, () => ({})).told, 5_000);
  assert.is(flood(newGate(), 5_000, 1e6, () => ({ name: 'TCP_IS_TLS' })).told, 5_000);
  const gate = newGate();
  for (let i = 0; i < 5_000; i++) assert.ok(gate.pass({ ...eventOf(0), connection: null }));
});

test('times out of order give no allowance', () => {
  const gate = newGate();
  let told = 0;
  for (let i = 0; i < 10_000; i++) if (gate.pass(eventOf(i % 2 === 0 ? 100 : 0))) told++;
  assert.is(told, 1_000);
});

test.run();
