import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentRun } from '../test/lab/agent.ts';
import { Lab } from '../test/lab/lab.ts';
import { throttle } from '../test/lab/throttle.ts';
import { waitFor } from '../test/lab/wait.ts';
import { makeCapture } from '../test/tools/make-capture.ts';
import { capturedByAgent } from './captured-by.ts';
import { type Bench, type BenchResult, type BenchSettings, formatNumber } from './report.ts';

const SECONDS = 15;
const RESETTING = 5_002;
const PROBES = 60;
const PROBES_PER_SECOND = 5;
/** How long it may take until nothing is shed any more: four steps, and some of them longer after a relapse. */
const PATIENCE_MS = 180_000;

/** How much of a core the agent may have, and whether a second sender comes from the node's end. */
const CASES = [
  { share: 1, senders: 1 },
  { share: 1, senders: 2 },
  { share: 0.5, senders: 1 },
  { share: 0.25, senders: 1 },
  { share: 0.1, senders: 1 },
] as const;

interface Measurement {
  readonly share: number;
  readonly senders: number;
  readonly offeredPerSecond: number;
  readonly seen: number;
  readonly dropped: number;
  /** The steps that were taken, with the seconds since the load began. */
  readonly steps: readonly { readonly step: number; readonly seconds: number }[];
  readonly probesTold: number;
}

async function measure(share: number, senders: number, scale: number): Promise<Measurement> {
  return Lab.use(async (lab) => {
    const [client, server] = [lab.pod(), lab.pod()];
    await lab.serve(server.namespace, 'reset', RESETTING);
    const file = join(lab.directory, 'load.pcap');
    makeCapture(file, { connections: 2_000 });
    const agent = await AgentRun.watch(lab, client, { CAPTURE_BACKEND: 'ring', EVENT_THROTTLE: 'N' });
    const release = share < 1 ? throttle(agent.program, share) : () => undefined;
    lab.defer(release);
    const argv = (link: string) => ['tcpreplay', '-i', link, '-K', '--topspeed', '--no-flow-stats', '--unique-ip'];
    const loads = [lab.start(client.namespace, [...argv('eth0'), '--loop', '0', file])];
    if (senders > 1) loads.push(lab.start(lab.node, [...argv(client.hostInterface), '--loop', '0', file]));
    const begin = Date.now();
    const probes = lab.traffic(client.namespace, 'reset', server.ipv4, RESETTING, PROBES, PROBES_PER_SECOND);
    await sleep(SECONDS * 1_000 * scale);
    await Promise.all(loads.map((load) => load.stop('SIGINT')));
    const seconds = (Date.now() - begin) / 1_000;
    release();
    await probes.output();
    const { hostIndex } = client;
    const steps = () =>
      agent
        .files(hostIndex)
        .log.filter(({ msg }) => /overloaded for/.test(msg))
        .map(({ step, time }) => ({ step: Number(step), seconds: (Date.parse(String(time)) - begin) / 1_000 }));
    await waitFor('the agent at rest', () => (steps().at(-1)?.step ?? 0) === 0, {
      timeoutMs: PATIENCE_MS,
      intervalMs: 500,
    });
    const told = agent
      .files(hostIndex)
      .events.filter(({ code, dstPort }) => code === '00002' && dstPort === RESETTING).length;
    await agent.stop();
    const { seen, dropped } = capturedByAgent(agent, hostIndex);
    const offered = loads.reduce((sum, { stdout }) => sum + Number(stdout.match(/Actual: (\d+) packets/)?.[1] ?? 0), 0);
    return { share, senders, offeredPerSecond: offered / seconds, seen, dropped, steps: steps(), probesTold: told };
  });
}

async function run({ scale }: BenchSettings): Promise<BenchResult> {
  const measured: Measurement[] = [];
  for (const { share, senders } of CASES) measured.push(await measure(share, senders, scale));
  return {
    title: 'Overload',
    method:
      `tcpreplay at full speed for ${SECONDS * scale} s, once with a second sender at the node's end; the agent stopped for part of each tenth of a second, as by a CPU ` +
      `quota. Beside it ${PROBES} real connections are reset, ${PROBES_PER_SECOND} a second. Step 1: no packets for pcaps, 2: no payload, 3: one established connection in eight, 4: none.`,
    columns: [
      'share of a core',
      'senders',
      'offered/s',
      'dropped',
      'highest step',
      'after s',
      'back at 0 after s',
      'resets told',
    ],
    rows: measured.map(({ share, senders, offeredPerSecond, dropped, steps, probesTold }) => {
      const highest = Math.max(0, ...steps.map(({ step }) => step));
      const at = steps.find(({ step }) => step === highest && step > 0)?.seconds;
      return [
        share,
        senders,
        Math.round(offeredPerSecond),
        dropped,
        highest,
        at === undefined ? '–' : formatNumber(at),
        steps.length === 0 ? '–' : formatNumber(steps.at(-1)?.seconds ?? Number.NaN),
        `${probesTold} of ${PROBES}`,
      ];
    }),
    verdicts: [],
    raw: measured,
  };
}

/** More than the agent can take: what it sheds, what it still tells, and that it comes back. */
export const overload: Bench = { name: 'overload', about: 'more packets than the agent can take', run };
