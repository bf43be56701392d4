import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeCapture } from '../test/tools/make-capture.ts';
import { median } from './measure.ts';
import { measureReplay, withDirectory } from './replay.ts';
import { type Bench, type BenchResult, type BenchSettings, mebibytes } from './report.ts';

const TABLE_SIZES = [1_000, 100_000, 1_000_000] as const;
/** Memory for packets is a setting, not a price of connections: it is kept small here. */
const BUFFER_MB = 16;
const DATA_PACKETS = 2_000_000;
/** Data packets of the run that is subtracted: start-up and the compiler's work are in both. */
const BASE_PACKETS = 500_000;
const LIMITS_MIB: Readonly<Record<number, number>> = { 100000: 150, 1000000: 600 };
const COST_RATIO_LIMIT = 2;

interface Measurement {
  readonly connections: number;
  readonly peakRssMib: number;
  readonly dataCpuSecondsPerMillion: number;
  readonly wholeCpuSecondsPerMillion: number;
}

async function measure(directory: string, connections: number, scale: number): Promise<Measurement> {
  const file = join(directory, 'concurrent.pcap');
  const replayOf = async (packets: number) => {
    const capture = makeCapture(file, { shape: 'concurrent', connections, dataPackets: packets });
    const usage = await measureReplay(file, directory, undefined, `BUFFER_MB=${BUFFER_MB}\n`);
    rmSync(file);
    return { ...usage, packets: capture.packets };
  };
  const base = await replayOf(Math.round(BASE_PACKETS * scale));
  const used = await replayOf(Math.round((BASE_PACKETS + DATA_PACKETS) * scale));
  return {
    connections,
    peakRssMib: mebibytes(Math.max(base.peakRssBytes, used.peakRssBytes)),
    dataCpuSecondsPerMillion: ((used.cpuSeconds - base.cpuSeconds) / (used.packets - base.packets)) * 1e6,
    wholeCpuSecondsPerMillion: (used.cpuSeconds / used.packets) * 1e6,
  };
}

async function run({ rounds, scale }: BenchSettings): Promise<BenchResult> {
  return withDirectory(async (directory) => {
    const measurements: Measurement[] = [];
    for (let round = 0; round < rounds; round++) {
      for (const size of TABLE_SIZES) {
        measurements.push(await measure(directory, size, scale));
      }
    }
    const of = (size: number, key: keyof Measurement) =>
      median(measurements.filter(({ connections }) => connections === size).map((measurement) => measurement[key]));
    const rows = TABLE_SIZES.map((size) => [
      size,
      of(size, 'peakRssMib'),
      of(size, 'dataCpuSecondsPerMillion'),
      of(size, 'wholeCpuSecondsPerMillion'),
    ]);
    const memoryVerdicts = Object.entries(LIMITS_MIB).map(([size, limit]) => ({
      goal: `at most ${limit} MiB with ${Number(size).toLocaleString('en-US')} connections`,
      reached: of(Number(size), 'peakRssMib') <= limit,
      measured: `${of(Number(size), 'peakRssMib')} MiB`,
    }));
    const ratio = of(1_000_000, 'dataCpuSecondsPerMillion') / of(1_000, 'dataCpuSecondsPerMillion');
    return {
      title: 'Memory and cost with many open connections',
      method:
        `Replay, with BUFFER_MB=${BUFFER_MB}, of generated captures in which all connections are opened and then used at random, none closed. The peak ` +
        'is that of the whole run, end_flows lines included; the cost of a packet is the difference between a run with ' +
        `${(BASE_PACKETS * scale).toLocaleString('en-US')} data packets and one with ${(DATA_PACKETS * scale).toLocaleString('en-US')} more. ${rounds} rounds, medians.`,
      columns: ['connections', 'peak RSS MiB', 'data: CPU s/million', 'whole run: CPU s/million'],
      rows,
      verdicts: [
        ...memoryVerdicts,
        {
          goal: `a packet costs at most ${COST_RATIO_LIMIT} times as much with 1,000,000 connections as with 1,000`,
          reached: ratio <= COST_RATIO_LIMIT,
          measured: `${ratio.toFixed(2)} times`,
        },
      ],
      raw: measurements,
    };
  });
}

/** Memory with 100,000 and 1,000,000 connections, and what a packet costs with few and with many. */
export const memory: Bench = { name: 'memory', about: 'memory and cost with up to a million connections', run };
