import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { replaceProcess } from '../native/replace-process.ts';

/** As in package.json: with an older Node the agent would fail later, and say less. */
const OLDEST_LINE = 24;
/** Where scripts/with-node.sh puts the Node that it brings: a folder by version. */
const BROUGHT = fileURLToPath(new URL('../.node', import.meta.url));

/**
 * Goes on with the Node that the set-up brought when this one is too old. Comes back when this one will do.
 *
 * @throws Error when it is too old, and no other can be run
 */
export function ensureSupportedNode(): void {
  const { node } = process.versions;
  if (lineOf(node) >= OLDEST_LINE) return;
  const why = `Cannot run with Node ${node}: ${OLDEST_LINE} or newer is needed`;
  const brought = findBrought(BROUGHT);
  if (brought === null) throw new Error(`${why}; scripts/setup.sh brings one`);
  throw new Error(`${why}. ${replaceProcess(brought, [...process.execArgv, ...process.argv.slice(1)]).message}`);
}

/** Returns the path of the newest supported Node in `folder`, null if there is none. */
export function findBrought(folder: string): string | null {
  const versions = existsSync(folder) ? readdirSync(folder) : [];
  const [newest] = versions
    .filter((version) => lineOf(version) >= OLDEST_LINE && existsSync(`${folder}/${version}/bin/node`))
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  return newest === undefined ? null : `${folder}/${newest}/bin/node`;
}

/** Returns the major version; NaN for a name that is no version. */
function lineOf(version: string): number {
  return Number.parseInt(version, 10);
}
