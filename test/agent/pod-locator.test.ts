import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PodFinder } from '../../src/agent/pod-finder.ts';
import { Absent, type Experience, PodLocator } from '../../src/agent/pod-locator.ts';
import { DEFAULT_SETTINGS, type Settings } from '../../src/config/settings.ts';

interface Context {
  directory: string;
}

const LOOPBACK = 1; // index of lo in every network namespace
const NOWHERE = 987_654;
const NO_EXPERIENCE: Experience = { wrongIndex: null, blindIndex: null };
const never = new AbortController().signal;

const test = suite<Context>('where a pod is captured');

test.before.each((context) => {
  context.directory = mkdtempSync(join(tmpdir(), 'dllt-locator-'));
});
test.after.each(({ directory }) => rmSync(directory, { recursive: true }));

/** A locator whose finder's script does what `commands` say. */
function locatorFor({ directory }: Context, commands: string): PodLocator {
  const script = join(directory, 'find.sh');
  writeFileSync(script, `#!/bin/sh\n${commands}\n`, { mode: 0o755 });
  return new PodLocator(new PodFinder(script));
}

function locate(context: Context, settings: Partial<Settings>, commands: string, experience = NO_EXPERIENCE) {
  return locatorFor(context, commands).locate({ ...DEFAULT_SETTINGS, ...settings }, experience, never);
}

async function absence(outcome: Promise<unknown>): Promise<string> {
  const error = await outcome.then(
    (place) => assert.unreachable(JSON.stringify(place)),
    (reason: unknown) => reason,
  );
  assert.instance(error, Absent);
  return (error as Absent).message;
}

const onNode = (index: number) => ({ hostIndex: index, interfaceIndex: index, side: 'host' });
const own = (index: number) => ({ hostIndex: index, interfaceIndex: index, side: 'pod' });

test('an index that is there is taken at its word, and nobody is asked', async (context) => {
  assert.equal(await locate(context, { interfaceIndex: LOOPBACK, podUid: 'u' }, 'echo 7 veth'), onNode(LOOPBACK));
});

test('an index that is not there, or is known to be wrong: the pod is looked for', async (context) => {
  assert.equal(await locate(context, { interfaceIndex: NOWHERE, podName: 'web' }, 'echo 7 veth'), onNode(7));
  const wrong = { ...NO_EXPERIENCE, wrongIndex: LOOPBACK };
  assert.equal(await locate(context, { interfaceIndex: LOOPBACK, podUid: 'u' }, 'echo 7 veth', wrong), onNode(7));
  assert.equal(await locate(context, { interfaceIndex: 'auto', podUid: 'u' }, 'echo 7 veth'), onNode(7));
});

test('nobody there', async (context) => {
  assert.match(
    await absence(locate(context, { interfaceIndex: NOWHERE }, 'echo 7 veth')),
    /interface 987654: there is none/,
  );
  const settings = { interfaceIndex: 'auto', podName: 'web', podNamespace: 'shop' } as const;
  assert.is(await absence(locate(context, settings, 'echo gone >&2; exit 1')), 'Waiting for the pod shop/web: gone');
});

test('in the pod itself: the interface that is named, when nothing else says which pod', async (context) => {
  assert.equal(await locate(context, { interfaceIndex: 'auto', podInterface: 'lo' }, 'exit 1'), own(LOOPBACK));
  assert.match(await absence(locate(context, { interfaceIndex: 'auto', podInterface: 'eth99' }, 'exit 1')), /eth99/);
});

test('CAPTURE_SIDE=pod on an interface that leads nowhere else: it is the pod’s own', async (context) => {
  assert.equal(await locate(context, { interfaceIndex: LOOPBACK, captureSide: 'pod' }, 'exit 1'), own(LOOPBACK));
});

test('the very pod under another index', async (context) => {
  const locator = locatorFor(context, 'echo 7 veth');
  const other = (settings: Partial<Settings>) => locator.otherIndex({ ...DEFAULT_SETTINGS, ...settings }, never);
  assert.is(await other({ interfaceIndex: 5, podUid: 'u' }), 7);
  assert.is(await other({ interfaceIndex: 7, podUid: 'u' }), null);
  assert.is(await other({ interfaceIndex: 5, podName: 'web' }), null, 'a name is not enough');
  assert.is(await other({ interfaceIndex: 'auto', podUid: 'u' }), null);
});

test.run();
