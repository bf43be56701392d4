import type { ProcessIdentity } from '../model/process.ts';
import { showCommandLine } from './command-line.ts';
import { readBeginning } from './proc-files.ts';

/** What was read is taken for true this long: a process may call `exec` and be another program. */
const FRESH_MS = 1000;
/** Processes that are remembered. */
const MAX_REMEMBERED = 4096;

interface Remembered {
  readonly identity: ProcessIdentity;
  readonly readMs: number;
}

/** Who a process is, as /proc tells it (proc(5)); remembered for a moment. */
export class ProcessFacts {
  readonly #remembered = new Map<number, Remembered>();

  /** Null when there is no such process any more. `nowMs` is any steady clock's. */
  of(pid: number, nowMs: number): ProcessIdentity | null {
    const known = this.#remembered.get(pid);
    if (known !== undefined && nowMs - known.readMs < FRESH_MS) return known.identity;
    const read = readIdentity(pid);
    this.#remembered.delete(pid);
    if (read === null) return null;
    // the same object for the same process: whoever keeps many of them keeps one
    const identity = known !== undefined && areEqual(known.identity, read) ? known.identity : read;
    this.#remembered.set(pid, { identity, readMs: nowMs });
    if (this.#remembered.size > MAX_REMEMBERED) this.#forgetOldest();
    return identity;
  }

  #forgetOldest(): void {
    for (const pid of this.#remembered.keys()) {
      this.#remembered.delete(pid);
      return;
    }
  }
}

/** Reads who a process is; null when there is no such process any more. */
export function readIdentity(pid: number): ProcessIdentity | null {
  const stat = readBeginning(`/proc/${pid}/stat`);
  const status = readBeginning(`/proc/${pid}/status`);
  const commandLine = readBeginning(`/proc/${pid}/cmdline`);
  if (stat === null || status === null || commandLine === null) return null;
  const nameEnd = stat.lastIndexOf(')'); // the name may hold anything, parentheses too
  const ppid = Number(stat.slice(nameEnd + 2).split(' ', 2)[1]);
  const uid = Number(/^Uid:\s+(\d+)/m.exec(status)?.[1] ?? -1);
  const podPid = innerProcessId(status);
  return {
    pid,
    ...(podPid === pid ? {} : { podPid }),
    ppid,
    uid,
    name: stat.slice(stat.indexOf('(') + 1, nameEnd),
    commandLine: showCommandLine(commandLine),
  };

  function innerProcessId(text: string): number {
    // one number for each pid namespace the process is in, from the agent's own to the innermost
    const numbers = /^NSpid:\s+(.*)$/m.exec(text)?.[1]?.split(/\s+/);
    return Number(numbers?.at(-1) ?? pid);
  }
}

function areEqual(a: ProcessIdentity, b: ProcessIdentity): boolean {
  return (
    a.pid === b.pid &&
    a.podPid === b.podPid &&
    a.ppid === b.ppid &&
    a.uid === b.uid &&
    a.name === b.name &&
    a.commandLine === b.commandLine
  );
}
