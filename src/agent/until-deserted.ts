import { setTimeout as sleep } from 'node:timers/promises';
import { readLink } from '../process/proc-files.ts';
import type { CapturePlace } from '../session/capture-place.ts';

/** How often it is looked whether anybody lives in the namespace. */
const LOOK_MS = 500;

/**
 * Resolves when no process lives any more in the network namespace behind `path`, or when `signal` is aborted. The
 * capture itself keeps the namespace alive, and with it the interface: nobody else says that the pod is gone.
 * `findAgain` looks for another process that lives there when the one of `path` has ended.
 */
export async function untilDeserted(
  path: string,
  findAgain: () => Promise<CapturePlace>,
  signal: AbortSignal,
): Promise<void> {
  const namespace = readLink(path);
  while (namespace !== null && !signal.aborted) {
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
    if (readLink(path) === namespace) continue;
    const { namespacePath = '' } = await findAgain().catch(() => ({ namespacePath: '' }));
    if (readLink(namespacePath) !== namespace) return;
    path = namespacePath;
  }
}
