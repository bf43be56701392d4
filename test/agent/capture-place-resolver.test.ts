import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  CapturePlaceResolver,
  type LearnedIndexes,
  PodAbsentError,
  type PodEvidence,
} from '../../src/agent/capture-place-resolver.ts';
import { PodInterfaceLookup } from '../../src/agent/pod-interface-lookup.ts';
import { DEFAULT_SETTINGS, type Settings } from '../../src/config/settings.ts';

interface Context {
  directory: string;
}

const LOOPBACK = 1; // index of lo in every network namespace
const NOWHERE = 987_654;
const NO_EXPERIENCE: LearnedIndexes = { wrongIndex: null, blindIndex: null };
const never = new AbortController().signal;

const test = suite<Context>('where a pod is captured');

test.before.each((context) => {
  context.directory = mkdtempSync(join(tmpdir(), 'dllt-locator-'));
});
test.after.each(({ directory }) => rmSync(directory, { recursive: true }));

/** A locator whose finder's script does what `commands` say. */
function locatorFor({ directory }: Context, commands: string, witness?: PodEvidence): CapturePlaceResolver {
  const script = join(directory, 'find.sh');
  writeFileSync(script, `#!/bin/sh\n${commands}\n`, { mode: 0o755 });
  return new CapturePlaceResolver(new PodInterfaceLookup(script), witness);
}

function locate(
  context: Context,
  settings: Partial<Settings>,
  commands: string,
  experience = NO_EXPERIENCE,
  witness?: PodEvidence,
) {
  return locatorFor(context, commands, witness).locate({ ...DEFAULT_SETTINGS, ...settings }, experience, never);
}

async function absence(outcome: Promise<unknown>): Promise<string> {
  const error = await outcome.then(
    (place) => assert.unreachable(JSON.stringify(place)),
    (reason: unknown) => reason,
  );
  assert.instance(error, PodAbsentError);
  return (error as PodAbsentError).message;
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

test('an index that the kernel says is another pod’s is not that of the one with this UID or name', async (context) => {
  const behind = (...uids: string[]) => ({
    podsBehind: async (index: number) => (index === LOOPBACK ? new Set(uids) : null),
    podUidsOfName: (namespace: string, name: string) => (namespace === 'shop' && name === 'db-0' ? ['u-2', 'u-3'] : []),
  });
  const byUid = { interfaceIndex: LOOPBACK, podUid: 'u-1' };
  const byName = { interfaceIndex: LOOPBACK, podName: 'db-0', podNamespace: 'shop' };
  const place = (settings: Partial<Settings>, ...uids: string[]) =>
    locate(context, settings, 'echo 7 veth', NO_EXPERIENCE, behind(...uids));
  assert.equal(await place(byUid, 'u-1'), onNode(LOOPBACK));
  assert.equal(await place(byUid, 'u-9'), onNode(7));
  assert.equal(await place(byName, 'u-3', 'u-9'), onNode(LOOPBACK));
  assert.equal(await place(byName, 'u-9'), onNode(7));
  assert.equal(await place({ ...byUid, ...byName }, 'u-2'), onNode(LOOPBACK), 'it came back under its name');
  assert.equal(await place({ ...byName, podName: 'db-1' }, 'u-9'), onNode(LOOPBACK), 'nobody knows its UID');
  const found = locate(context, { ...byUid, interfaceIndex: 'auto' }, 'echo 1 lo', NO_EXPERIENCE, behind('u-9'));
  assert.match(await absence(found), /Waiting for the pod u-1: behind interface 1 is another one/);
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
