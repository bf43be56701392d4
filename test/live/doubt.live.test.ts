import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AgentRun, type EnvSettings } from '../lab/agent.ts';
import { Lab, type Pod } from '../lab/lab.ts';
import type { Program } from '../lab/program.ts';
import type { EventLine } from '../lab/session-files.ts';
import { waitFor } from '../lab/wait.ts';
import { makeCapture } from '../tools/make-capture.ts';

const test = suite('Doubt about what was not seen');

const ORDERLY = 5_001;
const RESETTING = 5_002;
const SILENT = 5_003;
const TELLS_ALL: EnvSettings = { EVENT_THROTTLE: 'N', HALF_OPEN_SECONDS: 3, STALE_SECONDS: 3, STALE2_SECONDS: 3_600 };
const SOON_MS = 15_000;

/** A client's pod that is watched, a server's pod, and an address where nobody is. */
async function prepare(lab: Lab, settings: (clientAddress: string) => EnvSettings) {
  const [client, server] = [lab.pod(), lab.pod()];
  await Promise.all(
    (['orderly', 'reset', 'silent'] as const).map((mode, i) => lab.serve(server.namespace, mode, ORDERLY + i)),
  );
  const nowhere = lab.blackHole(client);
  const agent = await AgentRun.watch(lab, client, { ...TELLS_ALL, POD_IP: client.ipv4, ...settings(client.ipv4) });
  const traffic = (kind: string, port: number, ...more: number[]) =>
    lab.traffic(client.namespace, kind, server.ipv4, port, ...more);
  return { agent, client, server, nowhere, traffic, index: client.hostIndex };
}

const TLS_PORT = 8_443;

/** Serves TLS 1.2, which shows its handshake, without tickets; says backwards what it is told. */
async function serveTls(lab: Lab, { namespace }: Pod): Promise<void> {
  const [key, certificate] = ['key.pem', 'certificate.pem'].map((name) => join(lab.directory, name)) as [
    string,
    string,
  ];
  const request = ['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=shop', '-days', '1'];
  namespace.run(...request, '-keyout', key, '-out', certificate);
  const argv = [
    'openssl',
    's_server',
    '-accept',
    `${TLS_PORT}`,
    '-key',
    key,
    '-cert',
    certificate,
    '-rev',
    '-tls1_2',
    '-no_ticket',
  ];
  await lab.start(namespace, argv).waitForListener(TLS_PORT);
}

/** Begins a TLS session, which goes on for as long as something is written to it. */
async function beginTls(lab: Lab, { namespace }: Pod, address: string): Promise<Program> {
  const argv = ['openssl', 's_client', '-connect', `${address}:${TLS_PORT}`];
  const client = lab.start(namespace, argv, { stdio: ['pipe', 'pipe', 'pipe'] });
  await client.waitForOutput(/Verify return code/);
  return client;
}

const isTlsFault = ({ code }: EventLine) => code === '00004' || code === '00005';

const is = (code: string, port: number) => (event: { readonly code: string; readonly dstPort: number }) =>
  event.code === code && event.dstPort === port;

test('the kernel drops packets: what was open then is in doubt, and stillness is no verdict; what comes later is none', async () => {
  await Lab.use(async (lab) => {
    const ring = { RING_MB: 1, CAPTURE_BACKEND: 'ring' };
    // until the loss nothing is told
    const patient = { ...ring, HALF_OPEN_SECONDS: 3_600, STALE_SECONDS: 3_600 };
    const { agent, client, nowhere, traffic, index } = await prepare(lab, () => patient);
    const burst = join(lab.directory, 'burst.pcap');
    makeCapture(burst, { connections: 300 });
    lab.traffic(client.namespace, 'half-open', nowhere, ORDERLY, 1, 100, 3_600);
    traffic('hold', ORDERLY);
    const resets = traffic('hold', SILENT);
    await waitFor('their beginnings', () => agent.files(index).flows.length === 3, {
      describe: () => agent.transcript(),
    });

    agent.program.child.kill('SIGSTOP'); // nobody reads the ring: it overflows
    await lab.start(client.namespace, ['tcpreplay', '-i', 'eth0', '-K', '--topspeed', burst]).output();
    agent.program.child.kill('SIGCONT');
    await waitFor('the burst', () => agent.files(index).flows.length > 10, { describe: () => agent.transcript() });
    await resets.stop('SIGKILL');
    agent.configure({ INTERFACE_INDEX_SNIF: index, ...TELLS_ALL, POD_IP: client.ipv4, ...ring });

    // begun after the loss: told, and certain
    lab.traffic(client.namespace, 'half-open', nowhere, RESETTING, 1, 100, 60);
    await traffic('reset', RESETTING).output();
    const [later] = await agent.events(index, is('00006', RESETTING), 1, SOON_MS);
    assert.equal([later?.quality, later?.confidence], [1, undefined]);
    const [reset] = await agent.events(index, is('00002', RESETTING), 1, SOON_MS);
    assert.is(reset?.quality, 1);
    const { status } = await agent.stop();
    assert.is(status, 0, agent.transcript());

    const { events, endFlows, log } = agent.files(index);
    const drops = log.findLast(({ msg }) => msg === 'capture counters')?.['kernelDrops'];
    assert.ok(Number(drops) > 0, `${drops} dropped`);
    const before = (dstIP: string, port: number) =>
      endFlows.find((line) => line.dstIP === dstIP && line.dstPort === port);
    assert.equal(
      events.filter((event) => (event.code === '00006' || event.code === '00007') && event.dstPort !== RESETTING),
      [],
      'what loss alone could explain is not told',
    );
    assert.is(before(nowhere, ORDERLY)?.quality, 0);
    assert.ok(endFlows.some((line) => line.dstPort === ORDERLY && line.dstIP !== nowhere && line.quality === 0));
  });
});

for (const [seen, filter] of [
  ['what the client sends', (client: string) => `tcp and src host ${client}`],
  ['what the server sends', (client: string) => `tcp and dst host ${client}`],
] as const) {
  test(`one direction only, ${seen}: doubt, and nobody is accused of silence`, async () => {
    await Lab.use(async (lab) => {
      const { agent, traffic, index } = await prepare(lab, (client) => ({ PCAP_FILTER: filter(client) }));
      traffic('hold', SILENT, 1, 100, 60);
      await traffic('reset', ORDERLY).output();
      const [stale] = await agent.events(index, is('00007', SILENT), 1, SOON_MS);
      assert.equal([stale?.value, stale?.quality], [0, 0]);
      assert.match(stale?.confidence ?? '', /one direction only/);
      const { status } = await agent.stop();
      assert.is(status, 0, agent.transcript());
      const { endFlows, events } = agent.files(index);
      assert.ok(endFlows.length >= 2 && endFlows.every((line) => line.quality === 0));
      assert.ok(events.every((event) => event.quality === 0 && event.confidence !== undefined));
    });
  });
}

test('a connection that began before the capture: its reset is told, and in doubt', async () => {
  await Lab.use(async (lab) => {
    const { agent, traffic, index } = await prepare(lab, () => ({ PCAP_FILTER: 'tcp[tcpflags] & tcp-syn = 0' }));
    await traffic('reset', ORDERLY).output();
    const [reset] = await agent.events(index, is('00002', ORDERLY), 1, SOON_MS);
    assert.equal([reset?.quality, reset?.midstream, reset?.latency], [0, true, 0]);
    assert.match(reset?.confidence ?? '', /began before the capture/);
    await agent.stop();
    assert.is(agent.files(index).endFlows[0]?.quality, 0);
  });
});

test('a TLS session that began before the capture: doubt, and it is no fault that its handshake was not seen', async () => {
  await Lab.use(async (lab) => {
    const [client, server] = [lab.pod(), lab.pod()];
    await serveTls(lab, server);
    const session = await beginTls(lab, client, server.ipv4);
    const agent = await AgentRun.watch(lab, client, TELLS_ALL);
    session.child.stdin?.write('hello\n');
    await session.waitForOutput(/^olleh$/m);
    session.child.stdin?.end();
    await session.ended;
    await agent.stop();
    const { endFlows, events } = agent.files(client.hostIndex);
    assert.equal(
      endFlows.map(({ quality }) => quality),
      [0],
    );
    assert.equal(events.filter(isTlsFault), []);
  });
});

test('a gap in the bytes: what remains is told with doubt, and no fault is found with it', async () => {
  await Lab.use(async (lab) => {
    // without the server's ChangeCipherSpec and Finished, its data would come before the handshake is over
    const changesCipher = `tcp src port ${TLS_PORT} and tcp[((tcp[12] & 0xf0) >> 2)] = 20`;
    const { agent, client, server, index } = await prepare(lab, () => ({
      PCAP_FILTER: `tcp and not (${changesCipher})`,
    }));
    await serveTls(lab, server);
    const session = await beginTls(lab, client, server.ipv4);
    session.child.stdin?.write('hello\n');
    await session.waitForOutput(/^olleh$/m);
    session.child.stdin?.end();
    await session.ended;
    const [established] = await agent.events(index, is('00003', TLS_PORT), 1, SOON_MS);
    assert.is(established?.quality, 0);
    assert.match(established?.confidence ?? '', /bytes went by that the capture did not see/);
    await agent.stop();
    const { endFlows, events } = agent.files(index);
    assert.equal(
      endFlows.map(({ quality }) => quality),
      [0],
    );
    assert.equal(events.filter(isTlsFault), []);
  });
});

test.run();
