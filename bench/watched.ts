import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Lab, type Pod } from '../test/lab/lab.ts';
import { makeCapture } from '../test/tools/make-capture.ts';
import type { Captured } from './captured-by.ts';
import { cpuSeconds, median } from './measure.ts';
import { CONNECTIONS, PLAIN_MIX, sender, startCapturing } from './measure-load.ts';
import type { Bench } from './report.ts';

/** A pace at which two agents beside the sender keep up on two cores. */
const PACKETS_PER_SECOND = 200_000;
/** Compilers have little to do from then on. */
const WARM_UP_MS = 90_000;
const WINDOW_MS = 40_000;
const ROUNDS = 6;
const MOST_MORE = 0.03;

/** The names of the two in `PROGRAMS` of the load bench. */
const ALONE = 'ring';
const WATCHED = 'watched';

interface Round {
  /** CPU in seconds per million packets, by name. */
  readonly cost: Readonly<Record<string, number>>;
  readonly captured: Readonly<Record<string, Captured>>;
}

/** Starts both agents in this order, and measures them in the same seconds. */
async function measureBoth(lab: Lab, pod: Pod, file: string, loops: number, names: readonly string[]): Promise<Round> {
  const agents = await Promise.all(names.map((name) => startCapturing(lab, pod, name, PLAIN_MIX.settings)));
  const counts = () => ({
    packets: Number(lab.node.run('cat', `/sys/class/net/${pod.hostInterface}/statistics/rx_packets`)),
    cpu: agents.map(({ program }) => cpuSeconds(program.pid)),
  });
  const load = lab.start(pod.namespace, sender(file, loops, ['--pps', String(PACKETS_PER_SECOND)]));
  await sleep(WARM_UP_MS);
  const before = counts();
  await sleep(WINDOW_MS);
  const after = counts();
  await load.stop('SIGINT');
  const millions = (after.packets - before.packets) / 1e6;
  const captured = await Promise.all(agents.map(({ finish }) => finish()));
  return {
    cost: Object.fromEntries(names.map((name, i) => [name, (after.cpu[i] - before.cpu[i]) / millions])),
    captured: Object.fromEntries(names.map((name, i) => [name, captured[i]])),
  };
}

/** What being looked at by all that can look adds to the agent's work. */
export const watched: Bench = {
  name: 'watched',
  about: 'what a live page, Prometheus, Events and pcapng add to a packet',
  run: ({ scale }) =>
    Lab.use(async (lab) => {
      const pod = lab.pod();
      for (const where of [pod.namespace, lab.node]) where.set('net/ipv6/conf/all/disable_ipv6', 1);
      const file = join(lab.directory, 'load.pcap');
      const { packets } = makeCapture(file, { connections: CONNECTIONS, contents: PLAIN_MIX.contents });
      const seconds = (WARM_UP_MS + WINDOW_MS) / 1000 + 60;
      const loops = Math.ceil((PACKETS_PER_SECOND * seconds) / packets);
      const rounds: Round[] = [];
      for (let i = 0; i < Math.max(1, Math.round(ROUNDS * scale)); i++) {
        const names = i % 2 === 0 ? [ALONE, WATCHED] : [WATCHED, ALONE];
        rounds.push(await measureBoth(lab, pod, file, loops, names));
      }
      const costs = (name: string) => rounds.map(({ cost }) => cost[name]);
      const total = (name: string, key: 'dropped' | 'shedSeconds') =>
        rounds.reduce((sum, { captured }) => sum + captured[name][key], 0);
      const more = rounds.map(({ cost }) => cost[WATCHED] / cost[ALONE] - 1);
      const mean = more.reduce((sum, one) => sum + one, 0) / more.length;
      const percent = (part: number) => `${(part * 100).toFixed(1)} %`;
      const row = (title: string, name: string) => [
        title,
        median(costs(name)),
        `${Math.min(...costs(name)).toFixed(3)}–${Math.max(...costs(name)).toFixed(3)}`,
        total(name, 'dropped'),
        total(name, 'shedSeconds'),
      ];
      const untouched = [ALONE, WATCHED].every(
        (name) => total(name, 'dropped') === 0 && total(name, 'shedSeconds') === 0,
      );
      return {
        title: 'Being looked at',
        method:
          `${rounds.length} pairs of fresh agents under the same packets of the load bench, ${PACKETS_PER_SECOND / 1000},000 a second, after ${WARM_UP_MS / 1000} s of them, for ${WINDOW_MS / 1000} s: one serves nothing; the other has an open live page, ` +
          'Prometheus every five seconds, Events of the cluster and pcapng from the start.',
        columns: ['', 'CPU s/million', 'from–to', 'lost', 'shed s'],
        rows: [row('serves nothing', ALONE), row('looked at', WATCHED)],
        verdicts: [
          {
            goal: 'at most 3 % more CPU per packet (mean of pairs), and nothing lost or shed',
            reached: mean <= MOST_MORE && untouched,
            measured: `${percent(mean)} more (${more.map(percent).join(', ')})`,
          },
        ],
        raw: rounds,
      };
    }),
};
