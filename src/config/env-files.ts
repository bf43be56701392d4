import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** An env file that was found, with its text; or why it could not be read, in one line. */
export type EnvFile =
  | { readonly kind: 'text'; readonly path: string; readonly text: string }
  | { readonly kind: 'unreadable'; readonly path: string; readonly reason: string };

/** The env files of a directory, by name; or why there are none to be had, in one line. */
export type EnvDirectory =
  | { readonly kind: 'files'; readonly files: readonly EnvFile[] }
  | { readonly kind: 'unreadable'; readonly reason: string };

const BASE_NAME = 'dlltagent_searchpod';
/** Manifests that stand beside an env file, and what editors and tools leave behind. */
const NOT_SETTINGS = /(~|#|\.(ya?ml|sw[a-z]|bak|tmp|orig|rej|save|kate-swp))$/i;
/** No env file is longer; it keeps a mistaken path from filling the memory, and from holding up the capture. */
const MAX_FILE_BYTES = 65_536;

/** True for the name (without directory) of an env file: `dlltagent_searchpod` or `dlltagent_searchpod.<anything>`. */
export function isEnvFileName(name: string): boolean {
  if (name === BASE_NAME) return true;
  return name.startsWith(`${BASE_NAME}.`) && name.length > BASE_NAME.length + 1 && !NOT_SETTINGS.test(name);
}

/** Reads one env file. Never throws: what goes wrong is in the answer. */
async function readEnvFile(path: string): Promise<EnvFile> {
  const unreadable = (why: string): EnvFile => ({
    kind: 'unreadable',
    path,
    reason: `Cannot read the env file ${path}: ${why}`,
  });
  try {
    const info = await stat(path);
    if (!info.isFile()) return unreadable('it is not a file; put a file with KEY=value lines there');
    if (info.size > MAX_FILE_BYTES)
      return unreadable(`it is longer than ${MAX_FILE_BYTES} bytes; is it the right file?`);
    return { kind: 'text', path, text: await readFile(path, 'utf8') };
  } catch (error) {
    return unreadable(reasonOf(error, 'file'));
  }
}

/** Reads all env files of a directory, sorted by name. Never throws: what goes wrong is in the answer. */
export async function readEnvDirectory(directory: string): Promise<EnvDirectory> {
  try {
    const names = (await readdir(directory)).filter(isEnvFileName).sort();
    return { kind: 'files', files: await Promise.all(names.map((name) => readEnvFile(join(directory, name)))) };
  } catch (error) {
    const reason = `Cannot read the directory of env files ${directory}: ${reasonOf(error, 'directory')}`;
    return { kind: 'unreadable', reason };
  }
}

/** Whether a file says now what it said before. */
export function isSameEnvFile(file: EnvFile, before: EnvFile): boolean {
  if (file.path !== before.path) return false;
  if (file.kind === 'text') return before.kind === 'text' && file.text === before.text;
  return before.kind === 'unreadable' && file.reason === before.reason;
}

function reasonOf(error: unknown, what: 'file' | 'directory'): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOENT':
      return what === 'directory'
        ? 'it does not exist; make it, or set DLLT_CONFIG_DIR to the right one'
        : 'it does not exist any more';
    case 'ENOTDIR':
      return 'it is not a directory; set DLLT_CONFIG_DIR to the directory, not to a file';
    case 'EACCES':
    case 'EPERM':
      return 'no permission; let the user of the agent read it';
    default:
      return `${message}`;
  }
}
