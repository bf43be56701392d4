import { mkdirSync, mkdtempSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EnvDirectory } from '../../src/config/env-files.ts';
import { envDirectoryChanges } from '../../src/config/watch-env-files.ts';
import { ConfigMapMount } from '../lab/config-map-mount.ts';

const NAME = 'dlltagent_searchpod';
/** A change counts within a second; what remains is for a machine that is busy with other tests. */
const PATIENCE_MS = 10_000;

interface Context {
  root: string;
  directory: string;
  stopping: AbortController;
  changes: AsyncGenerator<EnvDirectory>;
}

const test = suite<Context>('watching env files');

test.before.each((context) => {
  context.root = mkdtempSync(join(tmpdir(), 'dllt-watch-'));
  context.directory = join(context.root, 'config');
  mkdirSync(context.directory);
  context.stopping = new AbortController();
  context.changes = envDirectoryChanges(context.directory, context.stopping.signal);
});
test.after.each(async ({ root, stopping, changes }) => {
  stopping.abort();
  await changes.return(undefined);
  rmSync(root, { recursive: true });
});

/** What is there after the next change: names and texts, or `unreadable`. */
async function next({ changes }: Context): Promise<Record<string, string> | 'unreadable'> {
  const timer = AbortSignal.timeout(PATIENCE_MS);
  const late = new Promise<never>((_, reject) => {
    timer.addEventListener('abort', () => reject(new Error(`Cannot see a change: not within ${PATIENCE_MS} ms`)));
  });
  const { value } = await Promise.race([changes.next(), late]);
  const found = value as EnvDirectory;
  if (found.kind === 'unreadable') return 'unreadable';
  return Object.fromEntries(found.files.map((file) => [basename(file.path), file.kind === 'text' ? file.text : '?']));
}

test('a file that comes, is written in place, replaced, and goes', async (context) => {
  const path = join(context.directory, NAME);
  assert.equal(await next(context), {});
  writeFileSync(path, 'A=1');
  assert.equal(await next(context), { [NAME]: 'A=1' });
  writeFileSync(path, 'A=2');
  assert.equal(await next(context), { [NAME]: 'A=2' });
  writeFileSync(`${path}.swp`, 'A=3');
  renameSync(`${path}.swp`, path);
  assert.equal(await next(context), { [NAME]: 'A=3' });
  writeFileSync(`${path}.web`, 'B=1');
  assert.equal(await next(context), { [NAME]: 'A=3', [`${NAME}.web`]: 'B=1' });
  unlinkSync(path);
  assert.equal(await next(context), { [`${NAME}.web`]: 'B=1' });
});

test('a ConfigMap mount, whose files are links through `..data`', async (context) => {
  const mount = new ConfigMapMount(context.directory);
  for (const text of ['A=1', 'A=2', 'A=3']) {
    mount.publish({ [NAME]: text });
    assert.equal(await next(context), { [NAME]: text });
  }
});

test('a file that is taken away and written anew was never gone', async (context) => {
  const path = join(context.directory, NAME);
  writeFileSync(path, 'A=1');
  assert.equal(await next(context), { [NAME]: 'A=1' });
  const change = next(context);
  unlinkSync(path);
  await sleep(150); // long enough to be missed, too short to be gone
  writeFileSync(path, 'A=2');
  assert.equal(await change, { [NAME]: 'A=2' });
});

test('what is no env file, and a file that says the same, are no change', async (context) => {
  const path = join(context.directory, NAME);
  writeFileSync(path, 'A=1');
  assert.equal(await next(context), { [NAME]: 'A=1' });
  const change = next(context);
  writeFileSync(`${path}.yaml`, 'kind: ConfigMap');
  writeFileSync(path, 'A=1');
  await sleep(700);
  writeFileSync(path, 'A=2');
  assert.equal(await change, { [NAME]: 'A=2' });
});

test('the directory goes, and comes back as another one', async (context) => {
  const { directory } = context;
  writeFileSync(join(directory, NAME), 'A=1');
  assert.equal(await next(context), { [NAME]: 'A=1' });
  rmSync(directory, { recursive: true });
  assert.is(await next(context), 'unreadable');
  mkdirSync(directory);
  assert.equal(await next(context), {});
  writeFileSync(join(directory, NAME), 'A=2');
  assert.equal(await next(context), { [NAME]: 'A=2' });
  const other = join(context.root, 'other');
  mkdirSync(other);
  writeFileSync(join(other, NAME), 'A=3');
  renameSync(directory, join(context.root, 'old'));
  renameSync(other, directory);
  assert.equal(await next(context), { [NAME]: 'A=3' });
});

test('a directory that is not there from the start', async (context) => {
  rmSync(context.directory, { recursive: true });
  assert.is(await next(context), 'unreadable');
  mkdirSync(context.directory);
  assert.equal(await next(context), {});
});

test('it ends when it is told to, also in the middle of a wait', async ({ changes, stopping }) => {
  await changes.next();
  const end = changes.next();
  stopping.abort();
  assert.is((await end).done, true);
});

test.run();
