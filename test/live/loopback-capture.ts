import { readFileSync } from 'node:fs';
import type { Namespace } from '../lab/namespace.ts';
import { waitFor } from '../lab/wait.ts';
import { readPcap } from '../protocols/tls/tls-driver.ts';

/** Port of the connection that ends a capture; nobody listens there. */
export const END_PORT = 9;

/**
 * Runs `body` while tcpdump writes what `filter` lets through on a namespace's loopback to a file. It goes on until a
 * connection made for nothing else is in the file, and with it all that came before.
 */
export async function captureLoopback(
  namespace: Namespace,
  file: string,
  filter: string,
  options: readonly string[],
  body: () => Promise<unknown>,
): Promise<void> {
  const always = ['-i', 'lo', '-U', '-Z', 'root', '--immediate-mode', '-w', file];
  const tcpdump = namespace.spawn(['tcpdump', ...always, ...options, `${filter} or port ${END_PORT}`]);
  await tcpdump.waitForOutput(/listening on/);
  await body();
  namespace.run('sh', '-c', `curl -s http://127.0.0.1:${END_PORT} || true`);
  const hasEnd = () => readPcap(readFileSync(file)).some(({ source }) => source.endsWith(`:${END_PORT}`));
  await waitFor('the end of a capture', hasEnd);
  await tcpdump.stop('SIGINT');
}
