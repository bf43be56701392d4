import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { claimDirectory, DirectoryInUseError } from '../../src/session/claim-directory.ts';

test('a directory that another agent has is refused; one that is free is taken', async () => {
  const path = mkdtempSync(join(tmpdir(), 'dllt-claim-'));
  const other = spawn('flock', ['--close', path, 'sh', '-c', 'echo held; exec sleep 600'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  try {
    await once(other.stdout, 'data');
    try {
      claimDirectory(path);
      assert.unreachable('the other has it');
    } catch (error) {
      assert.instance(error, DirectoryInUseError);
      assert.match((error as Error).message, path);
    }
    process.kill(-(other.pid ?? 0), 'SIGKILL');
    await once(other, 'exit');
    const { warning, release } = claimDirectory(path);
    assert.is(warning, null);
    release();
  } finally {
    other.kill('SIGKILL');
    rmdirSync(path);
  }
});

test('where nothing can be locked it is taken with a warning', () => {
  const { warning, release } = claimDirectory('/proc/self/no-such-directory');
  assert.match(warning ?? '', 'no other agent may write into this directory');
  release();
});

test.run();
