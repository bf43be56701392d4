import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ENV_FILE, envFile } from './agent.ts';
import type { Holdings } from './counted-agent.ts';
import { evidence } from './evidence.ts';
import type { Lab, Pod } from './lab.ts';
import { capturesOn } from './packet-sockets.ts';
import type { Program } from './program.ts';
import { readEvents, readLog } from './session-files.ts';
import { waitFor } from './wait.ts';

const COUNTED_AGENT = fileURLToPath(new URL('./counted-agent.js', import.meta.url));
const PORT = 8080;
const PATIENCE = { timeoutMs: 60_000 };

/** An agent that tells what it holds, and its directories. */
export interface CountedAgent {
  readonly agent: Program;
  readonly config: string;
  readonly logs: string;
}

/** What an agent held after a few pods, and after all. */
export interface CameAndWent {
  readonly before: Holdings;
  readonly after: Holdings;
}

/**
 * Lets pods come and go under one agent: each has a namespace, an env file, and a connection or two; then its namespace
 * is deleted, the agent sees it gone, and the file is removed. `pods` after as many as `warmUp` have gone first.
 */
export async function comeAndGo(lab: Lab, pods: number, atOnce: number, warmUp: number): Promise<CameAndWent> {
  const counted = startCounted(lab);
  const { agent, logs } = counted;
  const goThrough = async (count: number) => {
    for (let gone = 0; gone < count; gone += atOnce) {
      await oneRound(lab, counted, Math.min(atOnce, count - gone));
      for (const name of readdirSync(logs)) rmSync(join(logs, name), { recursive: true });
    }
  };
  await goThrough(warmUp);
  const before = await count(agent);
  await goThrough(pods);
  const after = await count(agent);
  await agent.stop();
  return { before, after };
}

/** Starts an agent without sessions that tells what it holds. */
export function startCounted(lab: Lab): CountedAgent {
  const directory = join(lab.directory, 'come-and-go');
  const [config, logs] = [join(directory, 'config'), join(directory, 'logs')];
  for (const path of [directory, config, logs]) mkdirSync(path);
  const agent = lab.start(lab.node, [process.execPath, '--expose-gc', COUNTED_AGENT], {
    cwd: directory,
    env: { ...process.env, DLLT_CONFIG_DIR: config, LOG_DIR: logs },
  });
  return { agent, config, logs };
}

/** Lets `count` pods come at once, makes a connection in each, and lets them go. */
export async function oneRound(lab: Lab, { agent, config, logs }: CountedAgent, count: number): Promise<void> {
  const pods = Array.from({ length: count }, () => lab.pod());
  const directoryOf = (pod: Pod) => join(logs, `dllt${pod.hostIndex}`);
  const removed = pods.map((pod) => ({ pod, namespaceInode: pod.namespace.inode, directory: directoryOf(pod) }));
  const untilAll = (what: string, holds: (pod: Pod) => boolean) => {
    const missing = () => removed.filter(({ pod }) => !holds(pod));
    const describe = () => evidence(agent, missing());
    const probe = () => {
      if (missing().length === 0) return true;
      if (!agent.running) throw new Error(`Cannot see ${what}; there was:\n${describe()}`);
      return false;
    };
    return waitFor(what, probe, { ...PATIENCE, describe });
  };
  const fileOf = (pod: Pod) => join(config, `${ENV_FILE}.${pod.hostIndex}`);
  for (const pod of pods) writeFileSync(fileOf(pod), envFile({ INTERFACE_INDEX_SNIF: pod.hostIndex }));
  await untilAll('all captures', (pod) => capturesOn(agent.pid, pod.hostIndex));
  await Promise.all(
    pods.map((pod) => lab.start(pod.namespace, ['curl', '-s', '-m', '1', `http://${pod.nodeIpv4}:${PORT}`]).ended),
  );
  for (const pod of pods) pod.namespace.remove();
  await untilAll('all pods seen gone', (pod) => {
    const directory = directoryOf(pod);
    // its log ends after all its other files: nothing is written there any more
    const hasEnded = readLog(directory).some(({ msg }) => msg === 'session ended');
    return hasEnded && readEvents(directory).some(({ code }) => code === '00011');
  });
  for (const pod of pods) rmSync(fileOf(pod));
}

/** Asks the agent what it holds, until the sessions of removed files have ended and it is twice the same. */
async function count(agent: Program): Promise<Holdings> {
  let last = '';
  return waitFor(
    'an agent at rest',
    async () => {
      const holdings = await holdingsOf(agent);
      const { sessions, descriptors, threads, mappings, resources } = holdings;
      const now = JSON.stringify({ sessions, descriptors, threads, mappings, resources });
      const same = now === last;
      last = now;
      return sessions === 0 && same && holdings;
    },
    { timeoutMs: 60_000, intervalMs: 700, describe: () => last },
  );
}

/** Asks an agent what it holds now. */
export async function holdingsOf(agent: Program): Promise<Holdings> {
  const before = agent.stdout.length;
  agent.child.kill('SIGUSR2');
  await waitFor('its counts', () => agent.stdout.indexOf('\n', before) >= 0, { describe: () => agent.stderr });
  return JSON.parse(agent.stdout.slice(before).trim()) as Holdings;
}
