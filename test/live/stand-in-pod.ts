import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PodCgroup } from '../cluster/node-files.ts';
import type { Lab, Pod } from '../lab/lab.ts';

export const POD_NAMESPACE = 'shop';

let made = 0;

/** A UID that no other run has at the same time: control groups are the machine's. */
function newUid(): string {
  const digits = (process.pid * 1_000 + made++).toString(16).padStart(12, '0');
  return `5f0c2f5e-0000-4000-8000-${digits}`;
}

/** A pod with what monitorPod.sh finds it by on the node: a process in its control group, and the directory of its logs. */
export interface StandInPod extends Pod {
  readonly uid: string;
}

/** The directory where the kubelet keeps pods' logs, and what makes monitorPod.sh look there. */
export function podLogs(lab: Lab): { readonly directory: string; readonly env: Readonly<Record<string, string>> } {
  const directory = join(lab.directory, 'pod-logs');
  mkdirSync(directory, { recursive: true });
  return { directory, env: { DLLT_HOST_POD_LOGS: directory } };
}

/** Kills a process and does not return before it is dead. */
function killAtOnce(pid: number): void {
  const isAlive = () => existsSync(`/proc/${pid}`) && !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  if (isAlive()) process.kill(pid, 'SIGKILL');
  while (isAlive());
}

/** Makes a pod of that name; `beforehand` is what its process does before it rests. */
export async function standInPod(lab: Lab, name: string, beforehand = 'true'): Promise<StandInPod> {
  const pod = lab.pod();
  const uid = newUid();
  const cgroup = new PodCgroup(lab, uid);
  const dweller = lab.start(pod.namespace, ['sh', '-c', `${beforehand} && echo ready && exec sleep 600`]);
  await dweller.waitForOutput(/ready/);
  cgroup.add(dweller.pid);
  lab.defer(() => killAtOnce(dweller.pid)); // a control group cannot be removed while somebody lives in it
  mkdirSync(join(podLogs(lab).directory, `${POD_NAMESPACE}_${name}_${uid}`));
  return { ...pod, uid };
}
