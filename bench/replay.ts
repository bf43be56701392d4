import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AGENT } from '../test/lab/agent.ts';
import { makeCapture } from '../test/tools/make-capture.ts';
import { measureCommand, median, type Usage } from './measure.ts';
import { type Bench, type BenchResult, type BenchSettings, mebibytes } from './report.ts';

const CONNECTIONS = 15_000;

/** Gives `body` a temporary directory and removes it afterwards. */
export async function withDirectory<T>(body: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'dllt-bench-'));
  const remove = () => rmSync(directory, { recursive: true, force: true });
  const stop = () => process.exit(130); // runs the exit handler
  process.once('exit', remove).once('SIGINT', stop);
  try {
    return await body(directory);
  } finally {
    process.off('exit', remove).off('SIGINT', stop);
    remove();
  }
}

/** Replays a file with the agent, its files going into a directory that is removed again, and measures it. */
export async function measureReplay<T = undefined>(
  file: string,
  directory: string,
  inspect?: (out: string) => T,
  settings = '',
): Promise<Usage & { readonly found: T | undefined }> {
  const out = join(directory, 'out');
  const env = join(directory, 'settings.env');
  writeFileSync(env, settings);
  try {
    const usage = await measureCommand([process.execPath, AGENT, 'replay', file, '--out', out, '--env', env]);
    return { ...usage, found: inspect?.(out) };
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

async function run({ rounds, scale }: BenchSettings): Promise<BenchResult> {
  return withDirectory(async (directory) => {
    const file = join(directory, 'replay.pcap');
    const { packets, fileBytes } = makeCapture(file, { connections: Math.max(100, Math.round(CONNECTIONS * scale)) });
    const usages: Record<'agent' | 'tshark', Usage[]> = { agent: [], tshark: [] };
    for (let round = 0; round < rounds; round++) {
      usages.agent.push(await measureReplay(file, directory));
      usages.tshark.push(await measureCommand(['tshark', '-r', file, '-q', '-z', 'conv,tcp']));
    }
    const rows = Object.entries(usages).map(([name, list]) => {
      const wall = median(list.map(({ wallSeconds }) => wallSeconds));
      const cpu = median(list.map((usage) => usage.cpuSeconds));
      const rss = median(list.map((usage) => usage.peakRssBytes));
      return [name, packets, wall, Math.round(packets / wall), (cpu / packets) * 1e6, mebibytes(rss)];
    });
    return {
      title: 'Replay of a capture file',
      method:
        `A file of ${mebibytes(fileBytes)} MiB in the page cache, ${rounds} rounds in turn, medians, from start to end of ` +
        'the process: `replay FILE --out DIR` against `tshark -r FILE -q -z conv,tcp`.',
      columns: ['program', 'packets', 'seconds', 'packets/s', 'CPU s/million', 'peak RSS MiB'],
      rows,
      verdicts: [],
      raw: usages,
    };
  });
}

/** How fast a capture file is worked through, against tshark's connection table. */
export const replay: Bench = { name: 'replay', about: 'replay speed against tshark', run };
