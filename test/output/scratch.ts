import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Mounting needs root; tests that mount are skipped without. */
export const canMount = process.geteuid?.() === 0;

const made = new Set<string>();
const mounted = new Set<string>();

/** A new, empty directory; `removeScratch` takes it away, also when the process is told to end. */
export function makeScratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'dllt-output-'));
  made.add(directory);
  return directory;
}

/** A new directory that is a file system of its own, in memory; `inodes` 0: as many as it likes. */
export function makeTmpfs(sizeKib: number, inodes = 0): string {
  const directory = makeScratch();
  const options = `size=${sizeKib}k,nr_inodes=${inodes}`;
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'dllt-test', directory]);
  mounted.add(directory);
  return directory;
}

/** Removes everything that was made. */
export function removeScratch(): void {
  for (const directory of mounted) execFileSync('umount', ['-l', directory]);
  mounted.clear();
  for (const directory of made) rmSync(directory, { recursive: true, force: true });
  made.clear();
}

/** The files of a directory and their text, by name. */
export async function readAll(directory: string): Promise<Record<string, string>> {
  const names = (await readdir(directory)).sort();
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(directory, name), 'utf8')])),
  );
}

process.on('exit', removeScratch);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
