import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory } from '../output/make-directory.ts';

/** `UI_TOKEN=none`: nobody is asked on loopback. */
const NO_TOKEN = 'none';
const FILE = '.page_token';
const MODE = 0o600;
const MOST_BYTES = 1_024;
const RANDOM_BYTES = 24;

/** The token of a live page that is not kept anywhere. */
export function randomToken(): string {
  return randomBytes(RANDOM_BYTES).toString('base64url');
}

/** What `UI_TOKEN` asks for: a token of one's own, none at all (null), or one that the agent makes (undefined). */
export function tokenOf(setting: string): string | null | undefined {
  if (setting === '') return undefined;
  return setting === NO_TOKEN ? null : setting;
}

/** Keeps the token where only the agent's user reads it, for `dlltagent token`. Rejects with the system's error. */
export async function keepToken(logDirectory: string, token: string): Promise<void> {
  await makeDirectory(logDirectory);
  const path = join(logDirectory, FILE);
  const temporary = `${path}.${process.pid}`;
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  await unlink(temporary).catch(() => undefined);
  const file = await open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, MODE);
  try {
    await file.writeFile(token);
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

/** The token that a running agent keeps. Rejects with the system's error. */
export async function readToken(logDirectory: string): Promise<string> {
  const file = await open(join(logDirectory, FILE), constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const bytes = Buffer.alloc(MOST_BYTES);
    const { bytesRead } = await file.read(bytes, 0, MOST_BYTES, 0);
    return bytes.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Removes the token that was kept. Never rejects. */
export async function forgetToken(logDirectory: string): Promise<void> {
  await unlink(join(logDirectory, FILE)).catch(() => undefined);
}
