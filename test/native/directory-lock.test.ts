import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { lockDirectory } from '../../src/native/directory-lock.ts';

interface Context {
  directory: string;
}

const test = suite<Context>('native/directory-lock');

test.before.each((context) => {
  context.directory = mkdtempSync(join(tmpdir(), 'dllt-lock-'));
});
test.after.each(({ directory }) => rmSync(directory, { recursive: true }));

/** Another process that holds the lock until it is killed. */
async function holder(directory: string) {
  const child = spawn('flock', ['--close', directory, 'sh', '-c', 'echo held; exec sleep 600'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  await once(child.stdout, 'data');
  return async () => {
    process.kill(-(child.pid ?? 0), 'SIGKILL');
    await once(child, 'exit');
  };
}

test('held by another process, until that is killed', async ({ directory }) => {
  const kill = await holder(directory);
  assert.is(lockDirectory(directory), null);
  await kill();
  const unlock = lockDirectory(directory);
  assert.is.not(unlock, null);
  unlock?.();
});

test('held until the last holder of this process gave it back, whatever its path', async ({ directory }) => {
  const link = `${directory}.link`;
  symlinkSync(directory, link);
  const [first, second] = [lockDirectory(directory), lockDirectory(link)];
  rmSync(link);
  first?.();
  first?.();
  const probe = () => spawn('flock', ['-n', directory, 'true'], { stdio: 'ignore' });
  assert.equal((await once(probe(), 'exit'))[0], 1);
  second?.();
  assert.equal((await once(probe(), 'exit'))[0], 0);
});

test('a directory that is not there', ({ directory }) => {
  assert.throws(() => lockDirectory(join(directory, 'none')), /ENOENT/);
});

test.run();
