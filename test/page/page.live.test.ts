import { mkdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Side } from '../../src/model/connection.ts';
import { HealthServer } from '../../src/serve/health-server.ts';
import { PageAccess } from '../../src/serve/page-access.ts';
import { PageServer } from '../../src/serve/page-server.ts';
import { freePort } from '../lab/free-port.ts';
import { waitFor } from '../lab/wait.ts';
import { makeScratch, removeScratch } from '../output/scratch.ts';
import { sampleMemory } from '../serve/sample-figures.ts';
import { SampleSource, sampleSession } from './sample-source.ts';

const DUMP = 'dump_10.0.0.7_10.0.0.9_40222_8080_2023_11_14_22_13_20.pcap';
/** A browser that asks nobody for anything. */
const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
/** Where pictures of the page are wanted, to look at. */
const PICTURES = process.env['PICTURES'];

/** When the first event was. */
const T0_US = Math.floor(Date.now() / 1000 - 120) * 1_000_000;

interface Context {
  browser: Browser;
  source: SampleSource;
  server: HealthServer;
  port: number;
  page: Page;
  /** What the page asked for elsewhere, and what went wrong in it. */
  wrong: string[];
}

const test = suite<Context>('the page in Chromium');

async function listen(context: Context): Promise<void> {
  const observed = {
    sessions: () => [],
    figures: () => [],
    memory: sampleMemory,
    reloads: { good: 0, bad: 0 },
    page: context.source,
  };
  const access = new PageAccess({ token: null, isOwnUser: () => false });
  const page = new PageServer(context.source, access, 'dist/page');
  context.server = await HealthServer.listen({ port: context.port, addresses: ['127.0.0.1'], observed, page });
}

async function open(context: Context, options: Parameters<Browser['newPage']>[0] = {}): Promise<Page> {
  const page = await context.browser.newPage({ viewport: { width: 1280, height: 900 }, ...options });
  page.on('request', (request) => {
    if (new URL(request.url()).host !== `127.0.0.1:${context.port}`) context.wrong.push(request.url());
  });
  page.on('pageerror', (error) => context.wrong.push(error.message));
  page.on('console', (message) => message.type() === 'error' && context.wrong.push(message.text()));
  page.on('dialog', (dialog) => context.wrong.push(dialog.message()));
  await page.goto(`http://127.0.0.1:${context.port}/`);
  await page.getByRole('status').getByText('live').waitFor();
  context.page = page;
  return page;
}

async function picture({ page }: Context, name: string): Promise<void> {
  if (PICTURES !== undefined) await page.screenshot({ path: join(PICTURES, `${name}.png`) });
}

const rowsOf = (page: Page, list: string) => page.locator(`#${list} .rows .row`);

test.before(async (context) => {
  context.browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: QUIET }).catch((error) => {
    console.error(error); // uvu says nothing of a hook that fails
    throw error;
  });
});
test.before.each(async (context) => {
  context.source = new SampleSource(makeScratch());
  context.port = await freePort();
  context.wrong = [];
  const { source } = context;
  const directory = join(source.logDirectory, 'dllt5');
  mkdirSync(directory);
  writeFileSync(join(directory, DUMP), 'the packets');
  const tls = { version: 'TLS 1.3', serverName: 'shop.example', alert: 'unknown_ca' };
  for (let i = 0; i < 40; i++) {
    source.event(
      { name: 'TCP_SYN_RETRANS', timeUs: T0_US + i * 1e6, cause: `early sign ${i}` },
      { sourcePort: 20_000 + i },
    );
  }
  source.event({
    name: 'TLS_ALERT',
    timeUs: T0_US + 41e6,
    cause: 'the client does not trust the issuer',
    by: Side.initiator,
    tls,
    pcap: DUMP,
  });
  source.event({
    name: 'TCP_RESET',
    timeUs: T0_US + 42e6,
    cause: 'the server reset the connection',
    confidence: 'one direction only',
  });
  for (let i = 0; i < 200; i++) source.connection();
  source.connection({ client: '10.0.0.7:40222', server: '10.0.0.9:8080', state: 'half-open', process: 'java (pid 9)' });
  await listen(context);
});
test.after.each(async (context) => {
  await context.page?.close();
  context.server.close();
  removeScratch();
  const { wrong } = context;
  context.wrong = []; // uvu calls a hook that failed again, and tells only of a test's failure
  assert.equal(wrong, []);
});
test.after(async ({ browser }) => browser.close());

test('pods with their state, events and connections are seen; what comes later too', async (context) => {
  const { source } = context;
  source.sessionList = [
    sampleSession(),
    sampleSession({ pod: 'db-0', state: 'waiting', reason: 'the interface is gone' }),
  ];
  const page = await open(context);
  await page.getByText('shop/web-7c9f4 capturing: 3 open, 1 half-open').waitFor();
  await page.getByText('shop/db-0 waiting: the interface is gone').waitFor();
  await page.getByText('42 of 42').waitFor();
  await page.getByText('201 of 201').waitFor();
  assert.match(
    (await rowsOf(page, 'events').first().textContent()) ?? '',
    /00002 TCP_RESET10\.0\.0\.7:40222 → 10\.0\.0\.9:8080shop\/web-7c9f4the server reset/,
  );
  await picture(context, 'light');
  source.event({ timeUs: T0_US + 50e6, cause: 'just now' });
  source.end('0 200', { state: 'reset' });
  await page.getByText('just now').waitFor();
  await page.locator('#connections-state').selectOption('reset');
  await page.getByText('1 of 201', { exact: true }).waitFor();
});

test('what came too fast to be shown is counted', async (context) => {
  const { source } = context;
  source.leftOut = { events: 12_345, ends: 67 };
  const page = await open(context);
  await page.getByText('42 of 42 (12345 more came too fast to be shown; they are in the files)').waitFor();
  await page.getByText('201 of 201 (67 more').waitFor();
});

test('events and latency over time', async (context) => {
  const { source } = context;
  let steps = 0;
  source.sessions = () => {
    steps++;
    const counts = Array.from({ length: 17 }, (_, i) => steps * (i === 8 ? 100 : i === 12 ? 3 : 0));
    return [sampleSession({ handshakes: counts, tlsHandshakes: counts })];
  };
  for (let s = 0; s < 180; s += 2) source.event({ timeUs: (Date.now() - s * 1000) * 1000 });
  const page = await open(context);
  await page.locator('#timeline').hover({ position: { x: 300, y: 80 } });
  await page.locator('#timeline .u-legend').getByText(/^\d+$/).first().waitFor();
  const latest = page.locator('#latency .u-legend .u-series').filter({ hasText: 'TCP p99' });
  const { width = 0 } = (await page.locator('#latency .u-over').boundingBox()) ?? {};
  const plot = page.locator('#latency .u-over');
  await waitFor('the latency at the end of the chart', async () => {
    await plot.hover({ position: { x: width - 2, y: 40 } });
    await plot.hover({ position: { x: width - 1, y: 50 } });
    return /1,?000/.test((await latest.textContent()) ?? '');
  });
  await picture(context, 'charts');
});

test('search, sort, and filters by state, by what is carried, by event', async (context) => {
  const page = await open(context);
  const [found, first] = [page.locator('#connections-count'), rowsOf(page, 'connections').first()];
  const find = async (count: string) => found.getByText(`${count} of 201`, { exact: true }).waitFor();
  await find('201');
  await page.locator('#connections-search').fill('java');
  await find('1');
  await page.locator('#connections-search').fill('');
  await page.locator('#connections-type').selectOption('TLS');
  await find('67');
  await page.locator('#connections-type').selectOption('');
  await page.locator('#connections-state').selectOption('half-open');
  await find('1');
  await page.locator('#connections-state').selectOption('');
  await page.locator('#connections-code').selectOption('00004');
  await find('1');
  await page.locator('#connections-code').selectOption('');
  await find('201');
  const sorted = page.getByRole('columnheader', { name: 'Received' });
  await sorted.getByRole('button').click();
  assert.is(await sorted.getAttribute('aria-sort'), 'ascending');
  const least = await first.textContent();
  await sorted.getByRole('button').click();
  assert.is(await sorted.getAttribute('aria-sort'), 'descending');
  assert.is.not(await first.textContent(), least);
  await page.locator('#events-code').selectOption('00004');
  await page.locator('#events-count').getByText('1 of 42').waitFor();
});

test('a click on an event: cause, connection, process, TLS, neighbours, and the pcap', async (context) => {
  const page = await open(context);
  await page.getByText('201 of 201').waitFor();
  await page.getByText('the client does not trust the issuer').click();
  const detail = page.getByRole('dialog');
  for (const text of [
    '00004 TLS_ALERT',
    'shop.example',
    'TLS 1.3',
    'unknown_ca',
    'java (pid 9)',
    '10.0.0.7:40222 → 10.0.0.9:8080',
  ]) {
    await detail.getByText(text).first().waitFor();
  }
  await picture(context, 'detail');
  const downloading = page.waitForEvent('download');
  await detail.getByText(`Download ${DUMP}`).click();
  assert.is(await readFile(await (await downloading).path(), 'utf8'), 'the packets');
  await detail.getByRole('button', { name: /00002 TCP_RESET/ }).click();
  await detail.getByText('one direction only').waitFor();
  await detail.getByRole('button', { name: 'Close' }).click();
  await rowsOf(page, 'connections').first().click();
  await detail.getByText('Its events').waitFor();
});

test('with the keyboard alone', async (context) => {
  const page = await open(context);
  await page.locator('#events-count').getByText('42').waitFor();
  await rowsOf(page, 'events').first().focus();
  await page.keyboard.press('End');
  await page.locator('#events .row:focus').getByText('early sign 0', { exact: true }).waitFor();
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').getByText('the client does not trust the issuer').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  await page.locator('#events .row:focus').getByText('does not trust').waitFor();
});

test('what comes in the meantime takes away neither the focus nor a click in the making', async (context) => {
  const { source } = context;
  const page = await open(context);
  const alert = page.locator('#events .row').filter({ hasText: 'does not trust' });
  await alert.hover();
  await page.mouse.down();
  source.event({ timeUs: T0_US + 50e6, cause: 'while the button is down' });
  await page.getByText('while the button is down').waitFor();
  await alert.hover();
  await page.mouse.up();
  await page.getByRole('dialog').getByText('the client does not trust the issuer').waitFor();
  for (let i = 0; i < 200; i++) source.event({ timeUs: T0_US + 51e6 + i * 1e3, cause: 'while the panel is open' });
  await page.locator('#events-count').getByText('243 of 243').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('#events .row:focus').getByText('does not trust').waitFor();
  source.event({ timeUs: T0_US + 60e6, cause: 'afterwards' });
  await page.getByText('afterwards').waitFor();
  await page.keyboard.press('ArrowUp');
  await page.locator('#events .row:focus').getByText('the server reset the connection').waitFor();
});

test('text from the network is text', async (context) => {
  const { source } = context;
  const hostile = '<img src=x onerror=alert(1)><script>alert(2)</script>';
  source.event({ cause: hostile, timeUs: T0_US + 60e6, tls: { serverName: hostile } });
  source.connection({ serverName: hostile, process: hostile });
  const page = await open(context);
  await page.locator('#events').getByText('<img src=x').click();
  await page.getByRole('dialog').getByText('<script>').first().waitFor();
  assert.is(await page.locator('img').count(), 0);
});

test('10,000 connections and 5,000 events: only what is in sight is in the document', async (context) => {
  const { source } = context;
  for (let i = source.open.size; i < 10_000; i++) source.connection();
  for (let i = 0; i < 5_000; i++) source.event({ timeUs: T0_US + 100e6 + i * 1e4, cause: `event ${i}` });
  const page = await open(context);
  await page.getByText('10000 of 10000').waitFor();
  await page.getByText('5000 of 5000').waitFor();
  assert.ok((await page.locator('.rows .row').count()) < 100);
  await page.locator('#connections .rows').evaluate((rows) => {
    rows.scrollTop = rows.scrollHeight / 2;
  });
  await page.locator('#connections .row[aria-rowindex="5000"]').waitFor();
  assert.ok((await page.locator('.rows .row').count()) < 100);
  await page.locator('#connections-search').fill('s15.shop nginx');
  await page
    .locator('#connections-count')
    .getByText(/^\d{1,4} of 10000$/)
    .waitFor();
  await picture(context, 'many');
});

for (const [name, options] of [
  ['dark', { colorScheme: 'dark' }],
  ['phone', { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }],
] as const) {
  test(`${name}: all of it is there, and nothing sticks out`, async (context) => {
    const page = await open(context, options);
    await page.getByText('201 of 201').waitFor();
    const widthOf = (name: string) => page.evaluate<number>(`document.documentElement.${name}`);
    const [scrollWidth, clientWidth] = [await widthOf('scrollWidth'), await widthOf('clientWidth')];
    assert.ok(scrollWidth <= clientWidth, `${scrollWidth} of ${clientWidth}`);
    const ground = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
    const [red, green, blue] = ground.match(/\d+/g) ?? [];
    assert.is(Number(red) + Number(green) + Number(blue) < 200, name === 'dark');
    await picture(context, name);
    await page.getByText('the client does not trust the issuer').click();
    await page.getByRole('dialog').getByText('unknown_ca').waitFor();
    await picture(context, `${name}-detail`);
  });
}

test('an agent that is away is said; when it is back, the page goes on', async (context) => {
  const page = await open(context);
  await page.getByText('201 of 201').waitFor();
  context.server.close();
  await page.getByText('the agent does not answer').waitFor();
  await picture(context, 'away');
  context.source.connection();
  await listen(context);
  await page.getByText('202 of 202').waitFor();
  await page.getByRole('status').getByText('live').waitFor();
  context.wrong = context.wrong.filter((line) => !/net::ERR_/.test(line)); // Chromium says that nobody answered
});

test.run();
