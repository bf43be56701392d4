import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import koffi from 'koffi';
import { lastError, SystemError } from './errno.ts';

const LOCK_EX = 2;
const LOCK_NB = 4;

const flock = koffi.load(null).func('int flock(int fd, int operation)') as (fd: number, operation: number) => number;

interface Held {
  readonly fd: number;
  holders: number;
}

/** What this process holds, by device and inode. */
const held = new Map<string, Held>();

/** Gives a lock back; may be called again. */
export type Unlock = () => void;

/**
 * Takes a directory for this process alone (flock(2)), however its path is written; the kernel gives the lock back when
 * the process ends, however that happens. Taken twice by one process, it is held until both gave it back. Null when
 * another process holds it. Throws `SystemError` where the file system knows no locks, and the error of the file system
 * when the directory cannot be opened.
 */
export function lockDirectory(path: string): Unlock | null {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  const { dev, ino } = fstatSync(fd);
  const key = `${dev}:${ino}`;
  const known = held.get(key);
  if (known !== undefined) {
    closeSync(fd);
    known.holders++;
    return unlockOnce(key, known);
  }
  if (flock(fd, LOCK_EX | LOCK_NB) !== 0) {
    const error = lastError(`lock ${path}`);
    closeSync(fd);
    if (error instanceof SystemError && error.code === 'EAGAIN') return null;
    throw error;
  }
  const lock = { fd, holders: 1 };
  held.set(key, lock);
  return unlockOnce(key, lock);
}

function unlockOnce(key: string, lock: Held): Unlock {
  let isHeld = true;
  return () => {
    if (!isHeld) return;
    isHeld = false;
    lock.holders--;
    if (lock.holders > 0) return;
    held.delete(key);
    closeSync(lock.fd);
  };
}
