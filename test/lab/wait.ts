import { setTimeout as sleep } from 'node:timers/promises';

/** How a bounded wait goes about it. */
export interface WaitOptions {
  readonly timeoutMs?: number;
  readonly intervalMs?: number;
  /** What was there instead, for the error. */
  readonly describe?: () => string;
}

/**
 * Asks `probe` until it has an answer (anything but null, undefined or false) and gives that back.
 *
 * @throws Error "Cannot …: not within N ms", with what `describe` says, when time is over.
 */
export async function waitFor<T>(
  what: string,
  probe: () => T | null | undefined | false | Promise<T | null | undefined | false>,
  { timeoutMs = 10_000, intervalMs = 10, describe }: WaitOptions = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await probe();
    if (answer !== null && answer !== undefined && answer !== false) return answer;
    if (performance.now() >= deadline) {
      const instead = describe === undefined ? '' : `; there was:\n${describe()}`;
      throw new Error(`Cannot see ${what}: not within ${timeoutMs} ms${instead}`);
    }
    await sleep(intervalMs);
  }
}
