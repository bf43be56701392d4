import { EventEmitter, once } from 'node:events';
import { mkdir, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type FileNaming, type OpenedFile, TimedNames, TwoGenerations } from '../../src/output/file-names.ts';
import { RotatingFile, type RotatingFileOptions } from '../../src/output/rotating-file.ts';
import { canMount, makeScratch, makeTmpfs, readAll, removeScratch } from './scratch.ts';

const T0 = 1_700_000_000_000_000; // 2023-11-14 22:13:20
const NAME = 'flows_2023_11_14_22_13_20';
/** Nothing is written before a test asks for it. */
const NEVER_MS = 2_000_000_000;

function makeFile(directory: string, options: Partial<RotatingFileOptions> = {}): RotatingFile {
  const never = { flushDelayMs: NEVER_MS, retryDelayMs: NEVER_MS };
  return new RotatingFile({ directory, naming: new TimedNames('flows'), ...never, ...options });
}

function append(file: RotatingFile, text: string, timeUs = T0): void {
  file.beginLine(timeUs).ascii(text);
  file.endLine();
}

/** Number of the last line of a text in which each line is a number padded to the same length. */
function lastNumber(text: string): number {
  return Number(text.trimEnd().split('\n').at(-1));
}

const writing = suite('writing');
writing.after.each(removeScratch);

writing('lines come in order under the header, with mode 0640', async () => {
  const directory = makeScratch();
  const file = makeFile(directory, { header: '#a,b' });
  append(file, '1');
  assert.is(file.backlogBytes, 2);
  await file.flush();
  append(file, '2');
  append(file, '3');
  await file.close();
  assert.equal(await readAll(directory), { [`${NAME}.log`]: '#a,b\n1\n2\n3\n' });
  assert.is((await stat(join(directory, `${NAME}.log`))).mode & 0o777, 0o640);
  assert.equal({ ...file.counters }, { writtenLines: 3, writtenBytes: 11, lostLines: 0, lostBytes: 0, errors: 0 });
});

writing('nothing is made before the first line, unless it is asked for', async () => {
  const directory = makeScratch();
  const idle = makeFile(directory);
  await idle.flush();
  await idle.close();
  assert.equal(await readAll(directory), {});
  const started = makeFile(directory, { header: '#a' });
  started.start(T0);
  await started.flush();
  assert.is(started.openName, `${NAME}.log`);
  append(started, '1', T0 + 5_000_000);
  await started.close();
  assert.is(started.openName, null);
  assert.equal(await readAll(directory), { [`${NAME}.log`]: '#a\n1\n' });
});

writing('lines that come while others are written are not forgotten', async () => {
  const directory = makeScratch();
  const file = makeFile(directory);
  const want: string[] = [];
  for (let i = 0; i < 200; i++) {
    want.push(`line ${i} ${'x'.repeat(i * 37)}`);
    append(file, want[i]);
    if (i % 7 === 0) void file.flush();
    if (i % 3 === 0) await Promise.resolve();
  }
  await file.flush();
  assert.is(file.backlogBytes, 0);
  assert.equal(await readAll(directory), { [`${NAME}.log`]: `${want.join('\n')}\n` });
  await file.close();
});

writing('a lot of lines does not wait for the delay', async () => {
  const directory = makeScratch();
  let written: () => void = () => undefined;
  const done = new Promise<void>((resolve) => {
    written = resolve;
  });
  const file = makeFile(directory, { onWritten: () => written() });
  for (let i = 0; i < 700; i++) append(file, 'x'.repeat(99));
  await done;
  assert.ok(file.counters.writtenBytes >= 65_536);
  await file.close();
});

writing('what does not fit into the backlog is dropped whole and counted', async () => {
  const directory = makeScratch();
  const file = makeFile(directory, { maxBacklogBytes: 100 });
  for (let i = 0; i < 15; i++) append(file, `line ${10 + i}`); // 8 bytes each
  assert.is(file.backlogBytes, 96);
  append(file, 'sml'); // fits
  assert.is(file.counters.lostLines, 3);
  assert.is(file.counters.lostBytes, 24);
  await file.drain();
  assert.is(file.backlogBytes, 0);
  append(file, 'late');
  await file.close();
  const found = await readAll(directory);
  assert.is(found[`${NAME}.log`].split('\n').length - 1, 14);
  assert.match(found[`${NAME}.log`], /line 21\nsml\nlate\n$/);
});

writing('closing twice is closing once; lines after that are lost and counted', async () => {
  const directory = makeScratch();
  const file = makeFile(directory);
  append(file, '1');
  await Promise.all([file.close(), file.close()]);
  append(file, '2');
  await file.flush();
  assert.is(file.counters.lostLines, 1);
  assert.equal(await readAll(directory), { [`${NAME}.log`]: '1\n' });
});

writing.run();

const turning = suite('turning over');
turning.after.each(removeScratch);

turning('after so many lines; parts of one second get numbers', async () => {
  const directory = makeScratch();
  const file = makeFile(directory, { header: '#a', maxLines: 2 });
  for (let i = 0; i < 5; i++) append(file, `${i}`);
  append(file, '5', T0 + 1_000_000);
  append(file, '6', T0 + 1_000_000);
  await file.close();
  assert.equal(await readAll(directory), {
    [`${NAME}.log`]: '#a\n0\n1\n',
    [`${NAME}_001.log`]: '#a\n2\n3\n',
    [`${NAME}_002.log`]: '#a\n4\n5\n',
    'flows_2023_11_14_22_13_21.log': '#a\n6\n',
  });
});

turning('after so many bytes', async () => {
  const directory = makeScratch();
  const file = makeFile(directory, { maxBytes: 10 });
  for (const text of ['12345678', 'x', 'y']) append(file, text);
  await file.close();
  assert.equal(await readAll(directory), { [`${NAME}.log`]: '12345678\nx\n', [`${NAME}_001.log`]: 'y\n' });
});

turning('a name of an earlier run is left alone', async () => {
  const directory = makeScratch();
  await writeFile(join(directory, `${NAME}.log`), 'old\n');
  await writeFile(join(directory, `${NAME}_001.log`), 'old\n');
  const file = makeFile(directory);
  append(file, 'new');
  await file.close();
  assert.equal(await readAll(directory), {
    [`${NAME}.log`]: 'old\n',
    [`${NAME}_001.log`]: 'old\n',
    [`${NAME}_002.log`]: 'new\n',
  });
});

turning('a name that was used is not used again, even when its file is gone', async () => {
  const directory = makeScratch();
  const file = makeFile(directory, { maxLines: 1 });
  append(file, '1');
  await file.flush();
  append(file, '2');
  await file.flush();
  await rm(join(directory, `${NAME}.log`));
  append(file, '3');
  await file.close();
  assert.equal(await readAll(directory), { [`${NAME}_001.log`]: '2\n', [`${NAME}_002.log`]: '3\n' });
});

turning('two generations keep the newest', async () => {
  const directory = makeScratch();
  const open = (keepBytes: number) =>
    makeFile(directory, { naming: new TwoGenerations('out.txt', 'out.1.txt', keepBytes), maxLines: 2 });
  const file = open(100);
  for (let i = 0; i < 5; i++) append(file, `${i}`);
  await file.close();
  assert.equal(await readAll(directory), { 'out.1.txt': '2\n3\n', 'out.txt': '4\n' });

  await writeFile(join(directory, 'out.txt'), '4\nhal');
  const continued = open(100);
  append(continued, '5');
  await continued.close();
  assert.equal(await readAll(directory), { 'out.1.txt': '2\n3\n', 'out.txt': '4\nhal\n5\n' });

  const anew = open(3);
  append(anew, '6');
  await anew.close();
  assert.equal(await readAll(directory), { 'out.1.txt': '4\nhal\n5\n', 'out.txt': '6\n' });
});

turning.run();

const faults = suite('faults');
faults.after.each(removeScratch);

faults('the directory is removed: it is made again, and lines go on in it', async () => {
  const directory = join(makeScratch(), 'dllt5');
  const file = makeFile(directory, { header: '#a' });
  append(file, '1');
  await file.flush();
  await rm(directory, { recursive: true });
  append(file, '2');
  await file.flush();
  assert.equal(await readAll(directory), { [`${NAME}_001.log`]: '#a\n2\n' });
  await file.close();
  assert.is(file.counters.lostLines, 0);
});

faults('the file is cut by somebody: no hole of zeros', async () => {
  const directory = makeScratch();
  const file = makeFile(directory, { header: '#a' });
  append(file, '1');
  await file.flush();
  await truncate(join(directory, `${NAME}.log`));
  append(file, '2');
  await file.close();
  assert.equal(await readAll(directory), { [`${NAME}.log`]: '#a\n2\n' });
});

faults('a file in place of the directory: lines wait until it is away', async () => {
  const directory = join(makeScratch(), 'dllt5');
  await writeFile(directory, '');
  const errors: string[] = [];
  const file = makeFile(directory, { onError: (message) => errors.push(message) });
  append(file, '1');
  await file.flush();
  await file.flush();
  assert.is(file.backlogBytes, 2);
  assert.is(file.counters.errors, 2);
  assert.is(errors.length, 2, 'each attempt is told');
  assert.match(errors[0], `Cannot write ${directory}: ENOTDIR`);
  await rename(directory, `${directory}.away`);
  await mkdir(directory);
  await file.flush();
  assert.equal(await readAll(directory), { [`${NAME}.log`]: '1\n' });
  await file.close();
});

faults('closing while nothing can be written ends, and counts what is lost', async () => {
  const directory = join(makeScratch(), 'dllt5');
  await writeFile(directory, '');
  const file = makeFile(directory);
  append(file, '1');
  append(file, '22');
  await file.close();
  assert.is(file.counters.lostLines, 2);
  assert.is(file.counters.lostBytes, 5);
  assert.is(file.backlogBytes, 0);
});

/** Files whose first `failures` writes stop after `bytes` bytes, and then fail with `code`. */
class FailingNames implements FileNaming {
  readonly #names = new TimedNames('flows');
  readonly #bytes: number;
  readonly #code: string;
  #failures: number;

  constructor(bytes: number, code: string, failures: number) {
    this.#bytes = bytes;
    this.#code = code;
    this.#failures = failures;
  }

  async open(directory: string, timeUs: number): Promise<OpenedFile> {
    const opened = await this.#names.open(directory, timeUs);
    const { handle } = opened;
    const write = handle.write.bind(handle);
    let stopped = false;
    const failing = async (lines: Buffer, offset: number, length: number, position: number) => {
      if (this.#failures === 0) return write(lines, offset, length, position);
      if (stopped || this.#bytes === 0) {
        stopped = false;
        this.#failures--;
        throw Object.assign(new Error(this.#code), { code: this.#code });
      }
      stopped = true;
      return write(lines, offset, Math.min(this.#bytes, length), position);
    };
    return { ...opened, handle: Object.assign(handle, { write: failing }) };
  }
}

for (const [code, bytes, want] of [
  ['ENOSPC', 0, { [`${NAME}.log`]: 'one\ntwo\nthree\n' }],
  ['ENOSPC', 6, { [`${NAME}.log`]: 'one\ntwo\nthree\n' }],
  ['EIO', 0, { [`${NAME}.log`]: '', [`${NAME}_001.log`]: 'one\ntwo\nthree\n' }],
  ['EIO', 6, { [`${NAME}.log`]: 'one\n', [`${NAME}_001.log`]: 'two\nthree\n' }],
] as const) {
  faults(`${code} after ${bytes} bytes: no half line stays, no line is lost or doubled`, async () => {
    const directory = makeScratch();
    const file = makeFile(directory, { naming: new FailingNames(bytes, code, 1) });
    for (const text of ['one', 'two', 'three']) append(file, text);
    await file.flush();
    const early = await readAll(directory);
    assert.ok(Object.values(early).every((text) => text === '' || text.endsWith('\n')));
    await file.close();
    assert.equal(await readAll(directory), want);
    assert.equal([file.counters.writtenLines, file.counters.lostLines], [3, 0]);
  });
}

faults('whatever fails, each line is written once and in order', async () => {
  let state = 11;
  const random = (below: number) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
  for (let run = 0; run < 40; run++) {
    const directory = makeScratch();
    const naming = new FailingNames(random(30), ['ENOSPC', 'EIO'][random(2)], random(12));
    const file = makeFile(directory, { naming, header: '#a', maxLines: 1 + random(30) });
    const want: string[] = [];
    for (let i = 0; i < 100; i++) {
      want.push(`${i}${'.'.repeat(random(9))}`);
      append(file, want[i], T0 + i * 100_000);
      if (random(10) === 0) await file.flush();
    }
    while (file.backlogBytes > 0) await file.flush();
    await file.close();
    const texts = Object.values(await readAll(directory));
    const lines = texts.flatMap((text) => text.split('\n').slice(0, -1)).filter((line) => line !== '#a');
    assert.equal(lines, want, `run ${run}`);
    assert.ok(texts.every((text) => text === '' || text.endsWith('\n')));
    assert.equal([file.counters.writtenLines, file.counters.lostLines], [100, 0]);
  }
});

const full = canMount ? faults : faults.skip;

full('a full disk: whole lines only, and on it goes when there is room', async () => {
  const directory = makeTmpfs(1024);
  const ballast = join(directory, 'ballast');
  await writeFile(ballast, Buffer.alloc(600 * 1024));
  const errors: string[] = [];
  const file = makeFile(directory, { header: '#a', onError: (message) => errors.push(message) });
  const count = 100_000; // 700 kB
  for (let i = 0; i < count; i++) append(file, String(i).padStart(6, '0'));
  await file.flush();
  assert.ok(file.backlogBytes > 0);
  assert.match(errors[0], 'ENOSPC');
  const partial = (await readAll(directory))[`${NAME}.log`];
  assert.ok(partial.endsWith('\n'));
  assert.is(partial.length, 3 + (lastNumber(partial) + 1) * 7);
  assert.is(file.counters.writtenLines, lastNumber(partial) + 1);

  await rm(ballast);
  await file.flush();
  assert.is(file.backlogBytes, 0);
  await file.close();
  const whole = (await readAll(directory))[`${NAME}.log`];
  assert.is(whole.length, 3 + count * 7);
  assert.is(lastNumber(whole), count - 1);
  assert.equal([file.counters.writtenLines, file.counters.lostLines], [count, 0]);
});

full('a full disk: it is tried again without being asked', async () => {
  const directory = makeTmpfs(256);
  const ballast = join(directory, 'ballast');
  await writeFile(ballast, Buffer.alloc(252 * 1024));
  const told = new EventEmitter();
  const failed = once(told, 'failed');
  const file = makeFile(directory, {
    flushDelayMs: 1,
    retryDelayMs: 10,
    onError: () => told.emit('failed'),
    onWritten: () => told.emit('written'),
  });
  append(file, 'x'.repeat(10_000));
  await failed;
  const written = once(told, 'written');
  await rm(ballast);
  await written;
  assert.is((await readAll(directory))[`${NAME}.log`].length, 10_001);
  await file.close();
});

faults.run();
