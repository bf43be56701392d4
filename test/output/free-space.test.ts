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

mounted('small files that take all inodes stop pcaps, then flow files, long before the bytes are gone', async () => {
  const directory = makeTmpfs(65_536, 96);
  const { space: watched, told } = makeSpace(directory, 1);
  const seen: string[] = [];
  for (let files = 0; files < 90; files++) {
    await writeFile(join(directory, `dump_${files}`), '');
    await watched.look();
    seen.push(`${watched.allowsPcaps ? 'P' : '-'}${watched.allowsFlows ? 'F' : '-'}`);
  }
  // one inode is that of the volume's own directory
  assert.equal([seen.indexOf('-F'), seen.indexOf('--')], [96 - 1 - 16, 96 - 1 - 8]);
  for (let files = 0; files < 13; files++) await rm(join(directory, `dump_${files}`));
  await watched.look();
  assert.ok(watched.allowsPcaps && watched.allowsFlows);
  assert.equal(told.slice(0, 2), [
    'Cannot write pcaps any longer remove files from it, or lower MAX_PCAPS',
    'Cannot write flow files any longer remove files from it, or lower MAX_PCAPS',
  ]);
  const { space: never } = makeSpace(directory, 0);
  await writeFile(join(directory, 'one'), '');
  await never.look();
  assert.ok(never.allowsPcaps);
});

space.run();
