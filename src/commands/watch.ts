import { setTimeout as sleep } from 'node:timers/promises';
import { allOf, codeFilter, type EventFilter, peerFilter, podFilter } from '../diagnosis/event-filter.ts';
import { EventTail } from '../report/event-tail.ts';
import { formatEventLines } from '../report/event-text.ts';
import { styleFor, widthFor } from '../report/style.ts';
import { logDirectories } from './log-directories.ts';
import { defineCommand, ExitStatus, UsageError } from './outcome.ts';
import { endWithReader, writeOut } from './standard-output.ts';

const LOOK_EVERY_MS = 250;

/** `dlltagent watch [DIR…]`: the events as they come, until it is told to stop. */
export const watchCommand = defineCommand({
  options: { code: { type: 'string' }, peer: { type: 'string' }, pod: { type: 'string' } },
  async run({ operands, options }) {
    const wanted = allOf([
      filterOf(options.code, codeFilter, '--code takes codes or names such as 00009,TCP_RESET'),
      filterOf(options.peer, peerFilter, '--peer takes an address, address:port, [address]:port or :port'),
      filterOf(options.pod, podFilter, '--pod takes name or namespace/name'),
    ]);
    const directories = logDirectories(operands);
    const stopping = new AbortController();
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stopping.abort());
    endWithReader();
    const tail = await EventTail.open(directories);
    console.error(`Watching for events in ${directories.join(', ')}; Ctrl-C ends it.`);
    const { stdout, env } = process;
    const style = styleFor(stdout, env);
    try {
      while (!stopping.signal.aborted) {
        for await (const events of tail.read()) {
          for (const event of events.filter(wanted)) {
            await writeOut(`${formatEventLines(event, widthFor(stdout, env), style)}\n`);
          }
        }
        await sleep(LOOK_EVERY_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    } finally {
      await tail.close();
    }
    return ExitStatus.ok;
  },
});

/** The filter an option asks for; all events are wanted without it. */
function filterOf(text: string | undefined, parse: (text: string) => EventFilter | null, usage: string): EventFilter {
  if (text === undefined) return () => true;
  const filter = parse(text);
  if (filter === null) throw new UsageError(`${usage}, not ${text}`);
  return filter;
}
