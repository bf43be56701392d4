import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const ROOT = process.cwd();

/** Lines that are fine where they stand, and lines that the linter has to refuse. */
const CASES: readonly { readonly file: string; readonly line: string; readonly refused: boolean }[] = [
  { file: 'src/bytes/a.ts', line: "export { x } from '../model/x.ts';", refused: true },
  { file: 'src/layers/a.ts', line: "export { x } from '../model/x.ts';", refused: false },
  { file: 'src/layers/b.ts', line: "export { x } from '../capture/x.ts';", refused: true },
  { file: 'src/layers/c.ts', line: "export { readFileSync } from 'node:fs';", refused: true },
  { file: 'src/track/tls/a.ts', line: "export { x } from '../../layers/x.ts';", refused: false },
  { file: 'src/track/tls/b.ts', line: "export { x } from '../../output/x.ts';", refused: true },
  { file: 'src/track/tls/c.ts', line: "export { X509Certificate } from 'node:crypto';", refused: false },
  { file: 'src/track/d.ts', line: 'export const now: number = Date.now();', refused: true },
  { file: 'src/detect/a.ts', line: 'setTimeout(() => undefined, 1);', refused: true },
  { file: 'src/detect/b.ts', line: "export { x } from '../main.ts';", refused: true },
  { file: 'src/capture/a.ts', line: "export { x } from '../native/x.ts';", refused: false },
  { file: 'src/capture/b.ts', line: "export { x } from '../track/x.ts';", refused: true },
  { file: 'src/mask/a.ts', line: "export { x } from '../layers/x.ts';", refused: false },
  { file: 'src/mask/b.ts', line: "export { x } from '../track/x.ts';", refused: true },
  { file: 'src/output/b.ts', line: "export { x } from '../mask/x.ts';", refused: true },
  { file: 'src/output/a.ts', line: "export { load } from 'koffi';", refused: true },
  { file: 'src/native/a.ts', line: "export { load } from 'koffi';", refused: false },
  { file: 'src/report/a.ts', line: "export { x } from '../output/x.ts';", refused: false },
  { file: 'src/report/b.ts', line: "export { x } from '../session/x.ts';", refused: true },
  { file: 'src/output/b.ts', line: "export { x } from '../report/x.ts';", refused: true },
  { file: 'src/session/a.ts', line: "export { x } from '../capture/x.ts';", refused: false },
  { file: 'src/session/b.ts', line: "export { x } from '../agent/x.ts';", refused: true },
  { file: 'src/config/a.ts', line: "export { watch } from 'chokidar';", refused: false },
  { file: 'src/agent/a.ts', line: "export { watch } from 'chokidar';", refused: true },
  { file: 'src/agent/b.ts', line: "export { x } from '../session/x.ts';", refused: false },
  { file: 'src/serve/a.ts', line: "export { x } from '../model/x.ts';", refused: false },
  { file: 'src/serve/b.ts', line: "export { x } from '../agent/x.ts';", refused: true },
  { file: 'src/track/e.ts', line: "export { x } from '../serve/x.ts';", refused: true },
];

test('the linter keeps the folders apart', () => {
  const dir = mkdtempSync(join(tmpdir(), 'dllt-lint-'));
  try {
    cpSync(join(ROOT, 'biome.json'), join(dir, 'biome.json'));
    cpSync(join(ROOT, 'scripts/lint'), join(dir, 'scripts/lint'), { recursive: true });
    for (const { file, line } of CASES) {
      mkdirSync(dirname(join(dir, file)), { recursive: true });
      writeFileSync(join(dir, file), `${line}\n`);
    }
    const options = ['--vcs-enabled=false', '--max-diagnostics=none', '--reporter=json', '--colors=off'];
    const run = spawnSync(join(ROOT, 'node_modules/.bin/biome'), ['lint', ...options, '.'], {
      cwd: dir,
      encoding: 'utf8',
    });
    const report = JSON.parse(run.stdout) as { diagnostics: { location: { path: string }; category: string }[] };
    const refusedFiles = new Set(
      report.diagnostics
        .filter(({ category }) => /noRestricted|plugin/.test(category))
        .map(({ location }) => location.path),
    );
    for (const { file, line, refused } of CASES) {
      assert.is(refusedFiles.has(file), refused, `${file}: ${line} must be ${refused ? 'refused' : 'accepted'}`);
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test.run();
