/**
 * Runs every `*.test.ts` of this folder, each in a process of its own, and sums what uvu reports. uvu itself ends with
 * status 0 when a file forgot `.run()` or when none matched; here both fail, as do hooks that throw and files that hang.
 *
 *     node build/test/run.js [--kind unit|replay|live] [--no-live] [--durations] [--limit SECONDS] [TEXT…]
 *
 * The kind of a file is in its name. `NAME.live.test.ts`, and all of `test/live`, needs root: network namespaces, packet
 * sockets, eBPF, real peers. `NAME.replay.test.ts` takes whole captures, or millions of frames, through the whole agent:
 * seconds each. All others are unit tests. TEXT selects the files whose path contains it. `--durations` lists at the end
 * what took longest. The last line is `N passed, N failed`.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const BUILD = dirname(fileURLToPath(import.meta.url));
const ROOT = join(BUILD, '../..');
/** Live files that hold their own under load: they run beside others. */
const UNDISTURBED = ['capture/', 'native/', 'page/'];
const KINDS = ['unit', 'replay', 'live'] as const;
const LIMIT_SECONDS = 240;
/** Files that took less are not listed. */
const LISTED_SECONDS = 2;
/** How long a file that is told to stop may clean up. */
const CLEANUP_MS = 8_000;

type Kind = (typeof KINDS)[number];

interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly note: string;
}

interface Timed extends Outcome {
  readonly source: string;
  readonly seconds: number;
}

interface Totals {
  readonly total: number;
  readonly passed: number;
  readonly skipped: number;
}

const running = new Map<number, string>();

function testSources(): string[] {
  return readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .sort();
}

function kindOf(source: string): Kind {
  if (/(^|[/.])live[/.]/.test(source)) return 'live';
  return source.endsWith('.replay.test.ts') ? 'replay' : 'unit';
}

/** The three numbers uvu prints at the end of a file; null when it did not get there. */
function readTotals(output: string): Totals | null {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are escape sequences
  const plain = output.replace(/\u001b\[[0-9;]*m/g, '');
  const last = (label: string) =>
    plain
      .match(new RegExp(`^ {2}${label}: +(\\d+)$`, 'gm'))
      ?.at(-1)
      ?.match(/\d+/)?.[0];
  const [total, passed, skipped] = [last('Total'), last('Passed'), last('Skipped')];
  if (total === undefined || passed === undefined) return null;
  return { total: Number(total), passed: Number(passed), skipped: Number(skipped ?? 0) };
}

function judge(totals: Totals | null, status: number | null, signal: string | null, limitSeconds: number): Outcome {
  const passed = totals?.passed ?? 0;
  const failedTests = totals === null ? 0 : totals.total - totals.passed;
  const skipped = totals !== null && totals.skipped > 0 ? `${totals.skipped} skipped` : '';
  const failure = (note: string) => ({ passed, failed: Math.max(1, failedTests), note });
  if (limitSeconds > 0) {
    const where = totals === null ? 'a test hangs' : 'its tests ended, but something keeps the process alive';
    return failure(`not done within ${limitSeconds} s: ${where}`);
  }
  if (totals === null) return failure(`no totals, ${signal ?? `exit status ${status}`}: it crashed or forgot .run()`);
  if (totals.total === 0) return failure('no tests ran: an empty file, or .run() is missing');
  if (failedTests > 0) return failure(skipped);
  if (status !== 0) return failure(`tests passed, but it ended with ${signal ?? `exit status ${status}`}`);
  return { passed, failed: 0, note: skipped };
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}

function runFile(source: string, limitSeconds: number): Promise<{ outcome: Outcome; output: string; seconds: number }> {
  const script = join(BUILD, source.replace(/\.ts$/, '.js'));
  if (!existsSync(script)) {
    const note = `not compiled: ${relative(ROOT, script)} is missing`;
    return Promise.resolve({ outcome: { passed: 0, failed: 1, note }, output: '', seconds: 0 });
  }
  return new Promise((resolve) => {
    const begin = performance.now();
    const child = spawn(process.execPath, ['--enable-source-maps', script], {
      cwd: ROOT,
      detached: true, // a process group of its own, so that a hanging file goes together with what it started
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, FORCE_COLOR: process.stdout.isTTY ? '1' : '0' },
    });
    let output = '';
    let exceeded = 0;
    const collect = (chunk: string) => {
      output += chunk;
    };
    child.stdout.setEncoding('utf8').on('data', collect);
    child.stderr.setEncoding('utf8').on('data', collect);
    const pid = child.pid ?? 0;
    if (pid > 0) running.set(pid, source);
    const limit = setTimeout(() => {
      exceeded = limitSeconds;
      signalGroup(pid, 'SIGTERM');
      setTimeout(() => signalGroup(pid, 'SIGKILL'), CLEANUP_MS).unref();
    }, limitSeconds * 1_000);
    child.on('close', (status, signal) => {
      clearTimeout(limit);
      running.delete(pid);
      const seconds = (performance.now() - begin) / 1_000;
      resolve({ outcome: judge(readTotals(output), status, signal, exceeded), output, seconds });
    });
  });
}

async function runAll(sources: readonly string[], width: number, limitSeconds: number): Promise<Timed[]> {
  const outcomes: Timed[] = [];
  const queue = [...sources];
  const worker = async () => {
    for (let source = queue.shift(); source !== undefined; source = queue.shift()) {
      const { outcome, output, seconds } = await runFile(source, limitSeconds);
      outcomes.push({ ...outcome, source, seconds });
      const verdict = outcome.failed === 0 ? 'ok  ' : 'FAIL';
      const note = outcome.note === '' ? '' : `  (${outcome.note})`;
      console.log(
        `${verdict} ${source}  ${outcome.passed} passed, ${outcome.failed} failed, ${seconds.toFixed(1)} s${note}`,
      );
      if (outcome.failed > 0) console.log(output.trimEnd().replace(/^/gm, '     '));
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  return outcomes;
}

function printDurations(outcomes: readonly Timed[], wholeSeconds: number): void {
  const slow = outcomes.filter(({ seconds }) => seconds >= LISTED_SECONDS).sort((a, b) => b.seconds - a.seconds);
  console.log(`\nSeconds a file, from ${LISTED_SECONDS} on:`);
  for (const { source, seconds } of slow) console.log(`${seconds.toFixed(1).padStart(8)}  ${source}`);
  for (const kind of KINDS) {
    const files = outcomes.filter(({ source }) => kindOf(source) === kind);
    const sum = files.reduce((total, { seconds }) => total + seconds, 0);
    if (files.length > 0) console.log(`${sum.toFixed(1).padStart(8)}  all ${files.length} of kind ${kind}, one by one`);
  }
  console.log(`${wholeSeconds.toFixed(1).padStart(8)}  from begin to end\n`);
}

function selectedKinds(kind: string | undefined, withoutLive: boolean): readonly Kind[] {
  if (kind === undefined) return withoutLive ? ['unit', 'replay'] : KINDS;
  const known = KINDS.filter((name) => name === kind);
  if (known.length === 0) throw new Error(`Cannot run tests of kind "${kind}": the kinds are ${KINDS.join(', ')}`);
  return known;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: {
      kind: { type: 'string' },
      'no-live': { type: 'boolean', default: false },
      durations: { type: 'boolean', default: false },
      limit: { type: 'string' },
    },
    allowPositionals: true,
  });
  const begin = performance.now();
  const limitSeconds = Number(values.limit ?? LIMIT_SECONDS);
  const kinds = selectedKinds(values.kind, values['no-live']);
  const selected = testSources().filter(
    (file) =>
      kinds.includes(kindOf(file)) && (positionals.length === 0 || positionals.some((text) => file.includes(text))),
  );
  const ofKind = (kind: Kind) => selected.filter((file) => kindOf(file) === kind);
  const live = ofKind('live');
  const isUndisturbed = (file: string) => UNDISTURBED.some((folder) => file.startsWith(folder));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      for (const pid of running.keys()) signalGroup(pid, signal);
      setTimeout(() => process.exit(1), CLEANUP_MS).unref();
    });
  }

  const mayRunLive = process.geteuid?.() === 0;
  const beside = mayRunLive ? live.filter(isUndisturbed) : [];
  // The long ones first: then no core waits at the end.
  const outcomes = await runAll(
    [...beside, ...ofKind('replay'), ...ofKind('unit')],
    availableParallelism(),
    limitSeconds,
  );
  if (mayRunLive) {
    // One after the other: they measure times, and other tests would be in their way.
    outcomes.push(
      ...(await runAll(
        live.filter((file) => !isUndisturbed(file)),
        1,
        limitSeconds,
      )),
    );
  } else if (live.length > 0) {
    console.log(
      `FAIL live tests need root, for network namespaces, packet sockets and eBPF: run the command as root, or with ` +
        `--no-live (npm run test:unit, npm run test:replay) to do without the ${live.length} of them`,
    );
    outcomes.push({ passed: 0, failed: live.length, note: '', source: 'live', seconds: 0 });
  }
  if (outcomes.length === 0) {
    console.log('FAIL no test file was selected');
    outcomes.push({ passed: 0, failed: 1, note: '', source: '', seconds: 0 });
  }
  if (values.durations) printDurations(outcomes, (performance.now() - begin) / 1_000);
  const sum = (key: 'passed' | 'failed') => outcomes.reduce((total, outcome) => total + outcome[key], 0);
  console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
  process.exitCode = sum('failed') > 0 || sum('passed') === 0 ? 1 : 0;
}

await main();
