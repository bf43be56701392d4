import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

/** What makes a program of text: a shell, the engine, or a module whose name is computed. */
const FORBIDDEN = [
  /from ['"](?:node:)?(?:cluster|worker_threads)['"]/,
  /\b(?:runIn\w*Context|compileFunction|Script)\((?!'gc'\))/, // `gc` is how the engine hands out its collector
  /(?<!^import \{(?: type \w+,)* execFile \} from 'node:)child_process/m,
  /\brequire\((?!'[a-z-]+'\))/,
  // a declaration for koffi; execv takes a path and the arguments one by one
  /\b(?:system|popen|execl\w*|execv\w+|posix_spawnp?)\(const char/,
  /\bshell: (?:true|')/,
  /\beval\(/,
  /\bnew Function\(/,
  /\bimport\((?!'[a-z-]+'\))/,
];

test('no shell is given a string, and no text is evaluated: programs get their arguments one by one', () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  assert.ok(files.length > 100);
  const found = files.filter((name) => {
    const text = readFileSync(join('src', name), 'utf8');
    return FORBIDDEN.some((pattern) => pattern.test(text));
  });
  assert.equal(found, []);
});

test('what it would find', () => {
  for (const line of [
    "import { exec } from 'node:child_process';",
    "import { execFile, spawn } from 'node:child_process';",
    "import * as processes from 'node:child_process';",
    "import processes from 'node:child_process';",
    "const { exec } = await import('node:child_process');",
    'require(name)',
    "libc.func('int system(const char *command)');",
    "execFile('ls', [], { shell: true });",
    "eval('1');",
    'runInNewContext(text);',
    'await import(name);',
  ]) {
    assert.ok(
      FORBIDDEN.some((pattern) => pattern.test(line)),
      line,
    );
  }
});

test.run();
