import { type ExecFileException, execFile } from 'node:child_process';
import type { Settings } from '../config/settings.ts';

/** A search that takes longer is given up. */
const LONGEST_SEARCH_MS = 10_000;
const MOST_OUTPUT_BYTES = 65_536;

/** What a pod is known by. */
export type PodIdentity = Pick<Settings, 'podUid' | 'podName' | 'podNamespace' | 'podInterface'>;

/** Index of a pod's interface on the node; or why it was not found, in one line. */
export type Finding = { readonly interfaceIndex: number } | { readonly reason: string };

/** Finds pods on this node by what they are known by: `monitorPod.sh --local` does. */
export class PodInterfaceLookup {
  readonly #script: string;

  /** `script` is the path of monitorPod.sh. */
  constructor(script: string) {
    this.#script = script;
  }

  /**
   * Looks for a pod of that UID, then for the newest one of that name: a pod of a StatefulSet comes back under its name
   * with another UID. Never rejects; `signal` ends the search.
   */
  find({ podUid, podName, podNamespace, podInterface }: PodIdentity, signal: AbortSignal): Promise<Finding> {
    const options = [
      ...(podUid === '' ? [] : ['--uid', podUid]),
      ...(podName === '' ? [] : ['--name', podName, '--namespace', podNamespace || 'default']),
      ...(podInterface === '' ? [] : ['--interface', podInterface]),
    ];
    const limits = { timeout: LONGEST_SEARCH_MS, maxBuffer: MOST_OUTPUT_BYTES, signal };
    return new Promise((resolve) => {
      execFile(this.#script, ['--local', ...options], limits, (error, stdout, stderr) => {
        const index = /^(\d+) \S+\n$/.exec(stdout)?.[1];
        if (error !== null || index === undefined) resolve({ reason: reasonOf(error, this.#script, stdout, stderr) });
        else resolve({ interfaceIndex: Number(index) });
      });
    });
  }
}

function reasonOf(error: ExecFileException | null, script: string, stdout: string, stderr: string): string {
  const said = stderr.trim().split('\n').at(-1) ?? '';
  if (error === null) return `Cannot understand what ${script} says: ${JSON.stringify(stdout.slice(0, 80))}`;
  if (error.killed) return `Cannot find the pod: ${script} took longer than ${LONGEST_SEARCH_MS / 1000} s`;
  if (typeof error.code !== 'number' || said === '') return `Cannot run ${script}: ${error.code ?? error.message}`;
  return said;
}
