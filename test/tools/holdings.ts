import { readdirSync, readlinkSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { waitFor } from '../lab/wait.ts';

/** What this process holds of the system, sorted. */
export interface Holdings {
  /** Where its descriptors lead, numbers of sockets and pipes left out. */
  readonly descriptors: readonly string[];
  /** Network namespaces that its threads are in. */
  readonly namespaces: readonly string[];
  /** What keeps the event loop alive, as timers do; requests are left out, which stay in the list until they are collected. */
  readonly resources: readonly string[];
  readonly threads: number;
}

/** What is held at this moment. */
export function holdings(): Holdings {
  const tasks = readdirSync('/proc/self/task');
  const namespaces = tasks.map((task) => linkOf(`/proc/self/task/${task}/ns/net`));
  return {
    descriptors: descriptors(),
    namespaces: [...new Set(namespaces)].sort(),
    resources: process
      .getActiveResourcesInfo()
      .filter((kind) => !kind.includes('Req'))
      .sort(),
    threads: tasks.length,
  };
}

/** Waits until no more is held than before: some handles are only closed when the event loop has turned. */
export async function sameHoldings(before: Holdings, what: string): Promise<void> {
  const waitOptions = { timeoutMs: 5_000, describe: () => JSON.stringify(holdings(), null, 2) };
  await waitFor(`${what}: what was held before, ${JSON.stringify(before)}`, () => isSame(before), waitOptions);
}

function isSame(before: Holdings): boolean {
  try {
    assert.equal(holdings(), before);
    return true;
  } catch {
    return false;
  }
}

function descriptors(): string[] {
  return readdirSync('/proc/self/fd')
    .map((fd) => linkOf(`/proc/self/fd/${fd}`))
    .filter((target) => target !== '') // that of the listing itself
    .map((target) => target.replace(/^(socket|pipe):\[\d+\]$/, '$1'))
    .sort();
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
