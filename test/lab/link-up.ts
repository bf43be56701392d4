/** A link that is set up is so long before this. */
const UP_MS = 10_000;

/**
 * Waits until a link is up. Until then the kernel lets what is sent over a link that has just got its carrier vanish
 * without a word (net/core/link_watch.c): a SYN would have to be sent again a second later.
 *
 * @param operstate reads `/sys/class/net/<name>/operstate` where the link is
 */
export function waitUntilUp(name: string, operstate: () => string): void {
  const beganMs = performance.now();
  while (operstate() !== 'up\n') {
    if (performance.now() - beganMs > UP_MS) throw new Error(`Cannot use ${name}: it does not come up`);
  }
}
