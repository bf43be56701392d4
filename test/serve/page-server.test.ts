import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PageMessage } from '../../src/model/page-messages.ts';
import { CLIENT_LIMITS } from '../../src/serve/client-places.ts';
import { HealthServer } from '../../src/serve/health-server.ts';
import { PageAccess } from '../../src/serve/page-access.ts';
import { PageServer } from '../../src/serve/page-server.ts';
import { freePort } from '../lab/free-port.ts';
import { waitFor } from '../lab/wait.ts';
import { makeScratch, removeScratch } from '../output/scratch.ts';
import { SampleSource } from '../page/sample-source.ts';
import { sampleMemory } from './sample-figures.ts';

interface Context {
  source: SampleSource;
  server: HealthServer;
  port: number;
  /** Whether who asks is the agent's own user, as far as the page can tell. */
  isOwn: boolean;
}

const TOKEN = 'open sesame';
const KEY = 'once';
const DUMP = 'dump_10.0.0.7_10.0.0.9_40222_8080_2023_11_14_22_13_20.pcap';
/** An address of this machine that is not loopback. */
const ELSEWHERE = Object.values(networkInterfaces())
  .flat()
  .find((one) => one?.family === 'IPv4' && !one.internal)?.address;

const test = suite<Context>('page server');

async function serve(context: Context, token: string | null, limits = CLIENT_LIMITS): Promise<void> {
  context.source = new SampleSource(makeScratch());
  context.port = await freePort();
  const observed = {
    sessions: () => [],
    figures: () => [],
    memory: sampleMemory,
    reloads: { good: 0, bad: 0 },
    page: context.source,
  };
  const addresses = ['127.0.0.1', ...(ELSEWHERE === undefined ? [] : [ELSEWHERE])];
  context.isOwn = true;
  const access = new PageAccess({ token, key: KEY, isOwnUser: () => context.isOwn });
  const page = new PageServer(context.source, access, 'dist/page');
  context.server = await HealthServer.listen({ port: context.port, addresses, observed, page, limits });
}

test.before.each((context) => serve(context, TOKEN));
test.after.each(({ server }) => {
  server.close();
  removeScratch();
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** One request; a body makes it a POST. */
function ask(
  { port }: Context,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  host = '127.0.0.1',
  body?: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST';
    const sent = request({ host, port, path, method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece) => {
        text += piece;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

test('the page and its parts, with nothing from elsewhere', async (context) => {
  for (const [path, type] of [
    ['/', 'text/html'],
    ['/page.css', 'text/css'],
    ['/page.js', 'text/javascript'],
  ] as const) {
    const { status, headers, text } = await ask(context, path);
    assert.is(status, 200);
    assert.ok(headers['content-type']?.startsWith(type), type);
    assert.match(String(headers['content-security-policy']), /^default-src 'none'; script-src 'self';/);
    assert.is(headers['x-content-type-options'], 'nosniff');
    assert.not.match(text, /\b(src|href|action)="(https?:)?\/\//);
  }
  assert.is((await ask(context, '/healthz')).text, 'alive\n');
});

test('nothing else', async (context) => {
  const others = [
    '/index.html',
    '/page.js.map',
    '/page.js/',
    '/stream/',
    '/pcap/x',
    '/..',
    '/%2e%2e/etc/passwd',
    '//',
    '/%',
  ];
  for (const path of others) assert.is((await ask(context, path)).status, 404, path);
  for (const path of ['/', '/page.js', '/stream', '/pcap', '/healthz', '/metrics']) {
    assert.is((await ask(context, path, {}, '127.0.0.1', 'a body')).status, 405, path);
  }
  assert.is((await ask(context, '/?x=%')).status, 200);
});

test('a page elsewhere whose name was bent to loopback gets nothing', async (context) => {
  for (const host of ['evil.example', '127.0.0.1.evil.example', 'evil.example:80']) {
    assert.is((await ask(context, '/stream', { host })).status, 403, host);
  }
  for (const host of ['localhost', 'localhost:9811', '[::1]:9811']) {
    assert.is((await ask(context, '/', { host })).status, 200, host);
  }
});

test('elsewhere than on loopback: the token, and nothing without', async (context) => {
  if (ELSEWHERE === undefined) throw new Error('this machine has no address but loopback');
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  assert.match((await ask(context, '/', {}, ELSEWHERE)).text, /type="password"/);
  for (const path of ['/stream', '/page.js', `/pcap?directory=dllt5&name=${DUMP}`]) {
    assert.is((await ask(context, path, {}, ELSEWHERE)).status, 401, path);
  }
  const wrong = await ask(context, '/login', form, ELSEWHERE, 'token=open+barley');
  assert.equal([wrong.status, wrong.headers['set-cookie']], [401, undefined]);
  const right = await ask(context, '/login', form, ELSEWHERE, 'token=open+sesame');
  assert.is(right.status, 303);
  const [cookie = ''] = right.headers['set-cookie'] ?? [];
  assert.match(cookie, /; HttpOnly; SameSite=Strict/);
  assert.not.ok(cookie.includes('sesame'));
  const value = cookie.split(';')[0] ?? '';
  assert.is((await ask(context, '/page.js', { cookie: `other=1; ${value}` }, ELSEWHERE)).status, 200);
  assert.is((await ask(context, '/page.js', { cookie: `${value.slice(0, -1)}x` }, ELSEWHERE)).status, 401);
});

test('on loopback too, unless it is the agent’s own user who asks', async (context) => {
  context.isOwn = false;
  for (const path of ['/stream', '/page.js', `/pcap?directory=dllt5&name=${DUMP}`]) {
    assert.is((await ask(context, path)).status, 401, path);
  }
  assert.is((await ask(context, '/healthz')).status, 200);
  const right = await ask(context, '/login', {}, '127.0.0.1', 'token=open+sesame');
  const [cookie = ''] = right.headers['set-cookie'] ?? [];
  assert.is((await ask(context, '/page.js', { cookie: cookie.split(';')[0] ?? '' })).status, 200);
});

test('the link on the console stands for the token once', async (context) => {
  context.isOwn = false;
  assert.is((await ask(context, '/login?key=twice')).status, 401);
  const first = await ask(context, `/login?key=${KEY}`);
  assert.is(first.status, 303);
  const [cookie = ''] = first.headers['set-cookie'] ?? [];
  assert.is((await ask(context, '/page.js', { cookie: cookie.split(';')[0] ?? '' })).status, 200);
  assert.is((await ask(context, `/login?key=${KEY}`)).status, 401);
});

test('UI_TOKEN=none: nobody is asked on loopback, nobody elsewhere sees the page; health checks are answered', async (context) => {
  if (ELSEWHERE === undefined) throw new Error('this machine has no address but loopback');
  context.server.close();
  await serve(context, null);
  context.isOwn = false;
  assert.is((await ask(context, '/page.js')).status, 200);
  const refused = await ask(context, '/', {}, ELSEWHERE);
  assert.is(refused.status, 403);
  assert.match(refused.text, /UI_TOKEN/);
  assert.is((await ask(context, '/login', {}, ELSEWHERE, 'token=')).status, 403);
  assert.is((await ask(context, '/healthz', {}, ELSEWHERE)).status, 200);
});

test('downloads that nobody takes are bounded, given up, and in the way of no probe', async (context) => {
  context.server.close();
  await serve(context, TOKEN, { ...CLIENT_LIMITS, idleMs: 400 });
  const directory = join(context.source.logDirectory, 'dllt5');
  mkdirSync(directory);
  writeFileSync(join(directory, DUMP), Buffer.alloc(16 << 20));
  const path = `/pcap?directory=dllt5&name=${DUMP}`;
  const sockets = Array.from({ length: 40 }, () => connect(context.port, '127.0.0.1').on('error', () => undefined));
  for (const socket of sockets) socket.pause().write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await waitFor('all places taken', async () => (await ask(context, '/metrics')).status === 503);
  for (let probe = 0; probe < 8; probe++) assert.is((await ask(context, '/readyz')).status, 200);
  await waitFor('places again', async () => (await ask(context, '/metrics')).status === 200);
  for (const socket of sockets) socket.destroy();
});

test('pcaps, and no other file', async (context) => {
  const directory = join(context.source.logDirectory, 'dllt5');
  mkdirSync(directory);
  writeFileSync(join(directory, DUMP), 'the packets');
  writeFileSync(join(directory, 'netwevents.log'), 'not this');
  symlinkSync('/etc/passwd', join(directory, 'dump_0.pcap'));
  const pcap = (name: string, where = 'dllt5') =>
    ask(context, `/pcap?${new URLSearchParams({ directory: where, name })}`);
  const { status, headers, text } = await pcap(DUMP);
  assert.equal([status, text], [200, 'the packets']);
  assert.is(headers['content-disposition'], `attachment; filename="${DUMP}"`);
  for (const [name, where] of [
    ['netwevents.log', 'dllt5'],
    ['dump_0.pcap', 'dllt5'],
    ['dump_/../../../etc/passwd.pcap', 'dllt5'],
    ['../dllt5/dump_1.pcap', 'dllt5'],
    [DUMP, '../dllt5'],
    [DUMP, 'dllt6'],
    [DUMP, ''],
  ] as const) {
    assert.is((await pcap(name, where)).status, 404, `${where} ${name}`);
  }
});

/** Reads the stream until `enough`. */
async function follow(context: Context, enough: (messages: readonly PageMessage[]) => boolean): Promise<PageMessage[]> {
  const stopping = new AbortController();
  const response = await fetch(`http://127.0.0.1:${context.port}/stream`, { signal: stopping.signal });
  const messages: PageMessage[] = [];
  let text = '';
  for await (const piece of response.body ?? []) {
    text += Buffer.from(piece).toString();
    const parts = text.split('\n\n');
    text = parts.pop() ?? '';
    messages.push(...parts.map((part) => JSON.parse(part.replace(/^data: /, '')) as PageMessage));
    if (enough(messages)) break;
  }
  stopping.abort();
  return messages;
}

test('the stream: what is there, then what changes, and no more', async (context) => {
  const { source } = context;
  source.event();
  for (let i = 0; i < 3; i++) source.connection();
  let changed = false;
  const messages = await follow(context, (all) => {
    if (!changed && all.some(({ kind }) => kind === 'connections')) {
      changed = true;
      source.end('0 1', { state: 'reset' });
      source.open.delete('0 2');
      source.event({ cause: 'later' });
    }
    return all.filter(({ kind }) => kind === 'connections').length === 2;
  });
  const connections = messages.filter((message) => message.kind === 'connections');
  assert.equal(
    connections.map((message) => message.changed.map(({ key, state }) => `${key} ${state}`)),
    [['0 0 established', '0 1 established', '0 2 established'], ['0 1 reset']],
  );
  assert.equal(connections[1]?.removed, ['0 2']);
  const lines = messages.filter((message) => message.kind === 'events').map(({ events }) => events.length);
  assert.equal(lines, [1, 1]);
  await source.watched(0);
});

test('four pages at a time, and nobody watches when they are closed', async (context) => {
  const { source, port } = context;
  const stopping = new AbortController();
  const open = () => fetch(`http://127.0.0.1:${port}/stream`, { signal: stopping.signal });
  const answers = await Promise.all([open(), open(), open(), open()]);
  assert.ok(answers.every(({ status }) => status === 200));
  assert.is((await open()).status, 503);
  assert.is(source.watchers, 4);
  stopping.abort();
  await source.watched(0);
  await waitFor('room for another page', async () => {
    const looking = new AbortController();
    const { status } = await fetch(`http://127.0.0.1:${port}/stream`, { signal: looking.signal });
    looking.abort();
    return status === 200;
  });
});

test.run();
