/**
 * Tries to break the agent, for as long as there is time.
 *
 *     node build/test/stress/main.js kill [--times 200] [--seed 1]
 *     node build/test/stress/main.js fuzz [--times 30000] [--first 0] [--seed 1]
 *     node build/test/stress/main.js fuzz truth [--times 30] [--seed 1]
 *     node build/test/stress/main.js soak [--times MINUTES]
 *     node build/test/stress/main.js memory [sidecar|flooded|busy]
 *
 * Prints what it found as JSON. Ends with status 1 when the agent did not keep its word.
 */
import { parseArgs } from 'node:util';
import { fuzzCaptures } from '../fuzz/fuzz-captures.ts';
import { fuzzEnvFiles } from '../fuzz/fuzz-env-files.ts';
import { fuzzFrames, type Outcome } from '../fuzz/fuzz-frames.ts';
import { fuzzTruth } from '../truth/run-truth.ts';
import { kill } from './kill.ts';
import { type MemoryReport, memory, SCENES } from './memory.ts';
import { soak } from './soak.ts';

const { values, positionals } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    times: { type: 'string' },
    first: { type: 'string', default: '0' },
  },
  allowPositionals: true,
});
const seed = Number(values.seed);
const times = (otherwise: number) => Number(values.times ?? otherwise);

const STRESSES: Readonly<Record<string, () => Promise<object>>> = {
  kill: () => kill(times(200), seed),
  soak: () => soak(60 * times(20)),
  'fuzz truth': () => fuzzTruth(seed, times(30)),
  memory: () => underLimits(SCENES),
  ...Object.fromEntries(SCENES.map((scene) => [`memory ${scene.name}`, () => underLimits([scene])])),
  fuzz: async () => ({
    frames: withoutDigest(fuzzFrames(seed, seed, 50 * times(30_000), 10_000)),
    captures: await fuzzCaptures(seed, times(30_000), Number(values.first)),
    envFiles: await fuzzEnvFiles(seed, times(30_000)),
  }),
};

/** One scene after the other; throws when an agent did not survive one. */
async function underLimits(scenes: typeof SCENES): Promise<object> {
  const reports: MemoryReport[] = [];
  for (const scene of scenes) reports.push(await memory(scene));
  if (reports.some(({ survived }) => !survived)) process.exitCode = 1;
  return reports;
}

function withoutDigest({ events, digest: _, ...counts }: Outcome): object {
  return { ...counts, events: Object.fromEntries(events) };
}

try {
  const name = positionals.join(' ');
  const stress = STRESSES[name];
  if (stress === undefined) throw new Error(`Cannot try "${name}": known are ${Object.keys(STRESSES).join(', ')}`);
  console.log(JSON.stringify(await stress(), null, 2));
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}
