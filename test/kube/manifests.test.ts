import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseEnvFile } from '../../src/config/parse-env-file.ts';
import { DEFAULT_SETTINGS, SETTING_NAMES, SETTINGS } from '../../src/config/settings.ts';
import { run } from '../lab/program.ts';
import { documentsIn } from './documents.ts';

const test = suite('manifests');

interface Container {
  readonly name: string;
  readonly image: string;
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  readonly securityContext: {
    readonly privileged: boolean;
    readonly readOnlyRootFilesystem: boolean;
    readonly capabilities: { readonly drop: readonly string[]; readonly add: readonly string[] };
  };
  readonly [probe: `${string}Probe`]: { readonly httpGet: { readonly port: number } };
}

interface PodManifest {
  readonly kind: string;
  readonly spec: { readonly containers: readonly Container[] };
}

/** The pod of a file, as it is written. */
function podIn(file: string): PodManifest {
  const pod = documentsIn<PodManifest>(file).find(({ kind }) => kind === 'Pod');
  if (pod === undefined) throw new Error(`Cannot find a pod in ${file}`);
  return pod;
}

/** A pod as kubectl's own types have it: they refuse what is of the wrong type, and lose what they do not know. */
function typed(pod: PodManifest): PodManifest {
  const args = ['set', 'env', '--local', '-f', '-', '-c', 'dlltagent', 'LOOKED_AT=yes', '-o', 'json'];
  return JSON.parse(execFileSync('kubectl', args, { input: JSON.stringify(pod), encoding: 'utf8' }));
}

/** Paths of all values in an object. */
function pathsOf(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([key, member]) => pathsOf(member, `${path}/${key}`));
}

function agentOf({ spec }: PodManifest): Container {
  const container = spec.containers.find(({ name }) => name === 'dlltagent');
  if (container === undefined) throw new Error('Cannot find the container dlltagent');
  return container;
}

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));

for (const [file, capabilities] of [
  ['k8s/dlltagent_pod.yaml', ['NET_RAW', 'SYS_PTRACE', 'DAC_READ_SEARCH', 'SYS_ADMIN', 'BPF', 'PERFMON']],
  ['k8s/sidecar.yaml', ['NET_RAW']],
] as const) {
  test(`${file}: every field is known and of the right type`, () => {
    const pod = podIn(file);
    const known = new Set(pathsOf(typed(pod).spec));
    const unknown = pathsOf(pod.spec).filter((path) => !known.has(path));
    assert.equal(unknown, []);
  });

  test(`${file}: no more rights than are named and explained`, () => {
    const agent = agentOf(podIn(file));
    const { privileged, readOnlyRootFilesystem, capabilities: given } = agent.securityContext;
    assert.equal([privileged, readOnlyRootFilesystem], [false, true]);
    assert.equal(given, { drop: ['ALL'], add: capabilities });
    const explained = readFileSync('docs/SECURITY.md', 'utf8');
    for (const capability of capabilities) assert.match(explained, new RegExp(`^\\| \`${capability}\` \\|`, 'm'));
  });

  test(`${file}: the image is this version's, probes ask where the agent answers`, () => {
    const agent = agentOf(podIn(file));
    assert.is(agent.image, `dlltagent:${version}`);
    const port = agent.env.find(({ name }) => name === 'HEALTH_PORT')?.value;
    const probes = Object.entries(agent).filter(([key]) => key.endsWith('Probe'));
    assert.ok(probes.length > 1);
    for (const [, probe] of probes) assert.is(String(probe.httpGet.port), port);
  });
}

test('kustomize takes them, and the settings with them', () => {
  const built = run(['kubectl', 'kustomize', 'k8s']);
  assert.match(built, /^kind: Namespace$/m);
  assert.match(built, /^ {2}dlltagent_searchpod: \|$/m);
  assert.match(built, new RegExp(`image: dlltagent:${version}$`, 'm'));
  assert.is(built.match(/^ {2}namespace: dllt$/gm)?.length, 2);
});

test('the env file that is written for a new pod: every key, at its default', () => {
  const text = readFileSync('k8s/dlltagent_searchpod', 'utf8');
  const { settings, problems } = parseEnvFile(text.replace(/^#(?=[A-Z0-9_]+=)/gm, ''), 'k8s/dlltagent_searchpod', {});
  assert.equal(problems, []);
  assert.equal(settings, { ...DEFAULT_SETTINGS, interfaceIndex: 'auto' });
  for (const name of SETTING_NAMES) assert.match(text, new RegExp(`^#?${SETTINGS[name].key}=`, 'm'));
});

test.run();
