import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sendToApi } from '../../src/cluster/api-request.ts';
import { openPodEvents } from '../../src/cluster/open-pod-events.ts';
import { type Pace, PodEvents } from '../../src/cluster/pod-events.ts';
import { readApiAccess } from '../../src/cluster/service-account.ts';
import { PodSide } from '../../src/model/connection.ts';
import type { NetworkEvent } from '../../src/model/event.ts';
import { EventCode, type EventName } from '../../src/model/event-code.ts';
import { UNKNOWN_PROCESS } from '../../src/model/process.ts';
import { waitFor } from '../lab/wait.ts';
import { makeCertificates } from '../live/certificates.ts';
import { INITIATOR_WORDS, sampleConnection } from '../output/sample-connection.ts';
import { ApiServer } from './events-api.ts';

interface Context {
  api: ApiServer;
  /** To be closed in the end. */
  opened: PodEvents[];
  said: string[];
}

const directory = mkdtempSync(join(tmpdir(), 'dllt-kubernetes-'));
makeCertificates(directory);
const test = suite<Context>('Kubernetes Events');

const SUBJECT = { podName: 'web-0', podNamespace: 'shop', podUid: 'f00-ba4', nodeName: 'node-1' };
const FAST: Pace = {
  againMs: 20,
  burst: 1000,
  requestEveryMs: 1,
  firstRetryMs: 10,
  longestRetryMs: 20,
  closeMs: 60_000,
};

test.before.each(async (context) => {
  context.api = new ApiServer(directory);
  context.opened = [];
  context.said = [];
  await context.api.start();
});
test.after.each(async ({ api, opened }) => {
  await Promise.all(opened.map((events) => events.close()));
  await api.stop();
});
test.after(() => rmSync(directory, { recursive: true, force: true }));

const FD00_9 = [0xfd000000, 0, 0, 9];

function event(change: Partial<NetworkEvent> = {}, port = 8080): NetworkEvent {
  return {
    name: 'TCP_SYN_RESET',
    timeUs: 1_700_000_000_000_000,
    value: 1,
    causeId: 'tcp.refused.nobody-listens',
    cause: 'connection refused',
    connection: {
      sourceAddress: '10.0.0.7',
      destinationAddress: 'fd00::9',
      sourcePort: 40222,
      destinationPort: port,
      podSide: PodSide.initiator,
      synAckLatencyUs: 0,
      ackLatencyUs: 0,
      midstream: false,
      process: { ...UNKNOWN_PROCESS, pid: 7, name: 'curl' },
    },
    ...change,
  };
}

function open(context: Context, pace = FAST): PodEvents {
  const { said } = context;
  const say = (line: string) => said.push(line);
  const events = new PodEvents(
    SUBJECT,
    async (method, path, body) => sendToApi(await readApiAccess(context.api.environment), method, path, body),
    { info: say, warn: say },
    pace,
  );
  context.opened.push(events);
  return events;
}

/** Something that happened `times` times, and the event that tells it, as they come from a session. */
function happen(events: PodEvents, told = event(), times = 1): void {
  const { name, causeId, connection } = told;
  if (connection !== null) {
    const { podSide, destinationPort: responderPort } = connection;
    const one = sampleConnection({ ipVersion: 6, podSide, responderPort }, [INITIATOR_WORDS, FD00_9]);
    for (let n = 0; n < times; n++) events.occurred(name, causeId, one);
  }
  events.report(told);
}

const stored = ({ api }: Context) => [...api.events.values()];
const total = (context: Context) => stored(context).reduce((sum, { count }) => sum + count, 0);
const untilTold = (context: Context, count: number) =>
  waitFor(`${count} events in the cluster`, () => total(context) >= count, {
    describe: () => JSON.stringify([stored(context), context.said]),
  });

test('an event is an object on the pod', async (context) => {
  happen(open(context));
  await untilTold(context, 1);
  const [object] = stored(context);
  const { metadata, firstTimestamp, lastTimestamp, ...rest } = object ?? {};
  assert.equal(rest, {
    apiVersion: 'v1',
    kind: 'Event',
    involvedObject: { apiVersion: 'v1', kind: 'Pod', name: 'web-0', namespace: 'shop', uid: 'f00-ba4' },
    type: 'Warning',
    reason: 'TcpSynReset',
    source: { component: 'dlltagent', host: 'node-1' },
    reportingComponent: 'dlltagent',
    reportingInstance: 'node-1',
    message: 'connection refused [10.0.0.7:40222 → [fd00::9]:8080, process curl]',
    count: 1,
  });
  assert.match(metadata?.name ?? '', /^web-0\.[0-9a-f]{16}$/);
  for (const time of [firstTimestamp, lastTimestamp]) assert.match(time ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
});

test('a trouble that comes again is counted in its object, a few requests in all', async (context) => {
  const events = open(context, { ...FAST, againMs: 50 });
  for (let n = 1; n <= 500; n++) happen(events, event({ cause: `connection refused, ${n} times so far` }));
  happen(events, event({ suppressed: 99 }), 100);
  happen(events, event({ cause: 'connection refused' }, 8081));
  await untilTold(context, 601);
  assert.equal(
    stored(context)
      .map(({ count }) => count)
      .sort(),
    [1, 600],
  );
  assert.ok(context.api.requests.length <= 4, context.api.requests.join());
});

test('what the cluster will never take is dropped, and keeps nothing else waiting', async (context) => {
  context.api.invalidReason = 'TcpReset';
  const events = open(context);
  happen(events, event({ name: 'TCP_RESET' }));
  happen(events);
  await untilTold(context, 1);
  assert.is(stored(context)[0]?.reason, 'TcpSynReset');
  assert.is(events.dropped, 1);
  assert.equal(context.said, ['The cluster refuses a Kubernetes Event: Event is invalid: reason']);
});

test('only what is of interest to the owner of the pod', async (context) => {
  const events = open(context);
  const silent: readonly EventName[] = ['TCP_SYN_RETRANS', 'TCP_IS_TLS', 'TCP_ESTABLISHED_STALE', 'VIF_DISAPPEARED'];
  for (const name of silent.slice(0, 3)) happen(events, event({ name }));
  const told = (Object.keys(EventCode) as EventName[]).filter((name) => !silent.includes(name));
  for (const name of told) happen(events, event({ name }));
  happen(events, event({ name: 'VIF_DISAPPEARED', cause: 'the interface is gone', connection: null }));
  await untilTold(context, told.length + 1);
  assert.is(stored(context).length, told.length + 1);
  assert.ok(stored(context).some(({ message }) => message === 'the interface is gone'));
});

test('an API server that is away: said once, and all of it is told later', async (context) => {
  await context.api.stop();
  const events = open(context);
  for (let n = 0; n < 5; n++) happen(events);
  await waitFor('the failure', () => context.said.length > 0);
  for (let n = 0; n < 5; n++) happen(events);
  await context.api.start();
  await untilTold(context, 10);
  await waitFor('the good news', () => context.said.length > 1);
  assert.match(context.said[0] ?? '', /^Cannot tell Kubernetes Events: .*ECONNREFUSED.*; they are counted together/);
  assert.is(context.said[1], 'Kubernetes Events are told again');
  assert.is(context.said.length, 2);
});

test('no right to do so is said in the words of the server', async (context) => {
  context.api.mood = 'forbidding';
  happen(open(context));
  await waitFor('the refusal', () => context.said.length > 0);
  assert.match(context.said[0] ?? '', /events is forbidden: User "x" cannot create/);
});

test('who cannot prove to be the API server never sees the token', async (context) => {
  await context.api.stop();
  context.api = new ApiServer(directory, 'stranger');
  await context.api.start();
  happen(open(context));
  await waitFor('the refusal', () => context.said.length > 0);
  assert.match(context.said[0] ?? '', /certificate/);
  assert.equal(context.api.requests, []);
});

test('a new token is used as soon as it is there', async (context) => {
  const events = open(context);
  happen(events);
  await untilTold(context, 1);
  context.api.setToken('second token');
  happen(events);
  await untilTold(context, 2);
  assert.equal(context.said, []);
});

test('an object that the cluster has forgotten is made anew', async (context) => {
  const events = open(context);
  happen(events);
  await untilTold(context, 1);
  context.api.events.clear();
  happen(events);
  await untilTold(context, 2);
  assert.is(stored(context)[0]?.count, 2);
});

test('many troubles: few requests, bounded memory, the rest is counted', async (context) => {
  const events = open(context, { ...FAST, burst: 3, requestEveryMs: 600_000 });
  for (let port = 1; port <= 1000; port++) happen(events, event({}, port));
  await untilTold(context, 3);
  assert.is(events.dropped, 1000 - 64);
  await events.close();
  assert.ok(context.api.requests.length <= 64 + 3);
});

test('the end tells what is untold, and does not wait for ever', async (context) => {
  const patient = { ...FAST, againMs: 600_000 };
  const events = open(context, patient);
  happen(events);
  await untilTold(context, 1);
  for (let n = 0; n < 9; n++) happen(events);
  await events.close();
  assert.is(total(context), 10);
  context.api.mood = 'hanging';
  const others = open(context, { ...patient, closeMs: 20 });
  happen(others);
  await others.close();
  assert.equal(context.said, ['1 troubles could not be told to the cluster any more']);
});

for (const [name, subject, want] of [
  ['no pod', { ...SUBJECT, podName: '' }, false],
  ['a path for a name', { ...SUBJECT, podName: '../../secrets' }, false],
  ['a path for a namespace', { ...SUBJECT, podNamespace: 'a/b' }, false],
  ['a pod without UID', { ...SUBJECT, podUid: '' }, true],
] as const) {
  test(`of ${name}: ${want ? 'told, with a warning' : 'not told'}`, async (context) => {
    const log = { info() {}, warn: (line: string) => context.said.push(line) };
    const events = openPodEvents(subject, context.api.environment, log);
    assert.is(events !== null, want);
    assert.is(context.said.length, 1);
  });
}

test('outside of a cluster that is said', async (context) => {
  const log = { info() {}, warn: (line: string) => context.said.push(line) };
  const events = openPodEvents(SUBJECT, {}, log);
  if (events !== null) happen(events);
  await waitFor('the reason', () => context.said.length > 0);
  assert.match(context.said[0] ?? '', /KUBERNETES_SERVICE_HOST.* are not set: this is no pod/);
  await events?.close();
});

test('what is harmless is Normal, what is not a Warning', async (context) => {
  const events = open(context);
  happen(events, event({ name: 'TCP_ESTABLISHED_STALE2', causeId: 'tcp.stale.idle' }));
  happen(events, event({ name: 'TCP_ESTABLISHED_STALE2', causeId: 'tcp.stale.answer-owed' }));
  happen(events, event({ name: 'TLS_ALERT', causeId: 'tls.warning.unrecognized-name' }));
  happen(events, event({ name: 'TLS_ALERT', causeId: 'tls.alert.unknown-ca' }));
  await untilTold(context, 4);
  assert.equal(
    stored(context)
      .map(({ reason, type }) => [reason, type])
      .sort(),
    [
      ['TcpEstablishedStale', 'Normal'],
      ['TcpEstablishedStale', 'Warning'],
      ['TlsAlert', 'Normal'],
      ['TlsAlert', 'Warning'],
    ],
  );
});

test('what no event tells is counted, and told in general words', async (context) => {
  const events = open(context);
  const one = sampleConnection({ ipVersion: 6, podSide: PodSide.initiator, responderPort: 80 }, [
    INITIATOR_WORDS,
    FD00_9,
  ]);
  for (let n = 0; n < 226; n++) events.occurred('TCP_SYN_RESET', 'tcp.refused.nobody-listens', one);
  await untilTold(context, 226);
  assert.match(stored(context)[0]?.message ?? '', /^connection refused: nobody listens .* \[→ \[fd00::9\]:80\]$/);
});

test('who chooses what he is told by does not keep others untold', async (context) => {
  const events = open(context, { ...FAST, burst: 20, requestEveryMs: 600_000 });
  for (let n = 0; n < 1000; n++) {
    const serverName = `${n}.example`;
    const podSide = PodSide.responder;
    const connection = { ...(event().connection as NonNullable<NetworkEvent['connection']>), podSide };
    // varying text is one trouble, varying ports of a scan are of one kind
    const alert = { name: 'TLS_ALERT', causeId: 'tls.alert.unrecognized-name', tls: { serverName } } as const;
    happen(events, event({ ...alert, cause: `the server does not serve the name ${serverName}`, connection }));
    happen(events, event({ connection: { ...connection, destinationPort: 20_000 + n } }));
    if (n % 50 === 0 && n < 750) happen(events, event({ name: 'TCP_RESET', causeId: 'tcp.reset.aborted' }, n + 1));
  }
  await waitFor('20 objects', () => stored(context).length >= 20);
  const told = stored(context).map(({ reason }) => reason);
  assert.is(told.filter((reason) => reason === 'TlsAlert').length, 1);
  assert.ok(told.filter((reason) => reason === 'TcpReset').length >= 6, told.join());
  await events.close();
  assert.is(stored(context).filter(({ reason }) => reason === 'TcpReset').length, 15);
  assert.is(stored(context).find(({ reason }) => reason === 'TlsAlert')?.count, 1000);
});

test.run();
