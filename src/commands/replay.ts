import { randomInt } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { filterProblem } from '../capture/filter.ts';
import { parseEnvFile } from '../config/parse-env-file.ts';
import { formatProblem } from '../config/problem.ts';
import type { Settings } from '../config/settings.ts';
import { LiveSettings } from '../model/live-settings.ts';
import { makeDirectory } from '../output/make-directory.ts';
import { formatSummary } from '../output/replay-summary.ts';
import { ReplayClock, replay } from '../session/replay.ts';
import { replayEvents, replayFiles } from '../session/replay-sinks.ts';
import { CommandError, defineCommand, ExitStatus, UsageError } from './outcome.ts';
import { endWithReader, writeOut } from './standard-output.ts';

/** `dlltagent replay FILE`: looks into a capture file. */
export const replayCommand = defineCommand({
  options: { out: { type: 'string' }, env: { type: 'string' } },
  async run({ operands, options }) {
    const [file, ...rest] = operands;
    if (file === undefined || rest.length > 0) {
      throw new UsageError('replay takes one capture file, or - for standard input');
    }
    const settings = await replaySettings(options.env);
    endWithReader();
    const problem = await replayTo(options.out, file, settings);
    if (problem === null) return ExitStatus.ok;
    console.error(problem);
    return ExitStatus.failure;
  },
});

/** Replays into a directory, or events to standard output; answers with what went wrong, null when nothing did. */
async function replayTo(out: string | undefined, path: string, given: Settings): Promise<string | null> {
  const seed = randomInt(2 ** 32);
  const settings = new LiveSettings(given);
  const clock = new ReplayClock();
  if (out === undefined) {
    const sink = replayEvents(given, writeOut);
    const summary = await replay({ path, settings, seed, clock, sink, dumpSink: null });
    process.stderr.write(formatSummary(summary));
    return summary.problem;
  }
  await prepareOutput(out);
  const files = replayFiles(out, settings, clock);
  let problem: string | null;
  try {
    const summary = await replay({ path, settings, seed, clock, sink: files, dumpSink: files });
    problem = summary.problem;
    if (problem !== null) files.log.error(problem);
    process.stdout.write(formatSummary(summary));
  } finally {
    await files.close();
  }
  return problem ?? files.lossesInWords();
}

/** Makes the directory of a replay's files. */
async function prepareOutput(path: string): Promise<void> {
  try {
    await makeDirectory(path);
    if (!(await stat(path)).isDirectory()) throw new Error('a file stands in its place');
  } catch (error) {
    throw new CommandError(`Cannot write into ${path}: ${(error as Error).message}; name a directory with --out`);
  }
}

/** The settings of an env file, of the environment, and the defaults, in this order. */
async function replaySettings(path: string | undefined): Promise<Settings> {
  let text = '';
  try {
    if (path !== undefined) text = await readFile(path, 'utf8');
  } catch (error) {
    throw new CommandError(`Cannot read the env file ${path}: ${(error as Error).message}`);
  }
  const { settings, problems } = parseEnvFile(text, path ?? 'no file', process.env, filterProblem);
  for (const problem of problems) console.error(formatProblem(problem));
  if (settings === null) throw new CommandError('Cannot replay with settings that cannot be used');
  return settings;
}
