import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { documentsIn } from './documents.ts';
import { refused, settingsIn, succeeded, withPod } from './with-pod.ts';

const test = suite('monitorPod.sh');

/** What a test looks at in the documents of a manifest. */
interface Document {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly rules?: unknown;
  readonly subjects?: unknown;
  readonly roleRef?: unknown;
}

const kindsIn = (file: string) => documentsIn<Document>(file).map(({ kind }) => kind);

for (const programs of [['ip'], ['cat']]) {
  test(`the index of a pod with ${programs.join()}`, async () => {
    await withPod(programs, async (cluster, pod) => {
      succeeded(await cluster.monitorPod('web', 'shop'));
      const { uid } = cluster.api.store.get('pods', 'shop', 'web')?.metadata ?? {};
      const { INTERFACE_INDEX_SNIF, POD_NAME, POD_NAMESPACE, POD_UID, POD_IP, POD_INTERFACE, NODE_NAME } =
        settingsIn(cluster);
      assert.is(INTERFACE_INDEX_SNIF, String(pod.hostIndex));
      assert.equal([POD_NAME, POD_NAMESPACE, POD_UID, POD_IP], ['web', 'shop', uid, pod.ipv4]);
      assert.equal([POD_INTERFACE, NODE_NAME], ['eth0', 'node-a']);
    });
  });
}

test('a pod that can tell nothing, and one that nobody may exec into: auto', async () => {
  await withPod([], async (cluster) => {
    const outcome = await cluster.monitorPod('web', 'shop');
    succeeded(outcome);
    assert.match(outcome.stdout, /auto/);
    assert.is(settingsIn(cluster)['INTERFACE_INDEX_SNIF'], 'auto');
  });
  await withPod(['ip', 'cat'], async (cluster) => {
    cluster.api.execIsForbidden = true;
    succeeded(await cluster.monitorPod('web', 'shop'));
    assert.is(settingsIn(cluster)['INTERFACE_INDEX_SNIF'], 'auto');
  });
});

test('two interfaces of one pod have a file each', async () => {
  await withPod([], async (cluster) => {
    for (const args of [['--add'], ['--add'], ['net1', '--add'], ['net1']]) {
      succeeded(await cluster.monitorPod('web', 'shop', ...args));
    }
    const files = ['dlltagent_searchpod.shop.web', 'dlltagent_searchpod.shop.web.net1'];
    assert.equal(readdirSync(cluster.directory).sort(), [...files, 'dlltagent_searchpod.yaml']);
    assert.equal(
      files.map((file) => settingsIn(cluster, file)['POD_INTERFACE']),
      ['eth0', 'net1'],
    );
  });
});

test('an interface that is named', async () => {
  await withPod(['cat'], async (cluster, pod) => {
    pod.namespace.run('ip', 'link', 'set', 'eth0', 'down');
    pod.namespace.run('ip', 'link', 'set', 'eth0', 'name', 'net1');
    succeeded(await cluster.monitorPod('web', 'shop', 'net1'));
    assert.is(settingsIn(cluster)['INTERFACE_INDEX_SNIF'], String(pod.hostIndex));
    assert.is(settingsIn(cluster)['POD_INTERFACE'], 'net1');
    refused(await cluster.monitorPod('web', 'shop'), /no such interface, only .*net1/);
  });
});

test('refusals', async () => {
  await withPod(['cat'], async (cluster) => {
    cluster.addPod('pending', null, { phase: 'Pending' });
    cluster.addPod('host', null, { hostNetwork: true });
    cluster.addPod('two', null, { containers: ['app', 'mesh'] });
    for (const [name, message] of [
      ['nobody', /nobody in the namespace shop: there is none/],
      ['pending', /shop\/pending: it is not running, but Pending/],
      ['host', /shop\/host: it uses the network of its node/],
      ['two', /shop\/two.*app mesh with --container/],
    ] as const) {
      refused(await cluster.monitorPod(name, 'shop'), message);
    }
    refused(await cluster.monitorPod('--remove', 'web', 'shop'), /no env file in this directory names it/);
    refused(await cluster.monitorPod('--reload'), /there is no dlltagent_searchpod/);
    assert.equal(readdirSync(cluster.directory), []);
  });
});

test('what is no name reaches nothing', async () => {
  await withPod(['cat'], async (cluster) => {
    for (const args of [
      ['$(touch hit)', 'shop'],
      ['web; touch hit', 'shop'],
      ['Web', 'shop'],
      ['web', '../shop'],
      ['web', 'shop', 'eth0/../lo'],
      ['--container', 'a b', 'web'],
      ['web', 'shop', 'eth0', 'more'],
      ['--bogus'],
      [],
    ]) {
      refused(await cluster.monitorPod(...args), /-h shows how to call it/, 2);
    }
    assert.equal(readdirSync(cluster.directory), []);
    const help = await cluster.monitorPod('-h');
    succeeded(help);
    assert.match(help.stdout, /--remove POD/);
  });
});

test("the user's edits stay: only the lines that name the pod change", async () => {
  await withPod(['ip'], async (cluster, pod) => {
    const file = join(cluster.directory, 'dlltagent_searchpod');
    const edited =
      '# mine\nFOLLOW_PORT = 8080 # the proxy\nPOD_NAME=old\nexport POD_UID=1\nPOD_UID=2\nSEARCH_HTTP_HEADER="X-A: \\"$b`";';
    writeFileSync(file, edited);
    succeeded(await cluster.monitorPod('web', 'shop'));
    const lines = readFileSync(file, 'utf8').split('\n');
    assert.equal(lines.slice(0, 3), ['# mine', 'FOLLOW_PORT = 8080 # the proxy', 'POD_NAME=web']);
    assert.match(lines[3] ?? '', /^POD_UID=.{36}$/);
    assert.is(lines[4], 'SEARCH_HTTP_HEADER="X-A: \\"$b`";');
    assert.is(settingsIn(cluster)['INTERFACE_INDEX_SNIF'], String(pod.hostIndex));
    const once = readFileSync(file, 'utf8');
    succeeded(await cluster.monitorPod('web', 'shop'));
    assert.is(readFileSync(file, 'utf8'), once);
    // it goes through YAML unchanged
    succeeded(await cluster.kubectl('apply', '-f', 'dlltagent_searchpod.yaml'));
    assert.is(cluster.api.store.get('configmaps', 'default', 'dlltagent')?.data?.['dlltagent_searchpod'], once);
  });
});

test('the manifests are taken by kubectl apply', async () => {
  await withPod(['ip'], async (cluster) => {
    succeeded(await cluster.monitorPod('web', 'shop'));
    const files = ['k8s/namespace.yaml', 'k8s/dlltagent_pod.yaml', 'k8s/sidecar.yaml'].map((path) => resolve(path));
    const named = [...files, 'dlltagent_searchpod.yaml'].flatMap((path) => ['-f', path]);
    const outcome = await cluster.kubectl('apply', '--dry-run=client', ...named);
    succeeded(outcome);
    assert.is(outcome.stdout.match(/created \(dry run\)/g)?.length, 6);
  });
});

test('--events: the right to make Events in the namespace of the pod, and only when it is asked for', async () => {
  await withPod(['ip'], async (cluster, pod) => {
    cluster.addPod('api', pod.namespace, { programs: ['ip'] });
    const manifest = join(cluster.directory, 'dlltagent_searchpod.yaml');
    succeeded(await cluster.monitorPod('web', 'shop'));
    assert.equal(kindsIn(manifest), ['ConfigMap', 'Pod']);
    succeeded(await cluster.monitorPod('--events', 'web', 'shop'));
    assert.is(settingsIn(cluster)['KUBERNETES_EVENTS'], 'Y');
    const documents = documentsIn<Document>(manifest);
    assert.equal(
      documents.map(({ kind, metadata }) => [kind, metadata.namespace, metadata.name]),
      [
        ['ConfigMap', 'default', 'dlltagent'],
        ['ServiceAccount', 'default', 'dlltagent'],
        ['Role', 'shop', 'dlltagent-events'],
        ['RoleBinding', 'shop', 'dlltagent'],
        ['Pod', 'default', 'dlltagent'],
      ],
    );
    const [, , role, binding, agent] = documents;
    assert.equal(role?.rules, [{ apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] }]);
    assert.equal(binding?.subjects, [{ kind: 'ServiceAccount', name: 'dlltagent', namespace: 'default' }]);
    assert.equal(binding?.roleRef, { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'dlltagent-events' });
    assert.is(agent?.spec?.['serviceAccountName'], 'dlltagent');
    assert.is(agent?.spec?.['automountServiceAccountToken'], undefined);
    succeeded(await cluster.monitorPod('--add', 'api', 'shop')); // what was asked for stands in the env file
    assert.equal(kindsIn(manifest), ['ConfigMap', 'ServiceAccount', 'Role', 'RoleBinding', 'Pod']);
  });
});

test('somebody else put a pod there: a warning; another pod takes the place of the first: a note', async () => {
  await withPod(['ip'], async (cluster, _pod, lab) => {
    cluster.addPod('api', lab.pod().namespace, { programs: ['ip'] });
    const data = { 'dlltagent_searchpod.shop.theirs': 'POD_NAME=theirs\n' };
    cluster.api.store.put('configmaps', 'default', { metadata: { name: 'dlltagent' }, data });
    const outcome = await cluster.monitorPod('web', 'shop');
    succeeded(outcome);
    assert.match(outcome.stderr, /dlltagent_searchpod\.shop\.theirs too, which is not in this directory/);
    assert.match((await cluster.monitorPod('api', 'shop')).stdout, /watched shop\/web before; use --add/);
  });
});

test.run();
