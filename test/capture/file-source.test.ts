import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type FileOptions, type FileSource, openFileSource } from '../../src/capture/file-source.ts';
import { Direction, Frame, NO_VLAN } from '../../src/model/frame.ts';
import { pcapFile, recordsOf, seededFrames, tcpFrame } from '../tools/capture-bytes.ts';
import { Random } from '../tools/random.ts';
import { drain, type SeenFrame } from './lab.ts';

const directory = mkdtempSync(join(tmpdir(), 'dllt-file-'));
test.after(() => rmSync(directory, { recursive: true }));

let files = 0;

function fileOf(content: Uint8Array): string {
  const path = join(directory, `${files++}.pcap`);
  writeFileSync(path, content);
  return path;
}

/** Everything a source has to say. */
async function readAll(source: FileSource): Promise<{ seen: SeenFrame[]; problem: string | null }> {
  const { seen, state } = await drain(source);
  assert.is(state, 'ended');
  assert.is(await source.ready(), 'ended');
  const problem = source.problem();
  source.close();
  return { seen, problem };
}

async function readFile(content: Uint8Array, options?: FileOptions) {
  return readAll(await openFileSource(fileOf(content), options));
}

/** As standard input, in pieces of some length. */
async function readStream(content: Uint8Array, pieceBytes: number) {
  const pieces: Uint8Array[] = [];
  for (let i = 0; i < content.length; i += pieceBytes) pieces.push(content.subarray(i, i + pieceBytes));
  return readAll(await openFileSource('-', { stdin: Readable.from(pieces) }));
}

const hexOf = (seen: readonly SeenFrame[]) => seen.map((frame) => frame.bytes.toString('hex'));
const SMALL = [tcpFrame(1, Buffer.from('first')), tcpFrame(2, Buffer.alloc(0)), tcpFrame(3, Buffer.from('third one'))];

for (const littleEndian of [true, false]) {
  for (const kind of ['micro', 'nano', 'modified'] as const) {
    test(`classic, ${littleEndian ? 'little' : 'big'}-endian, ${kind}`, async () => {
      const bytes = tcpFrame(1, Buffer.from('x'));
      const content = pcapFile([{ seconds: 1_700_000_001, ticks: 123_456, bytes, wireLength: 9000 }], {
        littleEndian,
        nano: kind === 'nano',
        modified: kind === 'modified',
        linkType: 0xf400_0071, // frame check sequence bits beside LINUX_SLL
      });
      const { seen, problem } = await readFile(content);
      assert.is(problem, null);
      assert.is(seen.length, 1);
      const [frame] = seen;
      assert.ok(frame?.bytes.equals(bytes));
      assert.is(frame?.wireLengthBytes, 9000);
      assert.is(frame?.linkType, 113);
      assert.is(frame?.direction, Direction.unknown);
      assert.is(frame?.vlanTci, NO_VLAN);
      assert.is(frame?.timeUs, 1_700_000_001_000_000 + (kind === 'nano' ? 123.5 : 123_456)); // to a quarter of a µs
    });
  }
}

test('many frames, over many chunks, plain and gzip, from a file and from standard input', async () => {
  const sent = seededFrames(6000, 11); // over 4 MiB
  const want = sent.map((frame) => frame.toString('hex'));
  const content = pcapFile(recordsOf(sent));
  const zipped = gzipSync(content, { level: 1 });
  const results = [
    await readFile(content),
    await readFile(zipped),
    await readStream(content, 65_536),
    await readStream(zipped, 10_007),
  ];
  for (const { seen, problem } of results) {
    assert.is(problem, null);
    assert.equal(hexOf(seen), want);
  }
});

test('pieces of one byte', async () => {
  for (const content of [pcapFile(recordsOf(SMALL)), gzipSync(pcapFile(recordsOf(SMALL)))]) {
    const { seen, problem } = await readStream(content, 1);
    assert.is(problem, null);
    assert.is(seen.length, SMALL.length);
  }
});

test('a gzip file of several members is one file', async () => {
  const content = pcapFile(recordsOf(SMALL));
  const zipped = Buffer.concat([gzipSync(content.subarray(0, 100)), gzipSync(content.subarray(100))]);
  assert.is((await readFile(zipped)).seen.length, SMALL.length);
});

test('a frame longer than a chunk', async () => {
  const long = Buffer.alloc(3 << 20, 7);
  const { seen, problem } = await readFile(pcapFile(recordsOf([...SMALL, long, ...SMALL])));
  assert.is(problem, null);
  assert.is(seen.length, 7);
  assert.ok(seen[3]?.bytes.equals(long));
});

test('a file without frames is a sound capture', async () => {
  assert.equal(await readFile(pcapFile([])), { seen: [], problem: null });
});

test('cut anywhere: whole frames are used, and the rest is said', async () => {
  const records = recordsOf(SMALL);
  const content = pcapFile(records);
  const ends = [24];
  for (const { bytes } of records) ends.push((ends.at(-1) ?? 0) + 16 + bytes.length);
  for (let length = 4; length <= content.length; length++) {
    const { seen, problem } = await readStream(content.subarray(0, length), 4096);
    const whole = Math.max(0, ends.filter((end) => end <= length).length - 1);
    assert.is(seen.length, whole, `frames of the first ${length} bytes`);
    const begun = ends[whole] ?? 0;
    const want =
      length < 24
        ? 'The file ends inside its header'
        : begun === length
          ? null
          : `The file ends inside the record at byte ${begun}`;
    assert.is(problem, want, `problem of the first ${length} bytes`);
  }
});

test('gzip cut anywhere: nothing whole is lost', async () => {
  const zipped = gzipSync(pcapFile(recordsOf(seededFrames(20, 6))));
  const frames: number[] = [];
  for (let length = 1000; length < zipped.length; length += 97) {
    const { seen, problem } = await readFile(zipped.subarray(0, length));
    assert.match(problem ?? '', /^Cannot read past byte \d+: unexpected end of file$/);
    frames.push(seen.length);
  }
  assert.equal(
    frames,
    [...frames].sort((a, b) => a - b),
  );
  assert.is(frames.at(-1), 19);
});

test('a length that no frame has ends the file', async () => {
  const content = pcapFile(recordsOf(SMALL));
  content.writeUInt32LE(99_999_999, 24 + 16 + (SMALL[0]?.length ?? 0) + 8);
  const { seen, problem } = await readFile(content);
  assert.is(seen.length, 1);
  assert.match(
    problem ?? '',
    /^Cannot read past byte 99: a frame of 99999999 bytes is longer than any; the file is corrupt$/,
  );
});

test('what is no capture is refused, in words', async () => {
  const cases: readonly [string, Uint8Array, RegExp][] = [
    ['empty', Buffer.alloc(0), /it is empty$/],
    ['short', Buffer.from('abc'), /it is too short for a capture file$/],
    ['text', Buffer.from('#!/bin/sh\nexit 0\n'), /it is neither a pcap nor a pcapng file$/],
    ['zstd', Buffer.from('28b52ffd00000000', 'hex'), /it looks like zstd, decompress it first$/],
    ['gzip of text', gzipSync('just some text'), /it is neither a pcap nor a pcapng file$/],
    ['gzip header only', gzipSync(pcapFile([])).subarray(0, 5), /unexpected end of file$/],
    ['pcapng without byte order', Buffer.from('0a0d0d0a1c000000ffffffff', 'hex'), /neither a pcap nor a pcapng file$/],
  ];
  for (const [name, content, message] of cases) {
    try {
      await openFileSource(fileOf(content));
      assert.unreachable(name);
    } catch (error) {
      assert.match((error as Error).message, message, name);
      assert.match((error as Error).message, /^Cannot read /, name);
    }
  }
  try {
    await openFileSource(join(directory, 'none'));
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /^Cannot open .*none: ENOENT/);
  }
});

test('a filter passes over the others', async () => {
  const content = pcapFile(recordsOf(SMALL));
  const { seen } = await readFile(content, { filter: 'tcp src port 2' });
  assert.equal(hexOf(seen), [SMALL[1]?.toString('hex')]);
  try {
    await openFileSource(fileOf(content), { filter: 'and' });
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /^PCAP_FILTER: /);
  }
});

test('counters, and asking again without having read everything', async () => {
  const source = await openFileSource(fileOf(pcapFile(recordsOf(SMALL))));
  const frame = new Frame();
  assert.is(await source.ready(), 'readable');
  assert.ok(source.next(frame));
  const { view, start } = frame;
  assert.is(await source.ready(), 'readable');
  assert.is(frame.view, view);
  assert.is(view.getUint8(start), SMALL[0]?.[0]); // the frame was not moved
  const bytes = SMALL[0]?.length ?? 0;
  assert.equal(source.counters(), { frames: 1, bytes, kernelDrops: -1, agentDrops: 0 });
  source.close();
  assert.is(await source.ready(), 'closed');
  assert.not.ok(source.next(frame));
});

test('closing while it waits for standard input', async () => {
  const stdin = new PassThrough();
  stdin.write(pcapFile(recordsOf(SMALL)));
  const source = await openFileSource('-', { stdin });
  const frame = new Frame();
  while (source.next(frame) || source.counters().frames < SMALL.length) await source.ready();
  const waiting = source.ready();
  source.close();
  assert.is(await waiting, 'closed');
});

test('standard input of the process', () => {
  const module = new URL('../../src/capture/file-source.js', import.meta.url).href;
  const frameModule = new URL('../../src/model/frame.js', import.meta.url).href;
  const script = `
    import { openFileSource } from '${module}';
    import { Frame } from '${frameModule}';
    const source = await openFileSource('-');
    const frame = new Frame();
    do while (source.next(frame)); while ((await source.ready()) === 'readable');
    console.log(source.description, source.counters().frames, source.problem());
  `;
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    input: pcapFile(recordsOf(SMALL)),
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.is(child.stdout, 'capture file standard input 3 null\n');
  assert.is(child.status, 0);
});

test('random changes: it ends, with frames inside what was read', async () => {
  const content = pcapFile(recordsOf(seededFrames(30, 8)));
  const random = new Random(9);
  for (let round = 0; round < 300; round++) {
    const changed = Buffer.from(content);
    for (let i = 0; i < 10; i++)
      changed[24 + Math.floor(random.unit() * (content.length - 24))] = Math.floor(random.unit() * 256);
    const { seen } = await readStream(changed, 4096);
    for (const frame of seen) assert.ok(frame.bytes.length <= frame.wireLengthBytes);
  }
});

test.run();
