import { access, constants, lstat, readlink, stat, symlink } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { sessionDirectoryName } from '../model/session-directory-name.ts';
import { makeDirectory } from './make-directory.ts';

/** A session's directory that is ready to be written to. */
export interface SessionDirectory {
  readonly path: string;
  /** One line per thing that is not as it should be, but stops nothing. */
  readonly warnings: readonly string[];
}

/**
 * Makes `<logDirectory>/dllt<interfaceIndex>` and the link of that name beside `logDirectory`, which is where people
 * look for it. Rejects with one line that says what to do when the directory cannot be made or written to.
 */
export async function prepareSessionDirectory(logDirectory: string, interfaceIndex: number): Promise<SessionDirectory> {
  const name = sessionDirectoryName(interfaceIndex);
  const path = join(resolve(logDirectory), name);
  try {
    await makeDirectory(path);
    if (!(await stat(path)).isDirectory()) throw Object.assign(new Error(), { code: 'EEXIST' });
    await access(path, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new Error(`Cannot make the session directory ${path}: ${directoryAdvice(error as NodeJS.ErrnoException)}`, {
      cause: error,
    });
  }
  const warning = await linkTo(path, join(dirname(resolve(logDirectory)), name));
  return { path, warnings: warning === null ? [] : [warning] };
}

/** Makes `link` lead to `path`; answers with a warning when it does not. What stands in its place is left alone. */
async function linkTo(path: string, link: string): Promise<string | null> {
  if (link === path) return null;
  try {
    // relative, so that it also leads there where the volume is mounted under another name
    await symlink(relative(dirname(link), path), link);
    return null;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST') return `Cannot make the link ${link}: ${message}; look for the files in ${path}`;
  }
  try {
    const found = await lstat(link);
    const target = found.isSymbolicLink() ? resolve(dirname(link), await readlink(link)) : null;
    if (target === path) return null;
    const what = target === null ? 'something else is there' : `it leads to ${target}`;
    return `Cannot make the link ${link}: ${what}, which is left alone; look for the files in ${path}`;
  } catch (error) {
    return `Cannot make the link ${link}: ${(error as Error).message}; look for the files in ${path}`;
  }
}

function directoryAdvice({ code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'EEXIST':
    case 'ENOTDIR':
      return 'a file stands in its place; remove the file, or set LOG_DIR to another directory';
    case 'EACCES':
    case 'EPERM':
      return 'no permission; let the user of the agent write there, or set LOG_DIR to another directory';
    case 'EROFS':
      return 'the file system is read-only; mount a writable volume there, or set LOG_DIR to another directory';
    case 'ENOSPC':
      return 'the disk is full; make room, or set LOG_DIR to another directory';
    default:
      return `${message}; set LOG_DIR to another directory`;
  }
}
