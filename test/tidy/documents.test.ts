import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const MOST_README_WORDS = 1_800;
const LINK = /\]\(([^)\s]+)\)/g;

const read = (path: string) => readFileSync(path, 'utf8');
const documents = () => [
  ...readdirSync('.').filter((name) => name.endsWith('.md')),
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];
const decisions = () =>
  readdirSync('docs/adr')
    .filter((name) => /^\d{4}-.*\.md$/.test(name))
    .sort();

/** The anchors that GitHub gives a document's headings. */
function anchorsOf(text: string): Set<string> {
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading.toLowerCase());
  return new Set(headings.map((heading) => heading.replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-')));
}

/** What is wrong with a link of a document; null for one that leads somewhere. */
function brokenLink(document: string, target: string): string | null {
  if (target.includes('://')) return null;
  const [file = '', anchor] = target.split('#');
  const path = file === '' ? document : normalize(join(dirname(document), file));
  try {
    const text = read(path.endsWith('.md') || path.includes('.') ? path : join(path, 'README.md'));
    return anchor === undefined || anchorsOf(text).has(anchor)
      ? null
      : `${document}: ${path} has no heading #${anchor}`;
  } catch {
    return `${document}: there is no ${path}`;
  }
}

test('every link leads to a file and a heading', () => {
  const broken = documents().flatMap((document) =>
    [...read(document).matchAll(LINK)].map(([, target = '']) => brokenLink(document, target)),
  );
  assert.ok(broken.length > 50, `only ${broken.length} links were found`);
  assert.equal(
    broken.filter((problem) => problem !== null),
    [],
  );
});

test(`README.md has at most ${MOST_README_WORDS} words`, () => {
  assert.ok(read('README.md').trim().split(/\s+/).length <= MOST_README_WORDS);
});

test('the newest section of the changelog is the version of the package', () => {
  const { version } = JSON.parse(read('package.json'));
  const [, newest] = /^## (.+)$/m.exec(read('CHANGELOG.md')) ?? [];
  assert.match(newest ?? '', new RegExp(`^${version.replaceAll('.', '\\.')} - \\d{4}-\\d{2}-\\d{2}$`));
});

test('each decision has title, date and status, and its line in the index', () => {
  const index = read('docs/adr/README.md').split('\n');
  for (const name of decisions()) {
    const number = name.slice(0, 4);
    const [title = '', , date = '', status = ''] = read(join('docs/adr', name)).split('\n');
    assert.match(title, new RegExp(`^# ${number} \\S`), name);
    assert.match(date, /^- Date: \d{4}-\d{2}-\d{2}$/, name);
    assert.match(status, /^- Status: (accepted|superseded by \d{4})/, name);
    const cells = [`[${number}](${name})`, title.slice(7), date.slice(8), status.slice(10)];
    assert.ok(index.includes(`| ${cells.join(' | ')} |`), `docs/adr/README.md lacks | ${cells.join(' | ')} |`);
  }
});

test.run();
