import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isEnvFileName, readEnvDirectory } from '../../src/config/env-files.ts';

const names = suite('names');

const COUNT = [
  'dlltagent_searchpod',
  'dlltagent_searchpod.web',
  'dlltagent_searchpod.web-7c9f4.shop',
  'dlltagent_searchpod.2',
];
const DO_NOT_COUNT = [
  'dlltagent_searchpod.yaml',
  'dlltagent_searchpod.web.yaml',
  'dlltagent_searchpod.web.YML',
  'dlltagent_searchpod~',
  'dlltagent_searchpod.web~',
  'dlltagent_searchpod.swp',
  'dlltagent_searchpod.web.swo',
  'dlltagent_searchpod.swx',
  '.dlltagent_searchpod.swp',
  'dlltagent_searchpod.bak',
  'dlltagent_searchpod.tmp',
  'dlltagent_searchpod.orig',
  '#dlltagent_searchpod#',
  'dlltagent_searchpod.#web#',
  'dlltagent_searchpod.',
  'dlltagent_searchpod2',
  'dlltagent_searchpods.web',
  'Dlltagent_searchpod',
  '..data',
  '4913',
];

for (const name of COUNT) names(`${name} counts`, () => assert.ok(isEnvFileName(name)));
for (const name of DO_NOT_COUNT) names(`${name} does not count`, () => assert.not.ok(isEnvFileName(name)));

names.run();

const reading = suite<{ directory: string }>('reading a directory');

reading.before.each(async (context) => {
  context.directory = await mkdtemp(join(tmpdir(), 'dllt-config-'));
});
reading.after.each(async ({ directory }) => {
  await rm(directory, { recursive: true });
});

reading('gives the text of each env file, by name, also behind links', async ({ directory }) => {
  await mkdir(join(directory, '..data'));
  await writeFile(join(directory, '..data', 'dlltagent_searchpod.b'), 'FOLLOW_PORT=2\n');
  await symlink('..data/dlltagent_searchpod.b', join(directory, 'dlltagent_searchpod.b'));
  await writeFile(join(directory, 'dlltagent_searchpod'), 'FOLLOW_PORT=1\n');
  await writeFile(join(directory, 'dlltagent_searchpod.yaml'), 'kind: Pod\n');
  assert.equal(await readEnvDirectory(directory), {
    kind: 'files',
    files: [
      { kind: 'text', path: join(directory, 'dlltagent_searchpod'), text: 'FOLLOW_PORT=1\n' },
      { kind: 'text', path: join(directory, 'dlltagent_searchpod.b'), text: 'FOLLOW_PORT=2\n' },
    ],
  });
});

reading('says what is wrong with one file and still gives the others', async ({ directory }) => {
  const path = (suffix: string) => join(directory, `dlltagent_searchpod.${suffix}`);
  await mkdir(path('dir'));
  await symlink('nowhere', path('link'));
  await writeFile(path('long'), Buffer.alloc(65_537, 0x23));
  await writeFile(path('zoo'), '');
  const why = (suffix: string, reason: string) => ({
    kind: 'unreadable',
    path: path(suffix),
    reason: `Cannot read the env file ${path(suffix)}: ${reason}`,
  });
  assert.equal(await readEnvDirectory(directory), {
    kind: 'files',
    files: [
      why('dir', 'it is not a file; put a file with KEY=value lines there'),
      why('link', 'it does not exist any more'),
      why('long', 'it is longer than 65536 bytes; is it the right file?'),
      { kind: 'text', path: path('zoo'), text: '' },
    ],
  });
});

reading('says what to do when there is no such directory', async ({ directory }) => {
  assert.equal(await readEnvDirectory(join(directory, 'none')), {
    kind: 'unreadable',
    reason: `Cannot read the directory of env files ${directory}/none: it does not exist; make it, or set DLLT_CONFIG_DIR to the right one`,
  });
});

reading('says what to do when a file stands in its place', async ({ directory }) => {
  await writeFile(join(directory, 'file'), '');
  assert.equal(await readEnvDirectory(join(directory, 'file')), {
    kind: 'unreadable',
    reason: `Cannot read the directory of env files ${directory}/file: it is not a directory; set DLLT_CONFIG_DIR to the directory, not to a file`,
  });
});

reading('an empty directory has no files', async ({ directory }) => {
  assert.equal(await readEnvDirectory(directory), { kind: 'files', files: [] });
});

reading.run();
