import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { formatForPeople, SessionLog } from '../../src/output/session-log.ts';
import { makeScratch, readAll, removeScratch } from './scratch.ts';

const NAMES = { podName: 'web', podNamespace: 'shop', interfaceName: 'veth1a2b', clock: () => Date.now() };

const log = suite('session log');
log.after.each(removeScratch);

function makeLog(directory: string, print?: (line: string) => void): SessionLog {
  return new SessionLog({ directory, level: 'info', ...NAMES, ...(print === undefined ? {} : { print }) });
}

log('machines read log_notif, people read outputfile.txt and the console', async () => {
  const directory = makeScratch();
  const printed: string[] = [];
  const session = makeLog(directory, (line) => printed.push(line));
  session.info('capture began', { ringMb: 16 });
  session.error('capture failed', { error: 'two\nlines' });
  await session.close();

  const found = await readAll(directory);
  const [notifications, console] = Object.keys(found);
  assert.match(notifications, /^log_notif_\d{4}(_\d\d){5}\.log$/);
  assert.is(console, 'outputfile.txt');
  const records = found[notifications]
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(
    records.map(({ time, ...rest }) => rest),
    [
      { level: 'info', pod: 'web', namespace: 'shop', interface: 'veth1a2b', ringMb: 16, msg: 'capture began' },
      {
        level: 'error',
        pod: 'web',
        namespace: 'shop',
        interface: 'veth1a2b',
        error: 'two\nlines',
        msg: 'capture failed',
      },
    ],
  );
  assert.ok(records.every(({ time }) => new Date(time).toISOString() === time));
  assert.is(found['outputfile.txt'], `${printed.join('\n')}\n`);
  assert.match(printed[0], /^\d{4}-\d\d-\d\dT[\d:.]{12}Z info {2}\[veth1a2b\] capture began ringMb=16$/);
  assert.match(printed[1], /Z error \[veth1a2b\] capture failed error=two lines$/);
});

log('what turns the direction of writing, or is not seen, stands there as escapes, and reads the same', async () => {
  const directory = makeScratch();
  const printed: string[] = [];
  const session = makeLog(directory, (line) => printed.push(line));
  const request = 'GET /\u202e\u{e0041}\u200b HTTP/1.1';
  session.info('found', { request });
  await session.close();
  const found = await readAll(directory);
  for (const text of [...Object.values(found), ...printed]) assert.not.match(text, /[\p{Cf}]/u);
  assert.match(printed[0] ?? '', /\\u\{202e\}\\u\{e0041\}\\u\{200b\} HTTP/);
  const [name = ''] = Object.keys(found);
  assert.is(JSON.parse(found[name] ?? '').request, request);
});

log('the level can be changed while it runs', async () => {
  const directory = makeScratch();
  const printed: string[] = [];
  const session = makeLog(directory, (line) => printed.push(line));
  session.debug('1');
  session.level = 'debug';
  assert.is(session.level, 'debug');
  session.debug('2');
  session.level = 'error';
  session.warn('3');
  session.error('4');
  await session.close();
  assert.equal(
    printed.map((line) => line.at(-1)),
    ['2', '4'],
  );
});

log('nothing that can be logged throws', async () => {
  const session = makeLog(makeScratch());
  const circular: Record<string, unknown> = { big: 1n };
  Object.assign(circular, { self: circular });
  session.error('odd', { circular, nothing: undefined, big: 2n, call: () => 1, error: new Error('why') });
  await session.close();
  assert.is(session.notifications.counters.writtenLines, 1);
  assert.is(session.console.counters.writtenLines, 1);
});

log('outputfile.txt turns over at 10 MB and keeps the newest', async () => {
  const directory = makeScratch();
  const session = makeLog(directory);
  for (let i = 0; i < 32; i++) {
    session.info(`${i} ${'x'.repeat(1_000_000)}`);
    await session.flush();
  }
  await session.close();
  const found = await readAll(directory);
  assert.ok(found['outputfile.1.txt'].length < 12_000_000);
  assert.ok(found['outputfile.txt'].length < 12_000_000);
  assert.match(found['outputfile.txt'], / 31 x/);
  assert.ok(Object.keys(found).filter((name) => name.startsWith('log_notif_')).length >= 4);
});

log('a line for people is one line and steers no terminal', () => {
  const line = formatForPeople(0, 'warn', 'eth0', 'a\r\n\u001b[2Jb', { host: 'x\u0007y', long: 'z'.repeat(1000) });
  assert.is(line, `1970-01-01T00:00:00.000Z warn  [eth0] a [2Jb host=x y long=${'z'.repeat(200)}…`);
});

log('a clock that does not know the time stops nothing', async () => {
  const directory = makeScratch();
  const session = new SessionLog({ directory, level: 'info', ...NAMES, clock: () => Number.NaN });
  session.info('early');
  await session.close();
  assert.equal(Object.keys(await readAll(directory)), ['log_notif_1970_01_01_00_00_00.log', 'outputfile.txt']);
});

log('files that cannot be written stop nothing', async () => {
  const errors: string[] = [];
  const directory = join(makeScratch(), 'a\0b');
  const session = new SessionLog({ directory, level: 'info', ...NAMES, onError: (message) => errors.push(message) });
  session.info('lost');
  await session.close();
  assert.is(session.notifications.counters.lostLines, 1);
  assert.is(errors.length, 4);
});

log.run();
