#!/usr/bin/env node
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { Agent } from './agent/agent.ts';
import { filterProblem } from './capture/filter.ts';
import { parseEnvFile } from './config/parse-env-file.ts';
import { formatProblem } from './config/problem.ts';
import { parseProcessSettings } from './config/process-settings.ts';
import type { Settings } from './config/settings.ts';
import { makeDirectory } from './output/make-directory.ts';
import { formatSummary } from './output/replay-summary.ts';
import { HealthServer } from './serve/health-server.ts';
import { ReplayClock, replay } from './session/replay.ts';
import { replayEvents, replayFiles } from './session/replay-sinks.ts';

const USAGE = `Watches the network of a Kubernetes pod and says what is wrong with its TCP connections.

  dlltagent                                  run; settings come from the env files in DLLT_CONFIG_DIR
  dlltagent replay FILE [--out DIR] [--env FILE]
                                             look into a capture file (pcap, pcapng, gzip; - for standard input);
                                             without --out, events go to standard output
  dlltagent --version
  dlltagent --help

Environment: DLLT_CONFIG_DIR (default /etc/dllt), LOG_DIR (/dllt/logs), HEALTH_PORT (0: off).
Exit status: 0, 1 for a failure in the run, 2 for a wrong call.
`;

const ExitStatus = { ok: 0, failure: 1, wrongCall: 2 } as const;

type ExitStatus = (typeof ExitStatus)[keyof typeof ExitStatus];

/** A failure that one line explains. */
class Failure extends Error {}

function version(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return version;
}

async function main(argv: readonly string[]): Promise<ExitStatus> {
  let call: ReturnType<typeof parseCall>;
  try {
    call = parseCall(argv);
  } catch (error) {
    return wrongCall((error as Error).message);
  }
  const { values, positionals } = call;
  if (values.help) return print(USAGE);
  if (values.version) return print(`${version()}\n`);
  const [command, file, ...rest] = positionals;
  if (command === undefined) {
    if (values.out !== undefined || values.env !== undefined) return wrongCall('--out and --env go with replay');
    return runAgent();
  }
  if (command !== 'replay') return wrongCall(`there is no command ${command}`);
  if (file === undefined || rest.length > 0) return wrongCall('replay takes one capture file, or - for standard input');
  return runReplay(file, values.out, values.env);
}

function parseCall(argv: readonly string[]) {
  return parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean' },
      out: { type: 'string' },
      env: { type: 'string' },
    },
  });
}

function print(text: string): ExitStatus {
  process.stdout.write(text);
  return ExitStatus.ok;
}

function wrongCall(reason: string): ExitStatus {
  process.stderr.write(`dlltagent: ${reason}\n\n${USAGE}`);
  return ExitStatus.wrongCall;
}

async function runAgent(): Promise<ExitStatus> {
  const { settings, problems } = parseProcessSettings(process.env);
  for (const problem of problems) console.error(formatProblem(problem));
  if (settings === null) return ExitStatus.failure;
  const agent = new Agent(settings, { out: (line) => console.log(line), error: (line) => console.error(line) });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => agent.stop());
  // a console that is full or gone must not end the capture: the files say the same
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  const { healthPort, healthAddresses } = settings;
  const health = healthPort === 0 ? null : await HealthServer.listen(healthPort, healthAddresses, agent);
  try {
    return (await agent.run()) ? ExitStatus.ok : ExitStatus.failure;
  } finally {
    health?.close();
  }
}

async function runReplay(file: string, out: string | undefined, env: string | undefined): Promise<ExitStatus> {
  const settings = await replaySettings(env);
  // `dlltagent replay FILE | head`: whoever reads has seen enough
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  const seed = randomInt(2 ** 32);
  const clock = new ReplayClock();
  if (out === undefined) {
    const summary = await replay(file, settings, seed, clock, replayEvents(settings, writeOut), null);
    process.stderr.write(formatSummary(summary));
    return statusOf(summary.problem);
  }
  await prepareOutput(out);
  const files = replayFiles(out, settings, clock);
  let problem: string | null;
  try {
    const summary = await replay(file, settings, seed, clock, files, files);
    problem = summary.problem;
    if (problem !== null) files.log.error(problem);
    process.stdout.write(formatSummary(summary));
  } finally {
    await files.close();
  }
  return statusOf(problem ?? files.lossesInWords());
}

/** Makes the directory of a replay's files. */
async function prepareOutput(path: string): Promise<void> {
  try {
    await makeDirectory(path);
    if (!(await stat(path)).isDirectory()) throw new Error('a file stands in its place');
  } catch (error) {
    throw new Failure(`Cannot write into ${path}: ${(error as Error).message}; name a directory with --out`);
  }
}

/** The settings of an env file, of the environment, and the defaults, in this order. */
async function replaySettings(path: string | undefined): Promise<Settings> {
  let text = '';
  try {
    if (path !== undefined) text = await readFile(path, 'utf8');
  } catch (error) {
    throw new Failure(`Cannot read the env file ${path}: ${(error as Error).message}`);
  }
  const { settings, problems } = parseEnvFile(text, path ?? 'no file', process.env, filterProblem);
  for (const problem of problems) console.error(formatProblem(problem));
  if (settings === null) throw new Failure('Cannot replay with settings that cannot be used');
  return settings;
}

async function writeOut(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}

function statusOf(problem: string | null): ExitStatus {
  if (problem === null) return ExitStatus.ok;
  console.error(problem);
  return ExitStatus.failure;
}

process.umask(0o027); // files 0640, directories 0750
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = ExitStatus.failure;
}
