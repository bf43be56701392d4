import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { threadCpuMs } from '../../../src/native/clock.ts';
import { seededBelow } from '../../tools/random.ts';
import { Listener, parseDialogue, type Step } from './dialogue.ts';
import { recordedHandshakes } from './recorded-handshakes.ts';

const test = suite('TLS, mutated');

const recorded = Object.values(recordedHandshakes).map(parseDialogue);

/** What must hold whatever comes: nothing is thrown, and little is said. */
function check(steps: readonly Step[], name: string): void {
  const listener = new Listener();
  try {
    for (const step of steps) listener.step(step);
    listener.step({ side: 0, end: 'FIN' });
    listener.step({ side: 1, end: 'RST' });
  } catch (error) {
    throw new Error(`${name}: ${error instanceof Error ? error.stack : error}`);
  }
  const count = (kind: string) => listener.signals.filter((signal) => signal.kind === kind).length;
  assert.ok(count('violation') <= 1, `${name}: ${listener.said}`);
  assert.ok(count('completed') <= 1, `${name}: ${listener.said}`);
  assert.ok(count('alert') <= 5, `${name}: ${listener.said}`);
  for (const { session } of listener.signals) void session.serverChain?.leaf.fields;
}

test('25,000 mutated handshakes', () => {
  const random = seededBelow(2024);
  for (let round = 0; round < 25_000; round++) {
    const steps: Step[] = (recorded[random(recorded.length)] ?? []).map((step) =>
      'bytes' in step ? { side: step.side, bytes: step.bytes.slice() } : step,
    );
    for (let changes = 1 + random(4); changes > 0; changes--) {
      const at = random(steps.length);
      const step = steps[at];
      if (step === undefined) continue;
      const bytes = 'bytes' in step ? step.bytes : new Uint8Array(1);
      // Half of the changes hit the first bytes, where the lengths and types are.
      const where = random(2) === 0 ? random(Math.min(bytes.length, 80)) : random(bytes.length);
      switch (random(7)) {
        case 0:
        case 1:
          bytes[where] = random(256);
          break;
        case 2:
          bytes[where] = [0, 1, 0x7f, 0x80, 0xff][random(5)] ?? 0;
          break;
        case 3:
          steps[at] = { side: step.side, bytes: bytes.slice(0, where) };
          break;
        case 4:
          steps[at] = {
            side: step.side,
            bytes: Uint8Array.from([...bytes.slice(0, where), ...bytes.slice(random(where + 1))]),
          };
          break;
        case 5:
          steps.splice(at, random(2), { side: random(2) === 0 ? 0 : 1, gap: 1 + random(3000) });
          break;
        default:
          steps.splice(random(steps.length), 0, step);
      }
    }
    check(steps, `round ${round}`);
  }
});

test('20,000 connections of random bytes', () => {
  const random = seededBelow(7);
  const starts = [
    '',
    '16',
    '1603',
    '160301',
    '16030100',
    '80',
    '30',
    '3c',
    '00000008',
    '15030100',
    '3232302020',
    '2a204f4b20',
    '4a0000000a',
  ];
  for (let round = 0; round < 20_000; round++) {
    const steps: Step[] = [];
    for (let i = 0; i < 4; i++) {
      const start = Buffer.from(starts[random(starts.length)] ?? '', 'hex');
      const bytes = Uint8Array.from([...start, ...Array.from({ length: 1 + random(60) }, () => random(256))]);
      steps.push({ side: random(2) === 0 ? 0 : 1, bytes });
    }
    check(steps, `round ${round}`);
  }
});

test('a handshake message without an end costs bounded memory and time', () => {
  const listener = new Listener();
  const [first] = recorded[0] ?? [];
  if (first !== undefined) listener.step(first);
  // A Certificate of 16 MB after a ServerHello, record after record.
  listener.step({ side: 1, bytes: hex(`160303002c020000280303${'b2'.repeat(32)}00c02f000000`) });
  listener.step({ side: 1, bytes: hex('16030300040bffffff') });
  const piece = new Uint8Array(5 + 16384);
  piece.set([22, 3, 3, 0x40, 0]);
  const before = process.memoryUsage().arrayBuffers;
  const beginMs = threadCpuMs();
  for (let i = 0; i < 1000; i++) listener.step({ side: 1, bytes: piece });
  assert.ok(threadCpuMs() - beginMs < 2_000);
  assert.ok(process.memoryUsage().arrayBuffers - before < 1 << 20);
  assert.is(listener.said, '');
});

test('garbage for certificates', () => {
  const random = seededBelow(99);
  for (let round = 0; round < 300; round++) {
    const listener = new Listener();
    const [first] = recorded[0] ?? [];
    if (first !== undefined) listener.step(first);
    const der = Array.from({ length: 20 + random(3000) }, () => random(256));
    if (round % 2 === 0) der.splice(0, 4, 0x30, 0x82, der.length >> 8, der.length & 255);
    const list = [...length(der.length + 3, 3), ...length(der.length, 3), ...der];
    const certificate = [11, ...length(list.length, 3), ...list];
    listener.step({ side: 1, bytes: hex(`160303002c020000280303${'b2'.repeat(32)}00c02f000000`) });
    listener.step({ side: 1, bytes: Uint8Array.from([22, 3, 3, ...length(certificate.length, 2), ...certificate]) });
    listener.step({ side: 0, bytes: hex('15030300020230') });
    assert.is(listener.said, 'alert 560 by 0');
    assert.is(listener.signals[0]?.session.serverChain?.leaf.fields, null);
  }
});

function hex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'hex'));
}

function length(value: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, i) => (value >> (8 * (bytes - 1 - i))) & 255);
}

test.run();
