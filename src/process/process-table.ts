import { listProcessIds, networkNamespaceOf } from './proc-files.ts';

/** A young process may still change its network namespace, as container runtimes do before they start the program. */
const YOUNG_MS = 2000;
/** An older one is looked at this often: its id may be another process's by now. */
const RECHECK_MS = 30_000;
/** Reads of /proc between two chances to stop. */
const READS_AT_ONCE = 100;

interface Known {
  readonly sinceMs: number;
  checkedMs: number;
  /** Inode number of its network namespace; null when it cannot be read. */
  namespace: number | null;
}

/** Which processes live in which network namespace. One for the whole agent, however many pods there are. */
export class ProcessTable {
  readonly #processes = new Map<number, Known>();

  /** Processes known to live in a network namespace, the oldest first. */
  in(namespace: number): number[] {
    const pids: number[] = [];
    for (const [pid, known] of this.#processes) if (known.namespace === namespace) pids.push(pid);
    return pids;
  }

  /** Processes whose network namespace cannot be read: somebody else's, and the agent has no right to look at them. */
  get hidden(): number {
    let hidden = 0;
    for (const { namespace } of this.#processes.values()) if (namespace === null) hidden++;
    return hidden;
  }

  /** Looks which processes there are. In pieces: work stops at each `yield`. `nowMs` is any steady clock's. */
  *refresh(nowMs: number): Generator<void> {
    const pids = listProcessIds();
    const alive = new Set(pids);
    for (const pid of this.#processes.keys()) if (!alive.has(pid)) this.#processes.delete(pid);
    let reads = 0;
    for (const pid of pids) {
      if (this.#check(pid, nowMs) && ++reads % READS_AT_ONCE === 0) yield;
    }
  }

  /** True when /proc had to be read. */
  #check(pid: number, nowMs: number): boolean {
    const known = this.#processes.get(pid);
    if (known === undefined) {
      this.#processes.set(pid, { sinceMs: nowMs, checkedMs: nowMs, namespace: networkNamespaceOf(pid) });
      return true;
    }
    const isYoung = nowMs - known.sinceMs < YOUNG_MS;
    if (!isYoung && nowMs - known.checkedMs < RECHECK_MS) return false;
    known.checkedMs = nowMs;
    known.namespace = networkNamespaceOf(pid);
    return true;
  }
}
