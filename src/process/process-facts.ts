import type { ProcessIdentity } from '../model/process.ts';
import type { SocketOwner } from '../model/seen-connection.ts';
import { showCommandLine } from './command-line.ts';
import { inodeOf, readBeginning } from './proc-files.ts';

/**
 * What was read is taken for true this long, as long as it is the same program of the same process. Who changes its user
 * id or its command line by itself is read again after that.
 */
const FRESH_MS = 1000;
/** Processes that are remembered. */
const MAX_REMEMBERED = 4096;

/** Inode number of the machine's first pid namespace: PROC_PID_INIT_INO of linux/proc_ns.h. */
const FIRST_PID_NAMESPACE = 0xefff_fffc;

/** Fields of /proc/<pid>/stat behind the name, from 0 (proc(5): the field's number less three). */
const Field = { parent: 1, startTime: 19, startOfStack: 25, argumentsStart: 45, argumentsEnd: 46 } as const;

interface Remembered {
  readonly identity: ProcessIdentity;
  /** Tells the program from others that had or have this process id. */
  readonly program: string;
  readonly readMs: number;
}

interface RememberedOwner {
  readonly owner: SocketOwner;
  readonly identity: ProcessIdentity;
}

/** Who a process is, as /proc tells it (proc(5)); remembered for a moment. */
export class ProcessFacts {
  readonly #remembered = new Map<number, Remembered>();
  readonly #owners = new Map<number, RememberedOwner>();
  readonly #pidNamespace = inodeOf('/proc/self/ns/pid');

  /** Null when there is no such process any more. `nowMs` is any steady clock's. */
  of(pid: number, nowMs: number): ProcessIdentity | null {
    const known = this.#remembered.get(pid);
    const program = programOf(pid);
    if (known !== undefined && program === known.program && nowMs - known.readMs < FRESH_MS) return known.identity;
    const read = program === null ? null : readIdentity(pid);
    this.#remembered.delete(pid);
    if (read === null || program === null) return null;
    // the same object for the same process: whoever keeps many of them keeps one
    const identity = known !== undefined && areEqual(known.identity, read) ? known.identity : read;
    this.#remembered.set(pid, { identity, program, readMs: nowMs });
    if (this.#remembered.size > MAX_REMEMBERED) forgetOldest(this.#remembered);
    return identity;
  }

  /** The same of a process that the kernel told of, which may have ended: then without its command line. */
  ofOwner(owner: SocketOwner): ProcessIdentity {
    const known = this.#owners.get(owner.tgid);
    if (known !== undefined && isSameProgram(known.owner, owner)) return known.identity;
    const { tgid, innerPid } = owner;
    const identity: ProcessIdentity = {
      pid: tgid,
      ...(innerPid === tgid ? {} : { podPid: innerPid }),
      ppid: owner.parent,
      uid: owner.uid,
      name: owner.name,
      commandLine: this.#commandLineOf(owner),
    };
    this.#owners.delete(tgid);
    this.#owners.set(tgid, { owner, identity });
    if (this.#owners.size > MAX_REMEMBERED) forgetOldest(this.#owners);
    return identity;
  }

  /** The kernel's ids are those of the machine; /proc has those of the agent's pid namespace. */
  #commandLineOf(owner: SocketOwner): string {
    const isOwnNamespace = owner.pidNamespace === this.#pidNamespace;
    if (!isOwnNamespace && this.#pidNamespace !== FIRST_PID_NAMESPACE) return '';
    const pid = isOwnNamespace ? owner.innerPid : owner.tgid;
    const name = readBeginning(`/proc/${pid}/comm`)?.trimEnd();
    return name === owner.name ? showCommandLine(readBeginning(`/proc/${pid}/cmdline`) ?? '') : '';
  }
}

function isSameProgram(a: SocketOwner, b: SocketOwner): boolean {
  return a.startedNs === b.startedNs && a.name === b.name && a.parent === b.parent && a.uid === b.uid;
}

/** Takes out what was put in first. */
function forgetOldest(map: Map<number, unknown>): void {
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}

/**
 * Tells the program of a process from those it was before: exec(3) changes the name, and gives it another stack and
 * other arguments, at addresses that are random. The start time tells it from an earlier process of that id. One read
 * of a file, which costs a third of `readIdentity`. Null when there is no such process any more.
 */
function programOf(pid: number): string | null {
  const stat = readBeginning(`/proc/${pid}/stat`);
  if (stat === null) return null;
  const nameEnd = stat.lastIndexOf(')');
  const fields = stat.slice(nameEnd + 2).split(' ');
  const { startTime, startOfStack, argumentsStart, argumentsEnd } = Field;
  const marks = [startTime, startOfStack, argumentsStart, argumentsEnd].map((field) => fields[field]);
  return `${stat.slice(0, nameEnd)} ${marks.join(' ')}`;
}

/** Reads who a process is; null when there is no such process any more. */
export function readIdentity(pid: number): ProcessIdentity | null {
  const stat = readBeginning(`/proc/${pid}/stat`);
  const status = readBeginning(`/proc/${pid}/status`);
  const commandLine = readBeginning(`/proc/${pid}/cmdline`);
  if (stat === null || status === null || commandLine === null) return null;
  const nameEnd = stat.lastIndexOf(')'); // the name may hold anything, parentheses too
  const ppid = Number(stat.slice(nameEnd + 2).split(' ', Field.parent + 1)[Field.parent]);
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
