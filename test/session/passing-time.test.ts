import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Dumps } from '../../src/pipeline/dumps.ts';
import type { PacketProcessor } from '../../src/pipeline/packet-processor.ts';
import { ClockSteps } from '../../src/session/clock-steps.ts';
import { PassingTime, type PassingTimeParts } from '../../src/session/passing-time.ts';

const READ_DELAY_US = 200_000;

function passing(change: Partial<PassingTimeParts>): PassingTime {
  return new PassingTime({
    processor: {
      advance: () => false,
      questions: { earliestUs: Number.POSITIVE_INFINITY },
    } as unknown as PacketProcessor,
    dumps: null,
    clockSteps: new ClockSteps(() => assert.unreachable('nobody set the clock')),
    drain: async () => undefined,
    fail: () => assert.unreachable('nothing fails'),
    ...change,
  });
}

test('time passes up to the delay of reading, and files are drained while more is due', async () => {
  const told: string[] = [];
  let left = 2;
  const beforeUs = Date.now() * 1000 - READ_DELAY_US;
  const processor = {
    advance(nowUs: number) {
      assert.ok(nowUs >= beforeUs && nowUs <= Date.now() * 1000 - READ_DELAY_US);
      told.push('advance');
      return left-- > 0;
    },
  } as unknown as PacketProcessor;
  const drain = async () => {
    told.push('drain');
  };
  await passing({ processor, drain }).catchUp();
  assert.equal(told, ['advance', 'drain', 'advance', 'drain', 'advance']);
});

test('one pass at a time; what goes wrong is told, and the next pass runs', async () => {
  const failures: unknown[] = [];
  let passes = 0;
  let failed: () => void = () => undefined;
  const processor = {
    advance() {
      passes++;
      throw new Error('broken');
    },
  } as unknown as PacketProcessor;
  const time = passing({
    processor,
    fail: (error) => {
      failures.push(error);
      failed();
    },
  });
  for (const expected of [1, 2]) {
    const told = new Promise<void>((resolve) => {
      failed = resolve;
    });
    time.pass();
    time.pass();
    await told;
    await new Promise(setImmediate);
    assert.is(passes, expected);
    assert.is(failures.length, expected);
  }
});

test('a pcap is due once packets of its time are read; without one there is nothing to wait for', () => {
  const earliestUs = (Date.now() + 10_000) * 1000;
  const { msToDue } = passing({ dumps: { earliestUs } as Dumps });
  assert.ok(msToDue > 9_000 && msToDue <= 10_200, `${msToDue} ms`);
  assert.is(passing({}).msToDue, Number.POSITIVE_INFINITY);
});

test.run();
