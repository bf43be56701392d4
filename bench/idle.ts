import { setTimeout as sleep } from 'node:timers/promises';
import { AgentRun } from '../test/lab/agent.ts';
import { Lab } from '../test/lab/lab.ts';
import { cpuSeconds, peakRssBytes } from './measure.ts';
import { type Bench, type BenchResult, type BenchSettings, mebibytes } from './report.ts';

const SECONDS = 20;
const SETTLE_MS = 5_000;
const LIMIT_PERCENT = 0.3;

async function run({ scale }: BenchSettings): Promise<BenchResult> {
  return Lab.use(async (lab) => {
    const pod = lab.pod();
    const agent = await AgentRun.watch(lab, pod);
    await sleep(SETTLE_MS);
    const before = cpuSeconds(agent.program.pid);
    const begin = performance.now();
    await sleep(SECONDS * scale * 1_000);
    const seconds = (performance.now() - begin) / 1_000;
    const percent = (100 * (cpuSeconds(agent.program.pid) - before)) / seconds;
    const rss = mebibytes(peakRssBytes(agent.program.pid));
    return {
      title: 'An idle session',
      method: `One session, no traffic, ${seconds.toFixed(0)} s, beginning ${SETTLE_MS / 1_000} s after the capture began. The kernel's ring (16 MiB) is part of the RSS.`,
      columns: ['sessions', 'CPU %', 'peak RSS MiB'],
      rows: [[1, percent, rss]],
      verdicts: [
        {
          goal: `at most ${LIMIT_PERCENT} % of a core`,
          reached: percent <= LIMIT_PERCENT,
          measured: `${percent.toFixed(3)} %`,
        },
      ],
      raw: { percent, rss },
    };
  });
}

/** What a session costs when nothing happens. */
export const idle: Bench = { name: 'idle', about: 'CPU of an idle session', run };
