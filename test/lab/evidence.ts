import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import type { Pod } from './lab.ts';
import { capturesOn } from './packet-sockets.ts';
import type { Program } from './program.ts';
import { readEvents, readLog } from './session-files.ts';

/** Lines of a log, and of what the agent said, that are worth looking at. */
const LAST_LINES = 12;
const MOST_HOLDERS = 10;
/** Tables of sockets of a network namespace (proc_pid_net(5)); the inode number is one of the columns. */
const SOCKET_TABLES = ['netlink', 'packet', 'tcp', 'tcp6', 'udp', 'udp6', 'unix'];

/** A pod whose namespace was removed. */
export interface Removed {
  readonly pod: Pod;
  /** Inode number that its namespace had. */
  readonly namespaceInode: number;
  /** Directory of its session. */
  readonly directory: string;
}

/**
 * Why an agent may not have seen pods go, in a few lines for people: whether it runs and what its threads wait for,
 * whether the pods' interfaces are still there, who keeps their namespaces alive, and what was written last.
 */
export function evidence(agent: Program, removed: readonly Removed[]): string {
  const said = agent.stderr.trimEnd().split('\n').slice(-LAST_LINES);
  return [...agentLines(agent), ...removed.flatMap((one) => podLines(agent, one)), ...said].join('\n');
}

function agentLines(agent: Program): string[] {
  if (!agent.running) return [`the agent ended: ${agent.child.signalCode ?? `status ${agent.child.exitCode}`}`];
  const tasks = entries(`/proc/${agent.pid}/task`).map((task) => `/proc/${agent.pid}/task/${task}`);
  // a thread that waits for work is in S; the disk is waited for in D, and T is a stopped process
  const threads = tasks.flatMap((path, i) => {
    const state = /^State:\s+(\S)/m.exec(text(`${path}/status`))?.[1] ?? '?';
    return i === 0 || state !== 'S' ? [`${state} ${text(`${path}/wchan`)}`] : [];
  });
  return [`the agent runs, its main thread and those that are busy: ${threads.join(', ')}`];
}

function podLines(agent: Program, { pod, namespaceInode, directory }: Removed): string[] {
  const { hostInterface, hostIndex } = pod;
  const isThere = new RegExp(`^\\s*${hostInterface}:`, 'm').test(text(`/proc/${agent.pid}/net/dev`));
  const captures = capturesOn(agent.pid, hostIndex) ? 'is captured' : 'is not captured';
  const holders = holdersOf(namespaceInode);
  const lines = [
    ...readLog(directory).map((line) => JSON.stringify(line)),
    `events ${readEvents(directory).map(({ code }) => code)}`,
  ];
  return [
    `${hostInterface} (${hostIndex}) ${isThere ? 'is still there' : 'is gone'}, and ${captures}`,
    `its namespace is held by: ${holders.slice(0, MOST_HOLDERS).join(', ') || 'no process'}`,
    `sockets of the agent that are in another namespace: ${foreignSockets(agent.pid)}`,
    ...lines.slice(-LAST_LINES),
  ];
}

/** Processes that live in a network namespace, or have it open. */
function holdersOf(namespaceInode: number): string[] {
  const { dev } = statSync('/proc/self/ns/net');
  // a link to a namespace that lost its name does not say so any more
  const isIt = (path: string) => {
    const found = attempt(() => statSync(path), null);
    return found?.ino === namespaceInode && found.dev === dev;
  };
  return entries('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      const name = `${pid} ${text(`/proc/${pid}/comm`).trim()}`;
      if (isIt(`/proc/${pid}/ns/net`)) return [`${name} (lives there)`];
      return entries(`/proc/${pid}/fd`).some((fd) => isIt(`/proc/${pid}/fd/${fd}`)) ? [`${name} (has it open)`] : [];
    });
}

/** How many sockets a process has that are not in the tables of the namespace it lives in. */
function foreignSockets(pid: number): number {
  const here = new Set(SOCKET_TABLES.flatMap((table) => text(`/proc/${pid}/net/${table}`).split(/\s+/)));
  const fds = entries(`/proc/${pid}/fd`).filter((fd) => Number(fd) > 2); // its output is somebody else's socket
  const links = fds.map((fd) => attempt(() => readlinkSync(`/proc/${pid}/fd/${fd}`), ''));
  const sockets = links.map((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1]);
  return sockets.filter((inode) => inode !== undefined && !here.has(inode)).length;
}

/** What may vanish while it is looked at is empty then. */
function attempt<T>(look: () => T, otherwise: T): T {
  try {
    return look();
  } catch {
    return otherwise;
  }
}

const text = (path: string) => attempt(() => readFileSync(path, 'utf8'), '');
const entries = (path: string) => attempt(() => readdirSync(path), []);
