/**
 * Tries to break the agent, for as long as there is time.
 *
 *     node build/test/stress/main.js kill [--times 200] [--seed 1]
 *
 * Prints what it found as JSON. Ends with status 1 when the agent did not keep its word.
 */
import { parseArgs } from 'node:util';
import { kill } from './kill.ts';

const { values, positionals } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    times: { type: 'string', default: '200' },
  },
  allowPositionals: true,
});
const seed = Number(values.seed);

const STRESSES: Readonly<Record<string, () => Promise<object>>> = {
  kill: () => kill(Number(values.times), seed),
};

try {
  const [name = ''] = positionals;
  const stress = STRESSES[name];
  if (stress === undefined) throw new Error(`Cannot try "${name}": known are ${Object.keys(STRESSES).join(', ')}`);
  console.log(JSON.stringify(await stress(), null, 2));
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}
