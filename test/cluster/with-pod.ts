import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse as parseDotenv } from 'dotenv';
import * as assert from 'uvu/assert';
import { Lab, type Pod } from '../lab/lab.ts';
import { Cluster, type Outcome } from './cluster.ts';

/** A cluster with a pod `web` of the given programs. */
export async function withPod(
  programs: readonly string[],
  body: (cluster: Cluster, pod: Pod, lab: Lab) => Promise<void>,
) {
  await Lab.use(async (lab) => {
    const cluster = await Cluster.start(lab);
    lab.pod(); // or the two ends of the next one would have the same index
    const pod = lab.pod();
    cluster.addPod('web', pod.namespace, { programs, ip: pod.ipv4 });
    await body(cluster, pod, lab);
  });
}

/** What an env file says that monitorPod.sh wrote. */
export function settingsIn(cluster: Cluster, file = 'dlltagent_searchpod'): Record<string, string> {
  return parseDotenv(readFileSync(join(cluster.directory, file)));
}

/** A call that did what it was asked for. */
export function succeeded({ status, stderr }: Outcome): void {
  assert.is(status, 0, stderr);
}

/** A refusal is one line, and leaves nothing behind. */
export function refused({ status, stderr }: Outcome, message: RegExp, wantStatus = 1): void {
  assert.match(stderr, message);
  assert.is(stderr.trim().split('\n').length, 1, stderr);
  assert.is(status, wantStatus);
}
