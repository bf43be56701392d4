import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentRun } from '../test/lab/agent.ts';
import { Lab } from '../test/lab/lab.ts';
import { PcapFile } from '../test/tools/pcap-file.ts';
import { answerBytes, dnsFrame, queryBytes } from '../test/track/dns-talk.ts';
import { capturedByAgent } from './captured-by.ts';
import { cpuSeconds, median } from './measure.ts';
import { send } from './measure-load.ts';
import { type Bench, type BenchResult, type BenchSettings, formatNumber } from './report.ts';

/** Questions of the capture that is sent; each has a query and an answer, 1 ms apart. */
const QUESTIONS = 50_000;
const QUERIES_PER_SECOND = 5_000;
/** Names that are asked for in turn. */
const NAMES = 200;
/** The part of a core that it may cost. */
const MOST_SHARE = 0.06;

function makeDnsCapture(path: string, questions: number): void {
  const file = new PcapFile(path);
  const stepUs = 1e6 / QUERIES_PER_SECOND;
  const frames: { readonly timeUs: number; readonly bytes: Buffer }[] = [];
  for (let i = 0; i < questions; i++) {
    const sent = {
      name: `service-${i % NAMES}.shop.svc.cluster.local`,
      port: 10_000 + (i % 50_000),
      id: (i * 7) & 0xffff,
    };
    frames.push({ timeUs: i * stepUs, bytes: dnsFrame(sent, true, queryBytes(sent)) });
    frames.push({ timeUs: i * stepUs + 1_000, bytes: dnsFrame(sent, false, answerBytes(sent)) });
  }
  frames.sort((a, b) => a.timeUs - b.timeUs);
  for (const { timeUs, bytes } of frames) bytes.copy(file.bytes, file.record(timeUs, bytes.length));
  file.close();
}

async function run({ rounds, scale }: BenchSettings): Promise<BenchResult> {
  const questions = Math.max(5_000, Math.round(QUESTIONS * scale));
  return Lab.use(async (lab) => {
    const path = join(lab.directory, 'dns.pcap');
    makeDnsCapture(path, questions);
    const rows: (string | number)[][] = [];
    for (let round = 0; round < rounds; round++) {
      const pod = lab.pod();
      const agent = await AgentRun.watch(lab, pod);
      await send(lab, pod, path, 1, ['--pps', `${2 * QUERIES_PER_SECOND}`]); // warm
      await sleep(1_000);
      const before = cpuSeconds(agent.program.pid);
      const { packets, rate } = await send(lab, pod, path, 1, ['--pps', `${2 * QUERIES_PER_SECOND}`]);
      const seconds = packets / rate; // tcpreplay takes its time to begin and to end
      const cpu = cpuSeconds(agent.program.pid) - before;
      await agent.stop();
      const { dropped } = capturedByAgent(agent, pod.hostIndex);
      const events = agent.files(pod.hostIndex).events.length;
      rows.push([packets, Math.round(rate / 2), seconds, dropped, events, (100 * cpu) / seconds]);
    }
    const share = median(rows.map((row) => Number(row.at(-1)))) / 100;
    return {
      title: 'DNS',
      method: `${formatNumber(questions)} questions at ${formatNumber(QUERIES_PER_SECOND)} a second, each answered after 1 ms, sent by tcpreplay in the pod, ${rounds} rounds, each with an agent of its own that has seen as many before.`,
      columns: ['packets', 'queries/s', 'seconds', 'packets dropped', 'events', 'CPU %'],
      rows,
      verdicts: [
        {
          goal: `at most ${MOST_SHARE * 100} % of a core, no event`,
          reached: share <= MOST_SHARE && rows.every((row) => row[4] === 0),
          measured: `${(100 * share).toFixed(1)} %`,
        },
      ],
      raw: { rows },
    };
  });
}

/** What following 5,000 DNS queries a second costs. */
export const dns: Bench = { name: 'dns', about: '5,000 DNS queries a second', run };
