/**
 * Measures the agent and says how it was done.
 *
 *     node build/bench/main.js [--rounds N] [--scale SHARE] [--programs ring,cap,…] [--cases 1x100,…] [--json FILE] [NAME…]
 *
 * NAMEs select benches, all run without. SHARE below 1 is for a quick look. Ends with status 1 when a goal was missed.
 */
import { writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { run } from '../test/lab/program.ts';
import { dns } from './dns.ts';
import { everyday } from './everyday.ts';
import { flood } from './flood.ts';
import { history } from './history.ts';
import { idle } from './idle.ts';
import { latency } from './latency.ts';
import { load, loadTls } from './load.ts';
import { memory } from './memory.ts';

import { overload } from './overload.ts';
import { pods } from './pods.ts';

import { processes } from './process.ts';

import { replay } from './replay.ts';
import { type Bench, formatNumber, formatResult, mebibytes } from './report.ts';
import { shortConnections } from './short-connections.ts';
import { sideBySide } from './side-by-side.ts';
import { watched } from './watched.ts';

const BENCHES: readonly Bench[] = [
  load,
  loadTls,
  watched,
  replay,
  memory,
  history,
  latency,
  shortConnections,
  flood,
  dns,
  idle,
  everyday,
  pods,
  processes,
  sideBySide,
  overload,
];

/** The machine, without which figures mean nothing. */
function machine(): string {
  const [first] = cpus();
  const kernel = run(['uname', '-r']).trim();
  return (
    `${cpus().length} × ${first?.model.trim()}, ${formatNumber(mebibytes(totalmem()))} MiB, Linux ${kernel}, ` +
    `Node ${process.versions.node}, commit ${run(['git', 'rev-parse', '--short', 'HEAD']).trim()}`
  );
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: {
      rounds: { type: 'string', default: '3' },
      scale: { type: 'string', default: '1' },
      programs: { type: 'string', default: '' },
      cases: { type: 'string', default: '' },
      json: { type: 'string' },
    },
    allowPositionals: true,
  });
  const unknown = positionals.filter((name) => BENCHES.every((bench) => bench.name !== name));
  if (unknown.length > 0) {
    const known = BENCHES.map(({ name, about }) => `\n  ${name.padEnd(8)} ${about}`);
    throw new Error(`Cannot run "${unknown}": the benches are${known.join('')}`);
  }
  if (process.geteuid?.() !== 0) throw new Error('Cannot measure: network namespaces need root');
  const settings = {
    rounds: Number(values.rounds),
    scale: Number(values.scale),
    programs: values.programs.split(',').filter(Boolean),
    cases: values.cases.split(',').filter(Boolean),
  };
  console.log(machine());
  const results: Record<string, unknown> = {};
  for (const bench of BENCHES.filter(({ name }) => positionals.length === 0 || positionals.includes(name))) {
    const result = await bench.run(settings);
    console.log(formatResult(result));
    results[bench.name] = result;
    if (result.verdicts.some(({ reached }) => !reached)) process.exitCode = 1;
  }
  if (values.json !== undefined) {
    writeFileSync(values.json, `${JSON.stringify({ machine: machine(), settings, results }, null, 2)}\n`);
  }
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
