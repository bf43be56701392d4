import { setTimeout as sleep } from 'node:timers/promises';
import { AgentRun } from '../test/lab/agent.ts';
import { Lab } from '../test/lab/lab.ts';
import type { TrafficReport } from '../test/lab/traffic.ts';
import { capturedByAgent } from './captured-by.ts';
import { cpuSeconds } from './measure.ts';
import type { Bench, BenchResult, BenchSettings } from './report.ts';

const CONNECTIONS = 20_000;
const RATE = 1_000;
const PORT = 8080;

async function run({ scale }: BenchSettings): Promise<BenchResult> {
  const wanted = Math.round(CONNECTIONS * scale);
  return Lab.use(async (lab) => {
    const [client, server] = [lab.pod(), lab.pod()];
    client.namespace.set('net/ipv4/ip_local_port_range', '1024 65535'); // no port twice
    await lab.serve(server.namespace, 'orderly', PORT);
    const agent = await AgentRun.watch(lab, client);
    const before = cpuSeconds(agent.program.pid);
    const begin = performance.now();
    const output = await lab.traffic(client.namespace, 'orderly', server.ipv4, PORT, wanted, RATE).output();
    const seconds = (performance.now() - begin) / 1_000;
    await sleep(1_000); // a line is on disk within a second
    const cpu = cpuSeconds(agent.program.pid) - before;
    const report = JSON.parse(output) as TrafficReport;
    const live = agent.files(client.hostIndex);
    const lines = { flows: live.flows.length, ends: live.endFlows.length };
    await agent.stop();
    const { dropped } = capturedByAgent(agent, client.hostIndex);
    const failed = Object.values(report.errors).reduce((sum, count) => sum + count, 0);
    return {
      title: 'Short connections',
      method: `${wanted.toLocaleString('en-US')} connections at ${RATE.toLocaleString('en-US')} a second, made by a client in the pod; lines counted one second after the last.`,
      columns: ['connections', 'failed', 'seconds', 'flows lines', 'end_flows lines', 'packets dropped', 'CPU %'],
      rows: [[report.connections, failed, seconds, lines.flows, lines.ends, dropped, (100 * cpu) / seconds]],
      verdicts: [
        {
          goal: 'a line in flows and in end_flows for every connection',
          reached: lines.flows === wanted && lines.ends === wanted,
          measured: `${lines.flows} and ${lines.ends} of ${wanted}`,
        },
      ],
      raw: { report, lines, dropped, cpu, seconds },
    };
  });
}

/** Whether every one of many short connections has its lines. */
export const shortConnections: Bench = { name: 'short', about: '20,000 short connections, line by line', run };
