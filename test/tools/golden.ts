import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as assert from 'uvu/assert';

/** Where golden files are, by the name a test gives them: in the sources, not in the build. */
const GOLDEN_DIRECTORY = join(process.cwd(), 'test', 'golden');

/**
 * Compares text with the golden file of that name, `test/golden/<name>`. `npm run golden` writes the files anew, for
 * tests whose path contains `golden`; what changed then shows in the diff.
 */
export function assertGolden(name: string, actual: string): void {
  const path = join(GOLDEN_DIRECTORY, name);
  if (process.env['UPDATE_GOLDEN'] === '1') {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, actual);
    return;
  }
  assert.ok(existsSync(path), `there is no ${path}: make it with npm run golden`);
  assert.fixture(actual, readFileSync(path, 'utf8'), `${name} differs; npm run golden if that is what you want`);
}
