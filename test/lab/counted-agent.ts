/**
 * An agent that tells what it holds: on SIGUSR2 it prints one JSON line, `Holdings`. Started with --expose-gc, with
 * DLLT_CONFIG_DIR and LOG_DIR in its environment.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from '../../src/agent/agent.ts';

/** What a process holds of the machine. */
export interface Holdings {
  /** Env files whose sessions it keeps. */
  readonly sessions: number;
  readonly descriptors: number;
  readonly threads: number;
  /** Pieces of its address space. */
  readonly mappings: number;
  /** What keeps the event loop alive, by kind: timers, watches, requests. */
  readonly resources: Readonly<Record<string, number>>;
  readonly heapBytes: number;
  readonly residentBytes: number;
}

declare const gc: () => void;

async function holdings(): Promise<Holdings> {
  for (let n = 0; n < 4; n++) {
    gc(); // what is given back when it is collected (rings) is seen in the next round
    await sleep(50);
  }
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  const { heapUsed, rss } = process.memoryUsage();
  return {
    sessions: agent.sessions().length,
    descriptors: readdirSync('/proc/self/fd').length,
    threads: readdirSync('/proc/self/task').length,
    mappings: readFileSync('/proc/self/maps', 'latin1').split('\n').length,
    resources,
    heapBytes: heapUsed,
    residentBytes: rss,
  };
}

const { DLLT_CONFIG_DIR = '', LOG_DIR = '' } = process.env;
const agent = new Agent(
  {
    configDirectory: DLLT_CONFIG_DIR,
    logDirectory: LOG_DIR,
    healthPort: 0,
    healthAddresses: [],
    isPageServed: false,
    pageToken: '',
    memoryMb: 512,
  },
  resolve('scripts/monitorPod.sh'),
  { out: () => undefined, error: (line) => console.error(line) },
);
process.on('SIGUSR2', async () => console.log(JSON.stringify(await holdings())));
process.on('SIGTERM', () => agent.stop());
await agent.run();
