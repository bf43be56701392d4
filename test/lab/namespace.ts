import type { SpawnOptions } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { waitUntilUp } from './link-up.ts';
import { Program, run } from './program.ts';

const PREFIX = 'dllt-';
const NETNS_DIRECTORY = '/run/netns';

let made = 0;

/** A network namespace of this process, `ip netns` style; everything in it goes with it. */
export class Namespace {
  readonly name: string;

  /** @param role what it stands for, e.g. `pod`; part of its name */
  constructor(role: string) {
    this.name = `${PREFIX}${process.pid}-${made++}-${role}`;
    run(['ip', 'netns', 'add', this.name]);
    // New addresses are to serve at once: no duplicate address detection.
    this.set('net/ipv6/conf/default/accept_dad', 0);
    this.set('net/ipv6/conf/default/router_solicitations', 0);
    this.run('ip', 'link', 'set', 'lo', 'up');
  }

  /** Runs a command in it to its end; gives its standard output. */
  run(...argv: string[]): string {
    return run(['ip', 'netns', 'exec', this.name, ...argv]);
  }

  /** Starts a program in it. `Lab.start` does, and ends it with the lab. */
  spawn(argv: readonly string[], options?: SpawnOptions): Program {
    return new Program(['ip', 'netns', 'exec', this.name, ...argv], options, this.inode);
  }

  /** Sets a kernel parameter, e.g. `net/ipv4/ip_forward`. */
  set(parameter: string, value: string | number): void {
    this.run('sh', '-c', `echo "${value}" > /proc/sys/${parameter}`);
  }

  /** What tells it from others, also when its name is gone. */
  get inode(): number {
    return statSync(`${NETNS_DIRECTORY}/${this.name}`).ino;
  }

  /** Waits until one of its links is up; the other end has to be, too. */
  waitUntilUp(link: string): void {
    waitUntilUp(link, () => this.run('cat', `/sys/class/net/${link}/operstate`));
  }

  /** Interface index of one of its links. */
  indexOf(link: string): number {
    return Number(this.run('cat', `/sys/class/net/${link}/ifindex`));
  }

  /** Ends everything that runs in it and removes it. Synchronous, so that it can be done while the process ends. */
  remove(): void {
    removeNamespace(this.name);
  }
}

function removeNamespace(name: string): void {
  if (!existsSync(`${NETNS_DIRECTORY}/${name}`)) return;
  const { ino } = statSync(`${NETNS_DIRECTORY}/${name}`);
  for (const pid of run(['ip', 'netns', 'pids', name]).split('\n').filter(Boolean)) {
    try {
      if (livesIn(pid, ino)) process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
  run(['ip', 'netns', 'del', name]);
}

/**
 * Whether a process is in a namespace with all of its threads. An agent on the node comes with one of them, for the time
 * of a call, and `ip netns pids` then takes it for one that lives there.
 */
function livesIn(pid: string, inode: number): boolean {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.every((thread) => statSync(`/proc/${pid}/task/${thread}/ns/net`).ino === inode);
}

/** Removes namespaces of runs that were killed before they could clean up: their process is no more. */
export function removeAbandonedNamespaces(): void {
  if (!existsSync(NETNS_DIRECTORY)) return;
  for (const name of readdirSync(NETNS_DIRECTORY)) {
    const owner = name.match(/^dllt-(\d+)-\d+-/)?.[1];
    if (owner !== undefined && !existsSync(`/proc/${owner}`)) removeNamespace(name);
  }
}
