import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseEnvFile } from '../../src/config/parse-env-file.ts';
import { DEFAULT_SETTINGS, SETTING_NAMES, SETTINGS } from '../../src/config/settings.ts';
import { run } from '../lab/program.ts';
import { agentOf, type PodManifest, podIn } from './documents.ts';

const test = suite('manifests');

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

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));

for (const file of ['k8s/dlltagent_pod.yaml', 'k8s/sidecar.yaml']) {
  test(`${file}: every field is known and of the right type`, () => {
    const pod = podIn(file);
    const known = new Set(pathsOf(typed(pod).spec));
    const unknown = pathsOf(pod.spec).filter((path) => !known.has(path));
    assert.equal(unknown, []);
  });

  test(`${file}: root of a container that can change nothing of it, and get no rights but those it is given`, () => {
    const { capabilities, ...rights } = agentOf(podIn(file)).securityContext;
    assert.equal(rights, {
      privileged: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      runAsUser: 0,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    assert.equal(capabilities.drop, ['ALL']); // what is added: capabilities.live.test.ts
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
