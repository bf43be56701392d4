import { constants, setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Agent } from '../agent/agent.ts';
import { formatProblem } from '../config/problem.ts';
import { parseProcessSettings } from '../config/process-settings.ts';
import { HealthServer } from '../serve/health-server.ts';
import { PageServer } from '../serve/page-server.ts';
import { type Command, ExitStatus } from './outcome.ts';

/** Beside the directory of the one file that all of this is built into (ADR 0006). */
const FINDER = fileURLToPath(new URL('../scripts/monitorPod.sh', import.meta.url));

/** The agent itself: runs until it is told to stop. */
export const runAgent: Command = {
  options: [],
  async run() {
    const { settings, problems } = parseProcessSettings(process.env);
    for (const problem of problems) console.error(formatProblem(problem));
    if (settings === null) return ExitStatus.failure;
    preferCapture();
    const agent = new Agent(settings, FINDER, {
      out: (line) => console.log(line),
      error: (line) => console.error(line),
    });
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => agent.stop());
    // a console that is full or gone must not end the capture: the files say the same
    for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
    const { healthPort, healthAddresses, pageToken } = settings;
    if (agent.page !== null && healthPort === 0)
      console.error('UI=Y shows nothing: HEALTH_PORT is 0; set it to a port');
    const health =
      healthPort === 0 ? null : await HealthServer.listen(healthPort, healthAddresses, agent, pageOf(agent, pageToken));
    try {
      return (await agent.run()) ? ExitStatus.ok : ExitStatus.failure;
    } finally {
      health?.close();
    }
  },
};

/**
 * Lets the one thread that reads packets go before those that compile and write, and before what else runs on a busy
 * machine: when it has to wait for 50 ms, the kernel has no room for packets. On Linux a priority belongs to a thread, so
 * this is only about the present one. Without CAP_SYS_NICE all stays as it is.
 */
function preferCapture(): void {
  try {
    setPriority(constants.priority.PRIORITY_ABOVE_NORMAL);
  } catch {
    // not allowed: everything works, but a busy machine loses packets sooner
  }
}

/** The live page of an agent that has one; its files stand beside the program. */
function pageOf({ page }: Agent, token: string): PageServer | null {
  return page && new PageServer(page, token, fileURLToPath(new URL('page', import.meta.url)));
}
