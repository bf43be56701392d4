import { execFileSync } from 'node:child_process';
import { lstat, mkdir, readFile, readlink, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { prepareSessionDirectory } from '../../src/output/session-directory.ts';
import { canMount, makeScratch, makeTmpfs, removeScratch } from './scratch.ts';

const directories = suite('session directory');
directories.after.each(removeScratch);

async function failure(action: Promise<unknown>): Promise<string> {
  return action.then(
    () => 'nothing failed',
    (error: Error) => error.message,
  );
}

directories('is made with the link beside the log directory, once and again', async () => {
  const root = makeScratch();
  for (const _time of ['first', 'again']) {
    const { path, warnings } = await prepareSessionDirectory(join(root, 'logs'), 5);
    assert.is(path, join(root, 'logs/dllt5'));
    assert.equal(warnings, []);
    assert.is((await stat(path)).mode & 0o777, 0o750);
    assert.is(await readlink(join(root, 'dllt5')), 'logs/dllt5');
  }
  await writeFile(join(root, 'dllt5', 'x'), 'seen');
  await rename(join(root, 'logs'), join(root, 'moved'));
  await rename(join(root, 'moved'), join(root, 'logs'));
  assert.is(await readFile(join(root, 'logs/dllt5/x'), 'utf8'), 'seen');
});

directories('a link that leads there by its full path will do', async () => {
  const root = makeScratch();
  await symlink(join(root, 'logs/dllt5'), join(root, 'dllt5'));
  assert.equal((await prepareSessionDirectory(join(root, 'logs'), 5)).warnings, []);
});

directories('what stands in the place of the link is left alone, with a warning', async () => {
  const root = makeScratch();
  await writeFile(join(root, 'dllt5'), 'mine');
  await mkdir(join(root, 'dllt6'));
  await symlink('/nowhere', join(root, 'dllt7'));
  const why: Record<number, string> = {
    5: 'something else is there',
    6: 'something else is there',
    7: 'it leads to /nowhere',
  };
  for (const index of [5, 6, 7]) {
    const { path, warnings } = await prepareSessionDirectory(join(root, 'logs'), index);
    assert.equal(warnings, [
      `Cannot make the link ${root}/dllt${index}: ${why[index]}, which is left alone; look for the files in ${path}`,
    ]);
  }
  assert.is(await readFile(join(root, 'dllt5'), 'utf8'), 'mine');
  assert.ok((await lstat(join(root, 'dllt6'))).isDirectory());
  assert.is(await readlink(join(root, 'dllt7')), '/nowhere');
});

directories('a file in its place, or in that of the log directory, is named', async () => {
  const root = makeScratch();
  const advice = 'a file stands in its place; remove the file, or set LOG_DIR to another directory';
  await writeFile(join(root, 'file'), '');
  await mkdir(join(root, 'logs'));
  await writeFile(join(root, 'logs/dllt5'), '');
  for (const logs of [join(root, 'file'), join(root, 'logs')]) {
    const message = await failure(prepareSessionDirectory(logs, 5));
    assert.is(message, `Cannot make the session directory ${logs}/dllt5: ${advice}`);
  }
});

const mounted = canMount ? directories : directories.skip;

mounted('a read-only file system is named', async () => {
  const root = makeTmpfs(64);
  await mkdir(join(root, 'logs/dllt6'), { recursive: true });
  execFileSync('mount', ['-o', 'remount,ro', root]);
  const advice = 'the file system is read-only; mount a writable volume there, or set LOG_DIR to another directory';
  for (const index of [5, 6]) {
    const message = await failure(prepareSessionDirectory(join(root, 'logs'), index));
    assert.is(message, `Cannot make the session directory ${root}/logs/dllt${index}: ${advice}`);
  }
});

directories.run();
