import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FreeSpace } from '../../src/output/free-space.ts';
import { canMount, makeScratch, makeTmpfs, removeScratch } from './scratch.ts';

const KIB = 1024;
const space = suite('free space');
space.after.each(removeScratch);

function makeSpace(directory: string, minFreeKib: number) {
  const told: string[] = [];
  const made = new FreeSpace({
    directory,
    minFreeBytes: minFreeKib * KIB,
    onChange: (message) => told.push(message.replace(/:.*?;|:.*/, '')),
  });
  return { space: made, told };
}

space('a directory that is gone, and a floor of nothing, stop nothing', async () => {
  const { space: gone, told } = makeSpace(join(makeScratch(), 'none'), 1e12);
  await gone.look();
  assert.ok(gone.allowsPcaps && gone.allowsFlows);
  const { space: none } = makeSpace(makeScratch(), 0);
  await none.look();
  assert.ok(none.allowsPcaps && none.allowsFlows);
  assert.equal(told, []);
});

const mounted = canMount ? space : space.skip;

mounted('pcaps stop first, then flow files; what stopped goes on with some room to spare', async () => {
  const directory = makeTmpfs(1024);
  const { space: watched, told } = makeSpace(directory, 400);
  const ballast = join(directory, 'ballast');
  const seen: string[] = [];
  for (const freeKib of [1000, 404, 396, 404, 204, 196, 204, 240, 436, 444]) {
    await rm(ballast, { force: true });
    await writeFile(ballast, Buffer.alloc((1024 - freeKib) * KIB));
    await watched.look();
    seen.push(`${freeKib} ${watched.allowsPcaps ? 'P' : '-'}${watched.allowsFlows ? 'F' : '-'}`);
  }
  assert.equal(seen, [
    '1000 PF',
    '404 PF',
    '396 -F',
    '404 -F',
    '204 -F',
    '196 --',
    '204 --',
    '240 -F',
    '436 -F',
    '444 PF',
  ]);
  assert.equal(told, [
    'Cannot write pcaps any longer make room, or lower MIN_FREE_MB',
    'Cannot write flow files any longer make room, or lower MIN_FREE_MB',
    'flow files are written again',
    'pcaps are written again',
  ]);
  watched.setMinFreeBytes(600 * KIB);
  await watched.watch();
  watched.close();
  assert.not.ok(watched.allowsPcaps);
});

space.run();
