import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Lab } from '../lab/lab.ts';

/** The node's /proc and /var/log/pods as a test wants them: processes are real, what is told of them may be made up. */
export class NodeFiles {
  readonly #directory: string;

  constructor(lab: Lab) {
    this.#directory = mkdtempSync(join(lab.directory, 'node-'));
    for (const directory of [this.#proc, this.#logs]) mkdirSync(directory);
  }

  get #proc(): string {
    return join(this.#directory, 'proc');
  }

  get #logs(): string {
    return join(this.#directory, 'logs');
  }

  /** Makes monitorPod.sh look here. */
  get environment(): Readonly<Record<string, string>> {
    return { DLLT_HOST_PROC: this.#proc, DLLT_HOST_POD_LOGS: this.#logs };
  }

  /** Shows a process with files of its own; files that are not given are those of the real one. */
  addProcess(pid: number, files: Readonly<Record<string, string>>): void {
    const directory = join(this.#proc, String(pid));
    mkdirSync(directory);
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(join(directory, file, '..'), { recursive: true });
      writeFileSync(join(directory, file), text);
    }
    for (const file of ['ns', 'net', 'root', 'cgroup', 'mountinfo']) {
      if (!existsSync(join(directory, file))) symlinkSync(`/proc/${pid}/${file}`, join(directory, file));
    }
  }

  /** Lets the root directory of a process that has files of its own hold the real /sys. */
  addSys(pid: number): void {
    symlinkSync(`/proc/${pid}/root/sys`, join(this.#proc, String(pid), 'root/sys'));
  }

  /** The directory of a pod's logs, as the kubelet names it. */
  addLogs(namespace: string, name: string, uid: string): void {
    mkdirSync(join(this.#logs, `${namespace}_${name}_${uid}`));
  }

  /** The node's /var/log/pods is not to be seen. */
  removeLogs(): void {
    rmSync(this.#logs, { recursive: true });
  }
}

/** Where a control group can be made: a hierarchy of version 2, or one of version 1. */
const HIERARCHIES = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup/pids', '/sys/fs/cgroup'];

/** Makes a real control group as the kubelet's cgroupfs driver does for a pod, and puts processes into it. */
export class PodCgroup {
  readonly #directory: string;

  constructor(lab: Lab, uid: string) {
    const hierarchy = HIERARCHIES.find((path) => existsSync(join(path, 'cgroup.procs')));
    if (hierarchy === undefined) throw new Error(`Cannot make a control group: none of ${HIERARCHIES} is mounted`);
    this.#directory = join(hierarchy, `pod${uid}`);
    mkdirSync(this.#directory);
    lab.defer(() => rmdirSync(this.#directory));
  }

  add(pid: number): void {
    writeFileSync(join(this.#directory, 'cgroup.procs'), String(pid));
  }

  /** Puts its processes into the group above: a group that has any cannot be removed. */
  empty(): void {
    const above = join(this.#directory, '..', 'cgroup.procs');
    for (const pid of readFileSync(join(this.#directory, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean)) {
      writeFileSync(above, pid);
    }
  }
}
