import { readdirSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('dist');

const project = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
const files = readdirSync(`${project}/dist`, { recursive: true, encoding: 'utf8' }).filter((file) =>
  statSync(`${project}/dist/${file}`).isFile(),
);

test('what is built does not tell where it was built', () => {
  assert.ok(files.includes('main.js') && files.includes('connections.bpf.o') && files.includes('sbom.cdx.json'));
  for (const file of files) {
    assert.not.ok(readFileSync(`${project}/dist/${file}`).includes(project), `dist/${file} names ${project}`);
  }
});

test.run();
