import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentRun } from '../lab/agent.ts';
import { Lab, type Pod } from '../lab/lab.ts';
import { capturesOn } from '../lab/packet-sockets.ts';
import type { Program } from '../lab/program.ts';
import { waitFor } from '../lab/wait.ts';
import { makeCapture } from '../tools/make-capture.ts';
import { capturedByAgent } from './captured-by.ts';
import { cpuSeconds, median } from './measure.ts';
import { CONNECTIONS, PLAIN_MIX, sender, startWatchers, WATCHED, watchable } from './measure-load.ts';
import type { Bench } from './report.ts';

/** A pace at which two agents beside the sender keep up on two cores. */
const PACKETS_PER_SECOND = 200_000;
/** Until all code has run for a while, that for being looked at too. */
const WARM_UP_MS = 40_000;
const ROUNDS = 3;
/** What begins with being looked at (the page is told all there is) is over by then. */
const SETTLE_MS = 5_000;
const WINDOW_MS = 40_000;
const MOST_MORE = 0.03;
const FIRST_PORT = 9_811;

/** An agent that can be looked at. */
class Watchable {
  readonly agent: AgentRun;
  readonly #lab: Lab;
  readonly #pod: Pod;
  readonly #port: number;
  #watchers: Program[] = [];

  constructor(lab: Lab, pod: Pod, port: number) {
    this.agent = AgentRun.start(lab, lab.node, watchable(port));
    this.#lab = lab;
    this.#pod = pod;
    this.#port = port;
  }

  /** Begins to look at it, or ends that. */
  async turn(isWatched: boolean): Promise<void> {
    await Promise.all(this.#watchers.map((watcher) => watcher.stop('SIGKILL')));
    this.#watchers = isWatched ? startWatchers(this.#lab, this.#port) : [];
    const settings = { INTERFACE_INDEX_SNIF: this.#pod.hostIndex, ...PLAIN_MIX.settings, ...WATCHED };
    this.agent.configure(isWatched ? settings : { ...settings, KUBERNETES_EVENTS: 'N', PCAP_FORMAT: 'pcap' });
  }

  /** CPU up to now, in seconds. */
  get cpu(): number {
    return cpuSeconds(this.agent.program.pid);
  }
}

/** CPU in seconds per million packets. */
interface Costs {
  readonly alone: number;
  readonly watched: number;
}

/** Measures one agent that is looked at and one that is not, in the same seconds. */
async function measureBoth(lab: Lab, pod: Pod, alone: Watchable, watched: Watchable): Promise<Costs> {
  await Promise.all([alone.turn(false), watched.turn(true)]);
  await sleep(SETTLE_MS);
  const packetsUpToNow = () => Number(lab.node.run('cat', `/sys/class/net/${pod.hostInterface}/statistics/rx_packets`));
  const [packetsBefore, aloneBefore, watchedBefore] = [packetsUpToNow(), alone.cpu, watched.cpu];
  await sleep(WINDOW_MS);
  const millions = (packetsUpToNow() - packetsBefore) / 1e6;
  return { alone: (alone.cpu - aloneBefore) / millions, watched: (watched.cpu - watchedBefore) / millions };
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
      const rounds = Math.max(1, Math.round(ROUNDS * scale));
      const [one, other] = [0, 1].map((i) => new Watchable(lab, pod, FIRST_PORT + i)) as [Watchable, Watchable];
      const both = [one, other];
      for (const watchable of both) {
        await watchable.turn(false);
        const { pid } = watchable.agent.program;
        await waitFor('capture', () => capturesOn(pid, pod.hostIndex), { timeoutMs: 20_000 });
      }
      const seconds = (WARM_UP_MS + 2 * rounds * (SETTLE_MS + WINDOW_MS)) / 1000 + 60;
      const loops = Math.ceil((PACKETS_PER_SECOND * seconds) / packets);
      const load = lab.start(pod.namespace, sender(file, loops, ['--pps', String(PACKETS_PER_SECOND)]));
      await Promise.all(both.map((watchable) => watchable.turn(true)));
      await sleep(WARM_UP_MS);
      const costs: Costs[] = [];
      for (let round = 0; round < rounds; round++) {
        const [first, second] = [await measureBoth(lab, pod, one, other), await measureBoth(lab, pod, other, one)];
        costs.push({ alone: (first.alone + second.alone) / 2, watched: (first.watched + second.watched) / 2 });
      }
      await load.stop('SIGINT');
      await Promise.all(both.map(({ agent }) => agent.stop()));
      const captured = both.map(({ agent }) => capturedByAgent(agent, pod.hostIndex));
      const lost = captured.map(({ dropped }) => dropped);
      const shed = captured.map(({ shedSeconds }) => shedSeconds);
      const ratios = costs.map((round) => round.watched / round.alone);
      const more = (ratio: number) => `${((ratio - 1) * 100).toFixed(1)} %`;
      const row = (name: string, values: readonly number[]) => [
        name,
        median(values),
        `${Math.min(...values).toFixed(3)}–${Math.max(...values).toFixed(3)}`,
      ];
      return {
        title: 'Being looked at',
        method:
          `Two agents under the same packets of the load bench, ${PACKETS_PER_SECOND / 1000},000 a second, after ${WARM_UP_MS / 1000} s of them: ${rounds} rounds of twice ${WINDOW_MS / 1000} s, one with an open live page, Prometheus every five ` +
          'seconds, Events of the cluster and pcapng, the other with none of these at the same time; in each round they change places.',
        columns: ['', 'CPU s/million', 'from–to'],
        rows: [
          row(
            'not looked at',
            costs.map(({ alone }) => alone),
          ),
          row(
            'looked at',
            costs.map((round) => round.watched),
          ),
        ],
        verdicts: [
          {
            goal: 'at most 3 % more CPU per packet (median of rounds), and nothing lost or shed',
            reached: median(ratios) <= 1 + MOST_MORE && [...lost, ...shed].every((figure) => figure === 0),
            measured: `${more(median(ratios))} more (${ratios.map(more).join(', ')}), ${lost.join(' and ')} lost, shed for ${shed.join(' and ')} s`,
          },
        ],
        raw: costs,
      };
    }),
};
