import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PodInterfaceLookup } from '../../src/agent/pod-interface-lookup.ts';

interface Context {
  directory: string;
}

const test = suite<Context>('finding a pod');
const IDENTITY = { podUid: 'u-1', podName: 'web-0', podNamespace: 'shop', podInterface: 'net1' };
const never = new AbortController().signal;

test.before.each((context) => {
  context.directory = mkdtempSync(join(tmpdir(), 'dllt-finder-'));
});
test.after.each(({ directory }) => rmSync(directory, { recursive: true }));

/** A finder whose script does what `commands` say. */
function finderFor({ directory }: Context, commands: string): PodInterfaceLookup {
  const script = join(directory, 'find.sh');
  writeFileSync(script, `#!/bin/sh\n${commands}\n`, { mode: 0o755 });
  return new PodInterfaceLookup(script);
}

test('what the script is asked, and its answer', async (context) => {
  const asked = join(context.directory, 'asked');
  const finder = finderFor(context, `printf '%s\\n' "$@" > ${asked}; echo 17 veth1a2b`);
  assert.equal(await finder.find(IDENTITY, never), { interfaceIndex: 17 });
  const words = () => readFileSync(asked, 'utf8').trim().split('\n').join(' ');
  assert.is(words(), '--local --uid u-1 --name web-0 --namespace shop --interface net1');
  await finder.find({ podUid: '', podName: 'web-0', podNamespace: '', podInterface: '' }, never);
  assert.is(words(), '--local --name web-0 --namespace default');
  await finder.find({ podUid: 'u; touch x', podName: '', podNamespace: 'shop', podInterface: '' }, never);
  assert.is(words(), '--local --uid u; touch x');
});

for (const { name, commands, reason } of [
  {
    name: 'no such pod',
    commands: 'echo Cannot find the pod: gone >&2; exit 1',
    reason: /^Cannot find the pod: gone$/,
  },
  { name: 'nothing said', commands: 'exit 1', reason: /^Cannot run .*find\.sh: 1$/ },
  { name: 'no index', commands: 'echo hello', reason: /^Cannot understand what .*find\.sh says: "hello\\n"$/ },
  { name: 'two lines', commands: 'echo 5 veth1; echo 6 veth2', reason: /^Cannot understand/ },
  { name: 'much', commands: 'yes | head -c 200000', reason: /^Cannot run .*MAXBUFFER/ },
]) {
  test(name, async (context) => {
    const found = await finderFor(context, commands).find(IDENTITY, never);
    assert.match('reason' in found ? found.reason : '', reason);
  });
}

test('no script', async ({ directory }) => {
  const found = await new PodInterfaceLookup(join(directory, 'nowhere.sh')).find(IDENTITY, never);
  assert.match('reason' in found ? found.reason : '', /^Cannot run .*nowhere\.sh: ENOENT$/);
});

test('a search that is ended', async (context) => {
  const ending = new AbortController();
  const search = finderFor(context, 'exec sleep 60').find(IDENTITY, ending.signal);
  ending.abort();
  assert.ok('reason' in (await search));
});

test.run();
