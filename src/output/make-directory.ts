import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Mode of the directories: the owner writes, the group reads. */
const DIRECTORY_MODE = 0o750;

/**
 * Makes a directory and those above it; one that exists will do. Rejects with the system's own error, where
 * `mkdir` with `recursive` says ENOENT of a read-only file system.
 */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await makeOne(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeDirectory(dirname(path));
    await makeOne(path);
  }
}

/** One that exists, or that somebody else makes at the same time, will do. */
async function makeOne(path: string): Promise<void> {
  try {
    await mkdir(path, DIRECTORY_MODE);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
