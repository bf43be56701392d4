import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

/** Something that a file exports. */
export interface Exported {
  /** Path of the file below the directory. */
  readonly file: string;
  readonly name: string;
  /** Whether other files of the directory import it. */
  readonly isImported: boolean;
}

const DECLARED =
  /^export (?:declare )?(?:abstract )?(?:async )?(?:const|let|function\*?|class|interface|type)\s+([A-Za-z_$][\w$]*)/gm;
const LISTED = /^export (?:type )?\{([^}]*)\}/gm;
const IMPORTED = /^import (?:type )?\{([^}]*)\}\s*from\s*'(\.[^']+)'|import\('(\.[^']+)'\)/gm;

/** All that the TypeScript files of a directory export, by file and name. */
export function exportsOf(directory: string): Exported[] {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const texts = new Map(files.map((file) => [file, readFileSync(join(directory, file), 'utf8')]));
  const imported = new Set([...texts].flatMap(([file, text]) => importsOf(file, text)));
  return [...texts].flatMap(([file, text]) =>
    exportedNames(text).map((name) => ({ file, name, isImported: imported.has(`${file} ${name}`) })),
  );
}

/** Names that a text exports, each once: a type and a value of one name are one. */
export function exportedNames(text: string): string[] {
  const declared = [...text.matchAll(DECLARED)].map(([, name = '']) => name);
  const listed = [...text.matchAll(LISTED)].flatMap(([, list = '']) => namesOf(list).map(({ outside }) => outside));
  return [...new Set([...declared, ...listed])];
}

/** What a file imports from others, as `FILE NAME`. */
function importsOf(file: string, text: string): string[] {
  return [...text.matchAll(IMPORTED)].flatMap(([, list = '', from = '']) => {
    const target = normalize(join(dirname(file), from));
    return namesOf(list).map(({ inside }) => `${target} ${inside}`);
  });
}

/** `type A, b as c`: the names before and after `as`. */
function namesOf(list: string): { readonly inside: string; readonly outside: string }[] {
  return list
    .split(',')
    .map((entry) => entry.trim().replace(/^type\s+/, ''))
    .filter((entry) => entry !== '')
    .map((entry) => {
      const [inside = '', outside = inside] = entry.split(/\s+as\s+/);
      return { inside, outside };
    });
}
