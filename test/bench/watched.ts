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
import { CONNECTIONS, PLAIN_MIX, sender, startWatchers, WATCHABLE, WATCHED } from './measure-load.ts';
import type { Bench } from './report.ts';

/** A pace at which nothing is shed. */
const PACKETS_PER_SECOND = 300_000;
/** Until all code has run for a while, that for being looked at too. */
const WARM_UP_MS = 20_000;
const PAIRS = 12;
/** What begins with being looked at (the page is told all there is) is over by then. */
const SETTLE_MS = 3_000;
const WINDOW_MS = 6_000;
const MOST_MORE = 0.03;

/** One agent under an even load that is looked at for some seconds, then not, and so on. */
class Watching {
  readonly #lab: Lab;
  readonly #pod: Pod;
  readonly #agent: AgentRun;
  #watchers: Program[] = [];

  constructor(lab: Lab, pod: Pod, agent: AgentRun) {
    this.#lab = lab;
    this.#pod = pod;
    this.#agent = agent;
  }

  /** Begins to look at it, or ends that. */
  async turn(isWatched: boolean): Promise<void> {
    await Promise.all(this.#watchers.map((watcher) => watcher.stop('SIGKILL')));
    this.#watchers = isWatched ? startWatchers(this.#lab) : [];
    const settings = { INTERFACE_INDEX_SNIF: this.#pod.hostIndex, ...PLAIN_MIX.settings, ...WATCHED };
    this.#agent.configure(isWatched ? settings : { ...settings, KUBERNETES_EVENTS: 'N', PCAP_FORMAT: 'pcap' });
  }

  /** CPU of a window of time, in seconds per million packets. */
  async cpuOfWindow(): Promise<number> {
    await sleep(SETTLE_MS);
    const { pid } = this.#agent.program;
    const [cpu, packets] = [cpuSeconds(pid), this.#packets()];
    await sleep(WINDOW_MS);
    return ((cpuSeconds(pid) - cpu) / (this.#packets() - packets)) * 1e6;
  }

  #packets(): number {
    const { node } = this.#lab;
    return Number(node.run('cat', `/sys/class/net/${this.#pod.hostInterface}/statistics/rx_packets`));
  }
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
      const pairs = Math.max(2, Math.round(PAIRS * scale));
      const agent = AgentRun.start(lab, lab.node, WATCHABLE);
      const watching = new Watching(lab, pod, agent);
      await watching.turn(false);
      await waitFor('capture', () => capturesOn(agent.program.pid, pod.hostIndex), { timeoutMs: 20_000 });
      const seconds = (WARM_UP_MS + 2 * pairs * (SETTLE_MS + WINDOW_MS)) / 1000 + 60;
      const loops = Math.ceil((PACKETS_PER_SECOND * seconds) / packets);
      const load = lab.start(pod.namespace, sender(file, loops, ['--pps', String(PACKETS_PER_SECOND)]));
      await watching.turn(true);
      await sleep(WARM_UP_MS);
      const cpu: { alone: number; watched: number }[] = [];
      for (let pair = 0; pair < pairs; pair++) {
        await watching.turn(false);
        const alone = await watching.cpuOfWindow();
        await watching.turn(true);
        cpu.push({ alone, watched: await watching.cpuOfWindow() });
      }
      await load.stop('SIGINT');
      await agent.stop();
      const { dropped, shedSeconds } = capturedByAgent(agent, pod.hostIndex);
      const ratios = cpu.map((one) => one.watched / one.alone);
      const more = (ratio: number) => `${((ratio - 1) * 100).toFixed(1)} %`;
      const row = (name: string, values: readonly number[]) => [
        name,
        median(values),
        `${Math.min(...values).toFixed(3)}–${Math.max(...values).toFixed(3)}`,
      ];
      return {
        title: 'Being looked at',
        method:
          `One agent under the packets of the load bench, ${PACKETS_PER_SECOND / 1000},000 a second, after ${WARM_UP_MS / 1000} s of them: ${pairs} times ${WINDOW_MS / 1000} s with an open ` +
          'live page, Prometheus every five seconds, Events of the cluster and pcapng, and as long with none of these, in turn.',
        columns: ['', 'CPU s/million', 'from–to'],
        rows: [
          row(
            'not looked at',
            cpu.map(({ alone }) => alone),
          ),
          row(
            'looked at',
            cpu.map((one) => one.watched),
          ),
        ],
        verdicts: [
          {
            goal: 'at most 3 % more CPU per packet (median of pairs), and nothing lost or shed',
            reached: median(ratios) <= 1 + MOST_MORE && dropped === 0 && shedSeconds === 0,
            measured: `${more(median(ratios))} more (${ratios.map(more).join(', ')}), ${dropped} lost, shed for ${shedSeconds} s`,
          },
        ],
        raw: cpu,
      };
    }),
};
