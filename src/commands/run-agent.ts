import { constants, setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Agent } from '../agent/agent.ts';
import { isOwnUser } from '../agent/own-user.ts';
import { containerMemoryBytes } from '../config/container-memory.ts';
import { planMemory } from '../config/memory-plan.ts';
import { formatProblem } from '../config/problem.ts';
import { type ProcessSettings, parseProcessSettings } from '../config/process-settings.ts';
import { HealthServer } from '../serve/health-server.ts';
import type { PageSource } from '../serve/observed.ts';
import { PageAccess } from '../serve/page-access.ts';
import { PageServer } from '../serve/page-server.ts';
import { boundHeap } from './bounded-heap.ts';
import { defineCommand, ExitStatus } from './outcome.ts';
import { forgetToken, keepToken, randomToken, tokenOf } from './page-token.ts';

/** Beside the directory of the one file that all of this is built into (ADR 0006). */
const FINDER = fileURLToPath(new URL('../scripts/monitorPod.sh', import.meta.url));

/** The agent itself: runs until it is told to stop. */
export const runAgent = defineCommand({
  options: {},
  async run() {
    const { settings, problems } = parseProcessSettings(process.env, containerMemoryBytes());
    const unbounded = settings === null ? null : boundHeap(planMemory(settings.memoryMb));
    if (unbounded !== null) console.error(unbounded);
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
    const { healthPort, healthAddresses, logDirectory } = settings;
    if (agent.page !== null && healthPort === 0)
      console.error('UI=Y shows nothing: HEALTH_PORT is 0; set it to a port');
    const page = agent.page === null || healthPort === 0 ? null : await pageOf(agent.page, settings);
    let health: HealthServer | null = null;
    try {
      if (healthPort !== 0) {
        health = await HealthServer.listen({ port: healthPort, addresses: healthAddresses, observed: agent, page });
      }
      return (await agent.run()) ? ExitStatus.ok : ExitStatus.failure;
    } finally {
      health?.close();
      if (page !== null && tokenOf(settings.pageToken) === undefined) await forgetToken(logDirectory);
    }
  },
});

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

/** The live page; its files stand beside the program. Says on the console how to see it. */
async function pageOf(
  source: PageSource,
  { pageToken, logDirectory, healthPort }: ProcessSettings,
): Promise<PageServer> {
  const wanted = tokenOf(pageToken);
  const token = wanted === undefined ? randomToken() : wanted;
  const key = randomToken();
  if (wanted === undefined && token !== null) {
    await keepToken(logDirectory, token).catch((error: Error) => {
      console.error(`Cannot keep the token of the live page in ${logDirectory}: ${error.message}; set UI_TOKEN`);
    });
  }
  const link = `http://localhost:${healthPort}/`;
  console.log(
    token === null
      ? `The live page is at ${link} for everybody who reaches loopback: UI_TOKEN=none`
      : `The live page is at ${link}login?key=${key} (good once, within ten minutes); dlltagent token tells what it asks for after that`,
  );
  const access = new PageAccess({ token, key, isOwnUser });
  return new PageServer(source, access, fileURLToPath(new URL('page', import.meta.url)));
}
