import { run } from '../lab/program.ts';

/** The documents of a manifest, as kubectl reads them. */
export function documentsIn<Document>(file: string): Document[] {
  const json = run(['kubectl', 'annotate', '--local', '-f', file, 'looked-at=yes', '-o', 'json']);
  return json
    .trim()
    .split(/(?<=^\})\n/m)
    .map((document) => JSON.parse(document));
}
