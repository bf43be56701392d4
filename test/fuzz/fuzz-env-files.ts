import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filterProblem } from '../../src/capture/filter.ts';
import { readEnvDirectory } from '../../src/config/env-files.ts';
import { parseEnvFile } from '../../src/config/parse-env-file.ts';
import { formatProblem } from '../../src/config/problem.ts';
import { SETTING_NAMES, SETTINGS } from '../../src/config/settings.ts';
import { Random } from '../tools/random.ts';
import { mutate } from './mutate-bytes.ts';

const KEYS = SETTING_NAMES.map((name) => SETTINGS[name].key);
const VALUES = ['', 'Y', 'N', '0', '5', '65535', '70000', '-1', 'auto', 'all', 'tcp', 'tcp port 80', '"X-Pepe: 42"'];
const LINES = ['# a comment', 'export A=b', "MULTI='a\nb'", '=', 'INTERFACE_INDEX_SNIF', '\ufeff', '$HOME', 'a=$(b)'];

/** What came of the env files. */
export interface EnvFuzzReport {
  readonly files: number;
  readonly usable: number;
  readonly problems: number;
}

/**
 * Reads `count` spoilt env files, each out of a directory as a ConfigMap mounts it (`..data` leads to the one that
 * counts). @throws Error that names the file by its number when one of them does harm.
 */
export async function fuzzEnvFiles(seed: number, count: number): Promise<EnvFuzzReport> {
  const directory = mkdtempSync(join(tmpdir(), 'dllt-fuzz-'));
  const data = join(directory, '..2026_01_01');
  mkdirSync(data);
  symlinkSync('..2026_01_01', join(directory, '..data'));
  const report = { files: 0, usable: 0, problems: 0 };
  try {
    for (let number = 0; number < count; number++) {
      const random = new Random(seed * 1_000_003 + number);
      const name = `dlltagent_searchpod${random.pick(['', '.web', '.a b', '.yaml', '~'])}`;
      const sound = Buffer.from(envText(random));
      writeFileSync(join(data, name), mutate(random, sound, [sound]));
      symlinkSync(join('..data', name), join(directory, name));
      try {
        const { usable, problems } = await readOne(directory);
        report.usable += usable;
        report.problems += problems;
      } catch (error) {
        throw new Error(`Cannot go on: env file ${number} of seed ${seed}`, { cause: error });
      }
      rmSync(join(directory, name));
      rmSync(join(data, name));
      report.files++;
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return report;
}

function envText(random: Random): string {
  const lines = Array.from({ length: random.between(1, 12) }, () =>
    random.chance(0.85) ? `${random.pick(KEYS)}=${random.pick(VALUES)}` : random.pick(LINES),
  );
  return lines.join(random.pick(['\n', '\n', '\r\n']));
}

async function readOne(directory: string): Promise<{ usable: number; problems: number }> {
  const found = await readEnvDirectory(directory);
  if (found.kind === 'unreadable') throw new Error(found.reason);
  const counts = { usable: 0, problems: 0 };
  for (const file of found.files) {
    if (file.kind === 'unreadable') throw new Error(file.reason);
    const { settings, problems } = parseEnvFile(file.text, file.path, {}, filterProblem);
    const isUsable = problems.every(({ severity }) => severity === 'warning');
    if (isUsable !== (settings !== null)) throw new Error('settings and problems contradict each other');
    for (const problem of problems) {
      const line = formatProblem(problem);
      if (/\p{Cc}/u.test(line)) throw new Error(`not one plain line: ${JSON.stringify(line)}`);
    }
    if (isUsable) counts.usable++;
    counts.problems += problems.length;
  }
  return counts;
}
