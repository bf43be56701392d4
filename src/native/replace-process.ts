import koffi from 'koffi';
import { lastError, type SystemError } from './errno.ts';

const F_SETFD = 2; // bits/fcntl-linux.h
const STANDARD_DESCRIPTORS = [0, 1, 2];

/**
 * Runs another program in place of this one, in the same process and with the same environment and descriptors 0 to 2
 * (execv(3)). Comes back only when that failed, with the reason.
 *
 * @param file path of the program
 * @param args its arguments, without its name
 */
export function replaceProcess(file: string, args: readonly string[]): SystemError {
  const libc = koffi.load(null);
  const execv = libc.func('int execv(const char *path, const char **arguments)');
  const fcntl = libc.func('int fcntl(int fd, int command, ...)');
  // libuv marks even these to be closed by exec, and takes that back for the children that it starts itself
  for (const fd of STANDARD_DESCRIPTORS) fcntl(fd, F_SETFD, 'int', 0);
  execv(file, [file, ...args, null]);
  return lastError(`run ${file}`);
}
