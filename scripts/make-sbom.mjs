/**
 * Writes the bill of materials of dist/ (CycloneDX 1.6, JSON) out of package-lock.json, without asking anybody: the packages that
 * the agent loads on Linux, amd64 or arm64, those that are bundled into its page, and the files of prebuilt native code with
 * their hashes. The same lockfile gives the same bytes. Fails when an installed file of native code is not the one of
 * scripts/native-code.json.
 *
 *     node scripts/make-sbom.mjs FILE
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const IN = 'node_modules/';
const PROCESSORS = ['x64', 'arm64'];
/** Packages for the build that end up in dist/page/page.js. */
const BUNDLED = ['@tanstack/virtual-core', 'uplot'];

const readJson = (path) => JSON.parse(readFileSync(join(ROOT, path), 'utf8'));
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

const lock = readJson('package-lock.json');
const nativeCode = readJson('scripts/native-code.json');

/** Name of the package that stands at a path of the lockfile. */
const nameAt = (path) => path.slice(path.lastIndexOf(IN) + IN.length);
const purlOf = (name, version) => `pkg:npm/${name.replace('@', '%40')}@${version}`;

function isShipped(path, { dev = false, os, cpu }) {
  if (dev) return BUNDLED.includes(nameAt(path));
  return (os?.includes('linux') ?? true) && (cpu?.some((one) => PROCESSORS.includes(one)) ?? true);
}

const packages = Object.entries(lock.packages)
  .filter(([path, entry]) => path !== '' && isShipped(path, entry))
  .map(([path, entry]) => ({ path, entry, name: nameAt(path), ref: purlOf(nameAt(path), entry.version) }))
  .sort((a, b) => (a.ref < b.ref ? -1 : 1));
const byPath = new Map(packages.map((one) => [one.path, one]));

/** The package that a name leads to from a path of the lockfile, as Node resolves it; undefined for one that is not shipped. */
function resolveFrom(path, name) {
  for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf(IN) - 1))) {
    const found = byPath.get(`${at === '' ? '' : `${at}/`}${IN}${name}`);
    if (found !== undefined || at === '') return found;
  }
}

function filesOf(name, version) {
  return Object.entries(nativeCode[`${name}@${version}`] ?? {}).map(([file, hash]) => {
    const path = join(ROOT, IN, name, file);
    if (existsSync(path) && sha256(readFileSync(path)) !== hash) {
      throw new Error(`Cannot make the bill of materials: ${path} is not the file of scripts/native-code.json`);
    }
    return { type: 'file', name: file, hashes: [{ alg: 'SHA-256', content: hash }] };
  });
}

function componentOf({ entry, name, ref }) {
  const files = filesOf(name, entry.version);
  const [scope, plain] = name.startsWith('@') ? name.split('/') : [undefined, name];
  return {
    type: 'library',
    'bom-ref': ref,
    ...(scope === undefined ? {} : { group: scope }),
    name: plain,
    version: entry.version,
    scope: entry.optional === true ? 'optional' : 'required',
    hashes: [
      { alg: 'SHA-512', content: Buffer.from(entry.integrity.replace('sha512-', ''), 'base64').toString('hex') },
    ],
    ...(entry.license === undefined ? {} : { licenses: [{ license: { id: entry.license } }] }),
    purl: ref,
    ...(files.length === 0 ? {} : { components: files }),
  };
}

function dependenciesOf(path, ref, names) {
  const found = names.map((name) => resolveFrom(path, name)?.ref).filter((one) => one !== undefined);
  return { ref, dependsOn: [...new Set(found)].sort() };
}

const root = lock.packages[''];
const rootRef = purlOf(lock.name, root.version);
const bill = {
  bomFormat: 'CycloneDX',
  specVersion: '1.6',
  version: 1,
  metadata: {
    component: { type: 'application', 'bom-ref': rootRef, name: lock.name, version: root.version, purl: rootRef },
  },
  components: packages.map(componentOf),
  dependencies: [
    dependenciesOf('', rootRef, [...Object.keys(root.dependencies), ...BUNDLED]),
    ...packages.map(({ path, entry, ref }) =>
      dependenciesOf(path, ref, Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })),
    ),
  ],
};
const digest = sha256(JSON.stringify(bill));
const uuid = [digest.slice(0, 8), digest.slice(8, 12), `8${digest.slice(13, 16)}`, `8${digest.slice(17, 20)}`];
const { bomFormat, specVersion, ...rest } = bill;
const serialNumber = `urn:uuid:${[...uuid, digest.slice(20, 32)].join('-')}`;
const [target] = process.argv.slice(2);
if (target === undefined) throw new Error('Cannot make the bill of materials: name the file to write');
writeFileSync(target, `${JSON.stringify({ bomFormat, specVersion, serialNumber, ...rest }, null, 2)}\n`);
