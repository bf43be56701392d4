import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentRun } from '../lab/agent.ts';
import { Lab } from '../lab/lab.ts';
import { pcapNames } from '../lab/session-files.ts';
import { checkPcaps, readPcap } from '../live/pcaps.ts';
import { Random } from '../tools/random.ts';

const ORDERLY = 5_001;
const RESETTING = 5_002;
const CONNECTIONS_PER_SECOND = 400;
/** A kill comes at a random moment within this time of the start or, every other time, of the first captured packet. */
const LATEST_MS = 1_600;
/** Of each kill's pcaps, how many tshark takes apart; capinfos reads all of them from end to end. */
const TAKEN_APART = 2;

/** What was found after all kills. */
export interface KillReport {
  readonly kills: number;
  readonly lines: number;
  /** Last lines that were not whole: the only ones that may be. */
  readonly cutLines: number;
  readonly pcaps: number;
  /** Pcaps that were being written when the kill came. */
  readonly unfinishedPcaps: number;
}

/**
 * Kills an agent under load (`kill -9`) `times` times at moments that follow from `seed`, starts it again each time, and
 * looks at everything it left. @throws Error or AssertionError naming the file when one is not as promised.
 */
export async function kill(times: number, seed: number): Promise<KillReport> {
  return Lab.use(async (lab) => {
    const random = new Random(seed);
    const [client, server] = [lab.pod(), lab.pod()];
    await Promise.all([
      lab.serve(server.namespace, 'orderly', ORDERLY),
      lab.serve(server.namespace, 'reset', RESETTING),
    ]);
    for (const [kind, port] of [
      ['orderly', ORDERLY],
      ['reset', RESETTING],
    ] as const) {
      lab.traffic(client.namespace, kind, server.ipv4, port, 1e9, CONNECTIONS_PER_SECOND / 2);
    }
    const report = { kills: 0, lines: 0, cutLines: 0, pcaps: 0, unfinishedPcaps: 0 };
    const agent = AgentRun.start(lab, lab.node);
    const { hostIndex } = client;
    agent.configure({ INTERFACE_INDEX_SNIF: hostIndex, FOLLOW_PORT: ORDERLY, EVENT_THROTTLE: 'N', FOLLOW_SECONDS: 1 });
    const directory = agent.sessionDirectory(hostIndex);
    const left = new LeftFiles(directory);
    while (report.kills < times) {
      if (report.kills % 2 === 1) await agent.capturing(hostIndex);
      await sleep(random.between(0, LATEST_MS));
      await agent.stop('SIGKILL');
      report.kills++;
      const found = left.look();
      report.lines += found.lines;
      report.cutLines += found.cutLines;
      report.unfinishedPcaps += found.unfinished;
      report.pcaps += takePcaps(directory);
      agent.restart();
    }
    await agent.capturing(hostIndex);
    await agent.stop();
    if (directoryNames(directory).some((name) => name.endsWith('.tmp'))) {
      throw new Error(`Cannot find ${directory} tidy: a temporary file of a killed run is still there`);
    }
    left.look();
    takePcaps(directory);
    return report;
  });
}

function directoryNames(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

/** Checks and removes the pcaps of a run; says how many. */
function takePcaps(directory: string): number {
  const paths = pcapNames(directory).map((name) => join(directory, name));
  if (paths.length > 0) checkPcaps(paths);
  for (const path of paths.slice(0, TAKEN_APART)) readPcap(path);
  for (const path of paths) rmSync(path);
  return paths.length;
}

/** The line files that killed runs left: each is looked at once, and must then stay as it is. */
class LeftFiles {
  readonly #directory: string;
  readonly #sizes = new Map<string, number>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Looks at what is new. @throws Error when a line other than a last one is not whole, or an old file was changed. */
  look(): { lines: number; cutLines: number; unfinished: number } {
    const names = directoryNames(this.#directory);
    const found = { lines: 0, cutLines: 0, unfinished: names.filter((name) => name.endsWith('.tmp')).length };
    for (const name of names.filter((name) => name.endsWith('.log'))) {
      const path = join(this.#directory, name);
      const known = this.#sizes.get(name);
      const { size } = statSync(path);
      if (known !== undefined) {
        if (size !== known)
          throw new Error(`Cannot find ${path} as it was left: it had ${known} bytes, and has ${size}`);
        continue;
      }
      this.#sizes.set(name, size);
      const lines = readFileSync(path, 'utf8').split('\n');
      if (lines.pop() !== '') found.cutLines++;
      found.lines += lines.length;
      for (const line of lines) checkLine(path, line, lines[0] ?? '');
    }
    return found;
  }
}

function checkLine(path: string, line: string, header: string): void {
  if (header.startsWith('#')) {
    const [want, have] = [header, line].map((text) => text.split(',').length);
    if (want !== have) throw new Error(`Cannot read a line of ${path}: ${have} columns instead of ${want}: ${line}`);
  } else {
    JSON.parse(line);
  }
}
