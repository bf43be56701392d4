import { join } from 'node:path';
import { EndType } from '../../src/model/connection.ts';
import { readEndFlows } from '../lab/session-files.ts';
import { makeCapture } from '../tools/make-capture.ts';
import { measureReplay, withDirectory } from './replay.ts';
import { type Bench, type BenchResult, type BenchSettings, mebibytes } from './report.ts';

const SOURCES = 2_000_000;
const REAL_CONNECTIONS = 200;
const LIMIT_MIB = 600;

async function run({ scale }: BenchSettings): Promise<BenchResult> {
  return withDirectory(async (directory) => {
    const file = join(directory, 'flood.pcap');
    const sources = Math.round(SOURCES * scale);
    const { packets } = makeCapture(file, { shape: 'flood', connections: sources, realConnections: REAL_CONNECTIONS });
    const usage = await measureReplay(file, directory, (out) => {
      const ends = readEndFlows(out);
      // The attackers' addresses are in 11.0.0.0/8, see make-capture.ts.
      const real = ends.filter(({ srcIP }) => !srcIP.startsWith('11.'));
      return { lines: ends.length, orderly: real.filter(({ endType }) => endType === EndType.fin).length };
    });
    const { lines = 0, orderly = 0 } = usage.found ?? {};
    return {
      title: 'SYN flood',
      method: `Replay of one SYN each from ${sources.toLocaleString('en-US')} sources within 20 s, and ${REAL_CONNECTIONS} whole connections among them.`,
      columns: [
        'sources',
        'packets',
        'seconds',
        'CPU s/million',
        'peak RSS MiB',
        'end_flows lines',
        'real ones with FIN',
      ],
      rows: [
        [
          sources,
          packets,
          usage.wallSeconds,
          (usage.cpuSeconds / packets) * 1e6,
          mebibytes(usage.peakRssBytes),
          lines,
          orderly,
        ],
      ],
      verdicts: [
        {
          goal: 'real connections are followed to their end',
          reached: orderly === REAL_CONNECTIONS,
          measured: `${orderly} of ${REAL_CONNECTIONS}`,
        },
        {
          goal: 'every connection has one line in end_flows',
          reached: lines === sources + REAL_CONNECTIONS,
          measured: `${lines} for ${sources + REAL_CONNECTIONS}`,
        },
        {
          goal: `memory stays within the bound of the table, ${LIMIT_MIB} MiB`,
          reached: mebibytes(usage.peakRssBytes) <= LIMIT_MIB,
          measured: `${mebibytes(usage.peakRssBytes)} MiB`,
        },
      ],
      raw: { ...usage, stdout: undefined },
    };
  });
}

/** Two million half-open connections from as many sources, and real ones beside them. */
export const flood: Bench = { name: 'flood', about: 'SYN flood of two million sources', run };
