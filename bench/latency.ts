import { EventCode } from '../src/model/event-code.ts';
import { AgentRun } from '../test/lab/agent.ts';
import { DirectoryTail } from '../test/lab/directory-tail.ts';
import { Lab } from '../test/lab/lab.ts';
import type { EventLine } from '../test/lab/session-files.ts';
import { quantile } from './measure.ts';
import { type Bench, type BenchResult, type BenchSettings, formatNumber } from './report.ts';

const EVENTS = 1_000;
const RATE = 50;
const LIMIT_MS = 200;
const CLOSED_PORT = 9;

/** The wall clock in milliseconds with fractions: `Date.now()` has none, `performance.now()` has its own zero. */
export function preciseClock(): () => number {
  const tick = Date.now();
  let now = Date.now();
  while (now === tick) now = Date.now();
  const offset = now - performance.now();
  return () => performance.now() + offset;
}

async function run({ scale }: BenchSettings): Promise<BenchResult> {
  const wanted = Math.max(20, Math.round(EVENTS * scale));
  const delaysMs: number[] = [];
  await Lab.use(async (lab) => {
    const pod = lab.pod();
    const agent = await AgentRun.watch(lab, pod, { EVENT_THROTTLE: 'N', RESET_ABNORMAL_COUNT: 1_000_000 });
    const tail = new DirectoryTail(agent.sessionDirectory(pod.hostIndex), 'netwevents_');
    lab.defer(() => tail.close());
    const now = preciseClock();
    const traffic = lab.traffic(pod.namespace, 'refused', pod.nodeIpv4, CLOSED_PORT, wanted, RATE);
    const deadline = performance.now() + (wanted / RATE) * 1_000 + 15_000;
    while (delaysMs.length < wanted && performance.now() < deadline) {
      await tail.changed(250);
      const lines = tail.poll();
      const seenMs = now();
      for (const line of lines) {
        const event = JSON.parse(line) as EventLine;
        if (event.code !== EventCode.TCP_SYN_RESET) continue;
        delaysMs.push(seenMs - Number(event.timemillis) - Number(event.timemicros) / 1_000);
      }
    }
    await traffic.output();
    if (delaysMs.length < wanted) {
      throw new Error(
        `Cannot measure the delay of ${wanted} events: only ${delaysMs.length} came\n${agent.transcript()}`,
      );
    }
  });
  const worst = Math.max(...delaysMs);
  const row = [...[0.5, 0.9, 0.99].map((share) => quantile(delaysMs, share)), worst];
  return {
    title: 'From the packet to the line on disk',
    method: `${wanted} refused connections at ${RATE} a second; from the kernel's time of the packet to the moment another process has read the line, in milliseconds.`,
    columns: ['events', 'median', '90 %', '99 %', 'worst'],
    rows: [[String(wanted), ...row]],
    verdicts: [
      {
        goal: `on disk within ${LIMIT_MS} ms`,
        reached: worst <= LIMIT_MS,
        measured: `worst ${formatNumber(worst)} ms`,
      },
    ],
    raw: delaysMs,
  };
}

/** How long an event takes from its packet to the file. */
export const latency: Bench = { name: 'latency', about: 'delay of live events', run };
