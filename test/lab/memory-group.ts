import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Lab } from './lab.ts';
import type { Program } from './program.ts';

const V1 = '/sys/fs/cgroup/memory';
const V2 = '/sys/fs/cgroup';
const V2_UNIFIED = '/sys/fs/cgroup/unified';

/** What a control group has used, in bytes. */
export interface GroupUsage {
  /** All that is charged: memory of processes, of the kernel, and files in the page cache. */
  readonly chargedBytes: number;
  /** Without the page cache, which the kernel takes back when it needs it. */
  readonly unreclaimableBytes: number;
  /** Processes that were killed for want of memory. */
  readonly kills: number;
}

/** A memory control group with a limit, as a container has one: below that of this process, version 1 or 2. */
export class MemoryGroup {
  readonly path: string;
  readonly #isV1: boolean;

  /** Goes with the lab. Throws where no such group can be made. */
  constructor(lab: Lab, limitBytes: number) {
    this.#isV1 = existsSync(`${V1}/memory.limit_in_bytes`);
    const parent = this.#isV1 ? V1 : existsSync(`${V2}/cgroup.controllers`) ? V2 : V2_UNIFIED;
    this.path = `${parent}/dllt-${process.pid}-${Math.random().toString(36).slice(2, 8)}`;
    mkdirSync(this.path);
    lab.defer(() => {
      try {
        rmdirSync(this.path);
      } catch {
        // its processes are still on their way out
      }
    });
    if (!this.#isV1) writeFileSync(`${dirname(this.path)}/cgroup.subtree_control`, '+memory');
    writeFileSync(`${this.path}/${this.#isV1 ? 'memory.limit_in_bytes' : 'memory.max'}`, String(limitBytes));
  }

  /**
   * A command that starts another one once it is in the group: see `admit`. In a network namespace of its own it has a
   * /sys of its own: groups are mounted there anew, so that it finds its limit.
   */
  get prefix(): readonly string[] {
    const name = this.path.split('/').at(-1);
    const mount = this.#isV1 ? 'mount -t cgroup -o memory cgroup' : 'mount -t cgroup2 cgroup2';
    const wait = `until grep -q ${name} /proc/self/cgroup; do sleep 0.02; done`;
    return ['sh', '-c', `${wait}; ${mount} /sys/fs/cgroup; exec "$@"`, 'sh'];
  }

  /** Puts a process into the group: it cannot do so itself, as it does not see it before. */
  admit({ pid }: Program): void {
    writeFileSync(`${this.path}/cgroup.procs`, String(pid));
  }

  usage(): GroupUsage {
    const read = (name: string) => readFileSync(`${this.path}/${name}`, 'utf8');
    const valueIn = (text: string, key: string) => Number(text.match(new RegExp(`^${key} (\\d+)$`, 'm'))?.[1] ?? 0);
    const stat = read('memory.stat');
    if (!this.#isV1) {
      const chargedBytes = Number(read('memory.current'));
      const kills = valueIn(read('memory.events'), 'oom_kill');
      return { chargedBytes, unreclaimableBytes: chargedBytes - valueIn(stat, 'file'), kills };
    }
    const chargedBytes = Number(read('memory.usage_in_bytes'));
    const kills = valueIn(read('memory.oom_control'), 'oom_kill');
    return { chargedBytes, unreclaimableBytes: chargedBytes - valueIn(stat, 'total_cache'), kills };
  }
}
