import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { processTree } from '../test/lab/packet-sockets.ts';
import { Program } from '../test/lab/program.ts';

const CLOCK_TICKS_PER_SECOND = 100; // USER_HZ, the unit of /proc/<pid>/stat on all Linux platforms Node runs on

/** CPU time of a running process and its children since they began, user and system, in seconds. */
export function cpuSeconds(pid: number): number {
  let nanoseconds = 0;
  for (const member of processTree(pid)) {
    // Per thread, in nanoseconds (linux/Documentation/scheduler/sched-stats.rst); `stat` counts in steps of 10 ms.
    for (const task of readdirSync(`/proc/${member}/task`)) {
      nanoseconds += Number(readFileSync(`/proc/${member}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
    }
  }
  return nanoseconds / 1e9;
}

/** Peak resident memory of a running process and its children, in bytes: the sum of their peaks. */
export function peakRssBytes(pid: number): number {
  return statusBytes(pid, /^VmHWM:\s+(\d+) kB$/m);
}

/** Resident memory of a running process and its children at this moment, in bytes. */
export function residentBytes(pid: number): number {
  return statusBytes(pid, /^VmRSS:\s+(\d+) kB$/m);
}

function statusBytes(pid: number, field: RegExp): number {
  return processTree(pid)
    .map((member) => Number(readFileSync(`/proc/${member}/status`, 'utf8').match(field)?.[1] ?? 0) * 1024)
    .reduce((sum, bytes) => sum + bytes, 0);
}

/** Waits until a process rests: it uses less than 2 % of a core for 300 ms, not before `atLeastMs` and at most 20 s. */
export async function untilIdle(pid: number, atLeastMs: number): Promise<void> {
  const windowMs = 300;
  await sleep(Math.max(0, atLeastMs - windowMs));
  const deadline = performance.now() + 20_000;
  let before = cpuSeconds(pid);
  while (performance.now() < deadline) {
    await sleep(windowMs);
    const now = cpuSeconds(pid);
    if (now - before < (0.02 * windowMs) / 1_000) return;
    before = now;
  }
}

/** What a command used from its start to its end. */
export interface Usage {
  readonly wallSeconds: number;
  /** User and system time of it and its children. */
  readonly cpuSeconds: number;
  readonly peakRssBytes: number;
  readonly stdout: string;
}

/** CPU time of this process's ended children, in seconds (cutime and cstime, fields 16 and 17 of proc_pid_stat(5)). */
function endedChildrenSeconds(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[13]) + Number(fields[14])) / CLOCK_TICKS_PER_SECOND;
}

/** Runs a command to its end and measures it. Nothing else may be started meanwhile. @throws Error when it fails. */
export async function measureCommand(argv: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Usage> {
  const before = endedChildrenSeconds();
  const begin = performance.now();
  const program = new Program(argv, { env: { ...process.env, ...env } });
  let peak = 0;
  const sampler = setInterval(() => {
    try {
      peak = Math.max(peak, peakRssBytes(program.pid));
    } catch {
      // It has ended; the last sample stands.
    }
  }, 20);
  try {
    const stdout = await program.output();
    const wallSeconds = (performance.now() - begin) / 1_000;
    return { wallSeconds, cpuSeconds: endedChildrenSeconds() - before, peakRssBytes: peak, stdout };
  } finally {
    clearInterval(sampler);
    if (program.running) program.child.kill('SIGKILL');
  }
}

/** The middle of some numbers. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const high = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] ?? Number.NaN) + high) / 2;
}

/** The value below which a share of the numbers lies; `share` from 0 to 1. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
