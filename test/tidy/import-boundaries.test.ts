import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PACKAGES, PURE_ROOMS, ROOMS, roomsTable } from './rooms.ts';

const ROOT = process.cwd();
const IMPORT = /^\s*(?:import|export)\b[^;]*?\bfrom\s*'([^']+)'|\bimport\(\s*'([^']+)'\s*\)|^\s*import\s*'([^']+)'/gm;

interface Import {
  readonly file: string;
  readonly specifier: string;
}

function importsOf(file: string, text: string): Import[] {
  return [...text.matchAll(IMPORT)].map(([, from, dynamic, bare]) => ({
    file,
    specifier: from ?? dynamic ?? bare ?? '',
  }));
}

/** What is wrong with an import; null when it is allowed. */
function refusalOf({ file, specifier }: Import): string | null {
  const [room = ''] = file.split('/');
  const rules = ROOMS[room];
  if (rules === undefined) return `${file}: the folder ${room} is not in the list of test/tidy/rooms.ts`;
  if (!specifier.startsWith('.')) {
    const owners = PACKAGES[specifier];
    const isFree = specifier.startsWith('node:') && !PURE_ROOMS.includes(room);
    return isFree || owners?.includes(room) ? null : `${file} may not import ${specifier}`;
  }
  const [target = ''] = normalize(join(dirname(file), specifier)).split('/');
  return target === room || rules.mayImport.includes(target) ? null : `${file} may not import ${specifier}`;
}

function refusals(imports: readonly Import[]): string[] {
  return imports.map(refusalOf).filter((refusal) => refusal !== null);
}

test('every import of the sources is in the list', () => {
  const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  const imports = files.flatMap((file) => importsOf(file, readFileSync(join(ROOT, 'src', file), 'utf8')));
  assert.ok(imports.length > 500, `only ${imports.length} imports were found`);
  assert.equal(refusals(imports), []);
});

test('what is not in the list is refused', () => {
  const refused = [
    importsOf('layers/a.ts', "import { x } from '../capture/x.ts';"),
    importsOf('protocols/tls/a.ts', "import {\n  x,\n} from '../../track/x.ts';"),
    importsOf('track/a.ts', "export { x } from '../main.ts';"),
    importsOf('detect/a.ts', "import { readFileSync } from 'node:fs';"),
    importsOf('agent/a.ts', "import { watch } from 'chokidar';"),
    importsOf('output/a.ts', "const x = await import('koffi');"),
    importsOf('anew/a.ts', "import '../model/x.ts';"),
  ];
  for (const imports of refused) assert.is(refusals(imports).length, 1, JSON.stringify(imports));
});

test('nobody imports in a circle', () => {
  const isBelow = (room: string, other: string, seen = new Set<string>()): boolean =>
    (ROOMS[room]?.mayImport ?? []).some(
      (next) => next === other || (!seen.has(next) && isBelow(next, other, seen.add(next))),
    );
  for (const room of Object.keys(ROOMS)) assert.not(isBelow(room, room), `${room} imports itself by way of others`);
});

test('the table of docs/ARCHITECTURE.md is the list', () => {
  const text = readFileSync(join(ROOT, 'docs/ARCHITECTURE.md'), 'utf8');
  assert.ok(text.includes(roomsTable()), `docs/ARCHITECTURE.md must hold\n${roomsTable()}`);
});

test.run();
