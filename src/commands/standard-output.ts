import { once } from 'node:events';

/** Lets whoever reads standard output stop reading, as `| head` does: what is left to say is not wanted. */
export function endWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
}

/** Writes text to standard output; resolves when more can be taken. */
export async function writeOut(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}
