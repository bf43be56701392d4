import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

/** Comments and what a formatter does not break; code is held to less by the formatter. */
const MOST_COLUMNS = 160;
const COMMENT = /^\s*(?:\/\*\*?|\*|\/\/)/;
/** Homes and mounts of single machines. */
const MACHINE_PATH = /(?:^|[\s"'`(=])\/(?:home|Users|root|work|workspace|mnt)\/[\w.-]+/;
const CODE = ['src', 'test', 'bench', 'scripts', 'k8s'];

/** Files of the project; without a repository (a copy of the tree) those of the folders of code. */
function filesOf(...folders: string[]): string[] {
  if (existsSync('.git'))
    return execFileSync('git', ['ls-files', ...folders], { encoding: 'utf8' })
      .split('\n')
      .filter(existsSync);
  return folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => `${parentPath}/${name}`),
  );
}

/** Where a line of a file is wrong, as `FILE:LINE`. */
function linesWhere(files: readonly string[], isWrong: (line: string) => boolean): string[] {
  return files.flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .flatMap((line, i) => (isWrong(line) ? [`${file}:${i + 1}`] : [])),
  );
}

test(`a comment has at most ${MOST_COLUMNS} columns`, () => {
  const files = filesOf(...CODE).filter((file) => /\.(?:ts|c|sh|css)$/.test(file));
  assert.ok(files.length > 500, `only ${files.length} files were found`);
  assert.equal(
    linesWhere(files, (line) => line.length > MOST_COLUMNS && COMMENT.test(line)),
    [],
  );
});

test('nothing names a path of a single machine', () => {
  const texts = filesOf(...CODE, 'docs').filter((file) => /\.(?:ts|mjs|c|sh|css|html|md|ya?ml|json)$/.test(file));
  assert.equal(
    linesWhere(texts, (line) => MACHINE_PATH.test(line)),
    [],
  );
  for (const root of ['home', 'Users', 'work']) assert.match(`in /${root}/somebody/x`, MACHINE_PATH);
});

test.run();
