import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync, statSync } from 'node:fs';

/*
 * Single reads of /proc (proc(5)). A process may end at any moment, and may be somebody else's: what cannot be read is
 * null, never an exception.
 */

/** Process ids of the agent's pid namespace, rising; empty when /proc cannot be read. */
export function listProcessIds(): number[] {
  const ids: number[] = [];
  for (const name of listDirectory('/proc')) {
    const first = name.charCodeAt(0);
    if (first >= 0x30 && first <= 0x39) ids.push(Number(name));
  }
  return ids.sort((a, b) => a - b);
}

/** Inode number of a process's network namespace; null when the process is gone or not ours to look at. */
export function networkNamespaceOf(pid: number | 'self'): number | null {
  const target = readLink(`/proc/${pid}/ns/net`); // net:[4026531840]
  return target === null ? null : inodeIn(target);
}

/** Inode number of what a path leads to, e.g. of the namespace it names; null when there is none. */
export function inodeOf(path: string): number | null {
  try {
    return statSync(path).ino;
  } catch {
    return null;
  }
}

/** The inode number in the target of a /proc link, e.g. `socket:[4711]`; null when there is none. */
function inodeIn(target: string): number | null {
  const open = target.indexOf('[');
  return open < 0 ? null : Number.parseInt(target.slice(open + 1), 10);
}

/** Names in a directory, in the order the kernel gives them; empty when it cannot be read. */
export function listDirectory(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** Where a link leads; null when it cannot be read. */
export function readLink(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}

/** Where the beginnings of files are read: kept, so that none is allocated. */
const beginning = Buffer.alloc(4096);

/** The first bytes of a small file, 4 KiB at most, as UTF-8; null when it cannot be read. */
export function readBeginning(path: string): string | null {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return null;
  }
  try {
    return beginning.toString('utf8', 0, readSync(fd, beginning));
  } catch {
    return null; // the process ended meanwhile
  } finally {
    closeSync(fd);
  }
}

/** Text of a file; null when it cannot be read. */
export function readText(path: string): string | null {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return null;
  }
}

/** Whether /proc is mounted so that it does not show the processes of others (proc(5), hidepid). */
export function hidesProcesses(): boolean {
  return (readText('/proc/self/mounts') ?? '')
    .split('\n')
    .some((line) => /^\S+ \/proc proc \S*\bhidepid=(?!0|off)/.test(line));
}
