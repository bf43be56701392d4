import { mock } from 'node:test';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Attribution } from '../../src/attribution/attribution.ts';
import type { LiveSource, SourceState } from '../../src/capture/packet-source.ts';
import type { PacketProcessor } from '../../src/pipeline/packet-processor.ts';
import { CaptureLoop } from '../../src/session/capture-loop.ts';
import { ClockSteps } from '../../src/session/clock-steps.ts';
import { GuardedTimers } from '../../src/session/guarded-timers.ts';
import type { LoadShedding } from '../../src/session/load-shedding.ts';

/** A loop over a source that says `states` one after the other; `dry`: what each reading finds. */
function loopOver(states: SourceState[], dry: boolean[], log: string[]): CaptureLoop {
  const given = dry.length;
  const note = (text: string) => () => {
    log.push(text);
  };
  return new CaptureLoop({
    source: {
      ready: async () => {
        log.push('ready');
        return states.shift() ?? 'closed';
      },
      counters: () => ({ frames: given - dry.length }), // each reading that is listed finds a frame
      close: note('close'),
    } as unknown as LiveSource,
    processor: {
      drain: () => {
        log.push('read');
        return dry.shift() ?? true;
      },
    } as unknown as PacketProcessor,
    attribution: { poll: note('poll'), turn: note('turn') } as unknown as Attribution,
    shedding: { turn: note('shed') } as unknown as LoadShedding,
    clockSteps: new ClockSteps(() => undefined),
    timers: new GuardedTimers(() => assert.unreachable()),
  });
}

test('overload is looked at before each reading; a source with more is not waited for', async () => {
  const log: string[] = [];
  const loop = loopOver(['readable', 'gone'], [false, true, true], log);
  assert.is(await loop.run(), 'gone');
  const round = ['shed', 'poll', 'read', 'turn'];
  assert.equal(log, [...round, ...round, 'ready', ...round, 'ready']);
  assert.is(loop.isDry, true);
});

/** A source that calls turns by itself until one of them does not read all. */
function turningSource(turns: number): LiveSource {
  return {
    ready: async (turn: () => boolean) => {
      for (let i = 0; i < turns; i++) if (!turn()) return 'readable';
      return 'gone';
    },
  } as unknown as LiveSource;
}

test('a source that looks by itself has it read what came, until that is too much for one turn', async () => {
  const log: string[] = [];
  const drained = [true, true, true, false];
  const loop = new CaptureLoop({
    source: turningSource(3),
    processor: { drain: () => log.push('read') > 0 && (drained.shift() ?? true) } as unknown as PacketProcessor,
    attribution: { poll: () => undefined, turn: () => log.push('turn') } as unknown as Attribution,
    shedding: { turn: () => log.push('shed') } as unknown as LoadShedding,
    clockSteps: new ClockSteps(() => undefined),
    timers: new GuardedTimers(() => assert.unreachable()),
  });
  assert.is(await loop.run(), 'gone');
  const round = ['shed', 'read', 'turn'];
  // one by itself and three, the last of which is too much; one by itself and three
  assert.equal(log, Array.from({ length: 8 }, () => round).flat());
});

test('it ends with what a turn throws that the source called', async () => {
  let reads = 0;
  const loop = new CaptureLoop({
    source: turningSource(3),
    processor: {
      drain: () => {
        if (++reads === 3) throw new Error('broken');
        return true;
      },
    } as unknown as PacketProcessor,
    attribution: { poll: () => undefined, turn: () => undefined } as unknown as Attribution,
    shedding: { turn: () => undefined } as unknown as LoadShedding,
    clockSteps: new ClockSteps(() => undefined),
    timers: new GuardedTimers(() => undefined),
  });
  await loop.run().then(
    () => assert.unreachable(),
    (error: Error) => assert.is(error.message, 'broken'),
  );
  assert.is(reads, 3);
});

test('it ends with what a reading throws', async () => {
  const loop = loopOver([], [], []);
  const broken = new CaptureLoop({
    source: {} as LiveSource,
    processor: {
      drain: () => {
        throw new Error('broken');
      },
    } as unknown as PacketProcessor,
    attribution: { poll: () => undefined } as unknown as Attribution,
    shedding: { turn: () => undefined } as unknown as LoadShedding,
    clockSteps: new ClockSteps(() => undefined),
    timers: new GuardedTimers(() => undefined),
  });
  assert.is(await loop.run(), 'closed');
  const reason = await broken.run().catch((error: Error) => error.message);
  assert.is(reason, 'broken');
});

test('what was sent before the stop is read before the source is closed, also what a source gives late', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const log: string[] = [];
    loopOver([], [false, true], log).closeSoon();
    mock.timers.tick(99);
    assert.equal(log, []);
    mock.timers.tick(1);
    assert.equal(log, ['read', 'turn', 'read', 'turn']);
    mock.timers.tick(100);
    assert.equal(log, ['read', 'turn', 'read', 'turn', 'read', 'turn', 'close']);
  } finally {
    mock.timers.reset();
  }
});

test.run();
