import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Attribution } from '../../src/attribution/attribution.ts';
import { PodEvents } from '../../src/cluster/pod-events.ts';
import { buildPipeline, type Pipeline } from '../../src/pipeline/pipeline.ts';
import { openSessionFiles } from '../../src/session/open-session-files.ts';
import type { PartOpeners } from '../../src/session/session-parts.ts';
import { type Holdings, holdings, sameHoldings } from '../tools/holdings.ts';
import { breakMethod, type RigOptions, SessionRig, SilentSource } from './session-rig.ts';

interface Context {
  rig: SessionRig;
  before: Holdings;
}

const test = suite<Context>('session/live-session');

const messageOf = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error: Error) => error.message,
  );

/** One session from its beginning to its end: makes what the engine and the pools make once and keep. */
async function warmUp(rig: SessionRig): Promise<void> {
  for (let n = 0; n < 2; n++) {
    const session = rig.session({ settings: { kubernetesEvents: true }, openers: withPodEvents });
    await session.start();
    const ended = session.run();
    session.stop('warm');
    await ended;
  }
}

const subject = { podName: 'shop', podNamespace: 'default', podUid: '', nodeName: '' };
const silentLog = { info: () => undefined, warn: () => undefined };
const podEvents = () => new PodEvents(subject, () => Promise.resolve({ status: 201, message: '' }), silentLog);
const withPodEvents: Partial<PartOpeners> = { podEvents };

test.before(async (context) => {
  context.rig = new SessionRig();
  await warmUp(context.rig);
  context.before = holdings();
});
test.after(({ rig }) => rig.close());

const broken = (name: string) => () => {
  throw new Error(`broken: ${name}`);
};

/** Steps of `start` that fail. */
const STARTS: readonly { readonly step: string; readonly rig: RigOptions; readonly message?: RegExp }[] = [
  { step: 'the source cannot be opened', rig: { openers: { source: broken('source') } } },
  { step: 'the files cannot be opened', rig: { openers: { files: broken('files') } } },
  { step: 'the log cannot be begun', rig: { options: { print: broken('print') } } },
  { step: 'the pipeline cannot be built', rig: { openers: { pipeline: broken('pipeline') } } },
  { step: 'nothing can be attributed', rig: { openers: { attribution: broken('attribution') } } },
  {
    step: 'Kubernetes Events cannot be opened',
    rig: { openers: { podEvents: broken('events') }, settings: { kubernetesEvents: true } },
  },
  {
    step: 'attribution cannot begin',
    rig: { openers: { attribution: (options) => breakMethod(new Attribution(options), 'start') } },
  },
  {
    step: 'what is closed cannot be closed either',
    rig: {
      openers: {
        pipeline: broken('pipeline'),
        files: async (options) => breakMethod(await openSessionFiles(options), 'close'),
        attribution: (options) => breakMethod(new Attribution(options), 'close'),
        source: () => ({ source: breakMethod(new SilentSource(), 'close'), note: null }),
      },
    },
    message: /^broken: pipeline$/,
  },
];

for (const { step, rig: options, message = /^broken: / } of STARTS) {
  test(`start: ${step}`, async ({ rig, before }) => {
    const session = rig.session(options);
    assert.match((await messageOf(session.start())) ?? '', message);
    await sameHoldings(before, step);
    await session.close().catch(() => undefined);
    await sameHoldings(before, 'closed again');
  });
}

test('start: a file stands in the place of the directory', async ({ rig, before }) => {
  const logDirectory = join(rig.directory, 'other');
  mkdirSync(logDirectory);
  writeFileSync(join(logDirectory, 'dllt1'), '');
  const session = rig.session({ options: { shared: { ...rig.shared, logDirectory } } });
  assert.match((await messageOf(session.start())) ?? '', /^Cannot make the session directory /);
  await sameHoldings(before, 'no directory');
});

/** A part of the pipeline that breaks. */
function brokenPipeline(breakPart: (pipeline: Pipeline) => void): Partial<PartOpeners> {
  return {
    pipeline: (parts) => {
      const pipeline = buildPipeline(parts);
      breakPart(pipeline);
      return pipeline;
    },
  };
}

let isEnding = false;

/** Steps of `run`, and of its end, that fail. */
const ENDS: readonly { readonly step: string; readonly openers: Partial<PartOpeners> }[] = [
  { step: 'reading', openers: brokenPipeline(({ processor }) => breakMethod(processor, 'drain', () => isEnding)) },
  {
    step: 'letting time pass',
    openers: brokenPipeline(({ processor }) => breakMethod(processor, 'advance', () => isEnding)),
  },
  { step: 'ending connections', openers: brokenPipeline(({ processor }) => breakMethod(processor.tracker, 'stop')) },
  { step: 'summing up', openers: brokenPipeline(({ emitter }) => breakMethod(emitter, 'finish')) },
  {
    step: 'naming',
    openers: { attribution: (options) => breakMethod(new Attribution(options), 'turn', () => isEnding) },
  },
  { step: 'ending naming', openers: { attribution: (options) => breakMethod(new Attribution(options), 'close') } },
  {
    step: 'closing the source',
    openers: { source: () => ({ source: breakMethod(new SilentSource(), 'close'), note: null }) },
  },
  {
    step: 'asking the source',
    openers: { source: () => ({ source: breakMethod(new SilentSource(), 'counters', () => isEnding), note: null }) },
  },
  { step: 'ending Kubernetes Events', openers: { podEvents: () => breakMethod(podEvents(), 'close') } },
  {
    step: 'closing the files',
    openers: { files: async (options) => breakMethod(await openSessionFiles(options), 'close') },
  },
  {
    step: 'telling losses',
    openers: { files: async (options) => breakMethod(await openSessionFiles(options), 'tellLosses', () => isEnding) },
  },
];

for (const { step, openers } of ENDS) {
  test(`end: ${step} fails`, async ({ rig, before }) => {
    isEnding = false;
    const session = rig.session({ settings: { kubernetesEvents: true }, openers: { ...withPodEvents, ...openers } });
    await session.start();
    const ended = messageOf(session.run());
    session.stop('the test ends it');
    isEnding = true;
    assert.match((await ended) ?? 'it did not fail', /^broken: /);
    await sameHoldings(before, step);
    session.stop('again');
    await session.close().catch(() => undefined);
    await sameHoldings(before, 'closed again');
  });
}

test('close: before it began, while it begins, once it has begun, while it runs, after it has ended', async ({
  rig,
  before,
}) => {
  await rig.session().close();
  await sameHoldings(before, 'before it began');

  const beginning = rig.session();
  const started = messageOf(beginning.start());
  await beginning.close();
  assert.match((await started) ?? '', /^Cannot begin the session: /);
  await sameHoldings(before, 'while it begins');

  const begun = rig.session();
  await begun.start();
  await Promise.all([begun.close(), begun.close()]);
  await sameHoldings(before, 'once it has begun');

  const running = rig.session();
  await running.start();
  const ended = running.run();
  await running.close();
  assert.is(await ended, 'stopped');
  await sameHoldings(before, 'while it runs');
  await running.close();
});

test('a failure is in the log, and the lines before it are in their files', async ({ rig }) => {
  const logDirectory = join(rig.directory, 'failing');
  const openers = brokenPipeline(({ processor }) => breakMethod(processor.tracker, 'stop'));
  const session = rig.session({ openers, options: { shared: { ...rig.shared, logDirectory } } });
  await session.start();
  const ended = messageOf(session.run());
  session.stop('the test ends it');
  assert.is(await ended, 'broken: stop');
  const directory = join(logDirectory, 'dllt1');
  const log = readFileSync(join(directory, 'outputfile.txt'), 'utf8');
  assert.match(log, /session started: silence/);
  assert.match(log, /error \[lo\] session failed cause=Error: broken: stop/);
  assert.is(readdirSync(directory).filter((name) => name.startsWith('flows_')).length, 1);
});

test.run();
