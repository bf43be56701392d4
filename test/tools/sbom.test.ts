import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeScratch, removeScratch } from '../output/scratch.ts';
import { PACKAGES } from '../tidy/rooms.ts';

interface LockEntry {
  readonly version: string;
  readonly integrity: string;
  readonly dev?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
}

interface Component {
  readonly group?: string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly hashes: readonly { readonly alg: string; readonly content: string }[];
  readonly components?: readonly Component[];
}

interface Bill {
  readonly bomFormat: string;
  readonly specVersion: string;
  readonly serialNumber: string;
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

const readJson = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8'));
const lock = readJson<{ packages: Record<string, LockEntry> }>('package-lock.json').packages;
const nativeCode = readJson<Record<string, Record<string, string>>>('scripts/native-code.json');

const test = suite('bill of materials');
test.after(removeScratch);

function make(): string {
  const path = join(makeScratch(), 'sbom.json');
  execFileSync(process.execPath, ['scripts/make-sbom.mjs', path]);
  return readFileSync(path, 'utf8');
}

const fullName = ({ group, name, version }: Component) => `${group === undefined ? '' : `${group}/`}${name}@${version}`;

test('the build makes it, and the same lockfile gives the same bytes', () => {
  assert.is(readFileSync('dist/sbom.cdx.json', 'utf8'), make());
});

test('it names what the lockfile has for the agent and its page, with the same hashes, and nothing else', () => {
  const bill = JSON.parse(make()) as Bill;
  assert.equal([bill.bomFormat, bill.specVersion], ['CycloneDX', '1.6']);
  assert.match(bill.serialNumber, /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
  const bundled = Object.entries(PACKAGES).flatMap(([name, rooms]) => (rooms.includes('page') ? [name] : []));
  const wanted = Object.entries(lock).flatMap(([path, { version, integrity, dev = false, os, cpu }]) => {
    const name = path.replace(/^.*node_modules\//, '');
    if (path === '' || (dev && !bundled.includes(name))) return [];
    if (os !== undefined && !os.includes('linux')) return [];
    if (cpu !== undefined && !cpu.some((one) => one === 'x64' || one === 'arm64')) return [];
    return [`${name}@${version} ${integrity}`];
  });
  const named = bill.components.map((component) => {
    const [hash] = component.hashes;
    return `${fullName(component)} sha512-${Buffer.from(hash?.content ?? '', 'hex').toString('base64')}`;
  });
  assert.equal(named.sort(), wanted.sort());
  const refs = new Set(bill.components.map(({ purl }) => purl));
  const root = bill.dependencies.find(({ ref }) => !refs.has(ref));
  assert.is(
    root?.dependsOn.length,
    Object.keys(readJson<{ dependencies: object }>('package.json').dependencies).length + 2,
  );
  for (const { dependsOn } of bill.dependencies) for (const ref of dependsOn) assert.ok(refs.has(ref), ref);
});

test('every file of prebuilt native code is named with its hash', () => {
  const bill = JSON.parse(make()) as Bill;
  for (const name of ['@koromix/koffi-linux-x64', '@koromix/koffi-linux-arm64']) {
    const { version } = lock[`node_modules/${name}`] as LockEntry;
    const files = nativeCode[`${name}@${version}`];
    assert.ok(files !== undefined, `${name}@${version}: add the hashes of its .node files to scripts/native-code.json`);
    const component = bill.components.find((one) => fullName(one) === `${name}@${version}`);
    const named = (component?.components ?? []).map(({ name: file, hashes }) => [file, hashes[0]?.content]);
    assert.equal(Object.fromEntries(named), files);
    const directory = join('node_modules', name);
    if (!existsSync(directory)) continue; // that of the other processor
    const installed = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((one) =>
      one.endsWith('.node'),
    );
    const hashes = installed.map((file) => [
      file,
      createHash('sha256')
        .update(readFileSync(join(directory, file)))
        .digest('hex'),
    ]);
    assert.equal(Object.fromEntries(hashes), files);
  }
});

test.run();
