import { Readable } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type FileSource, openFileSource } from '../../src/capture/file-source.ts';
import { tcpFrame, wordsOf } from '../tools/capture-bytes.ts';
import { Random } from '../tools/random.ts';
import { drain, type SeenFrame } from './lab.ts';

const SECTION = 0x0a0d0d0a;
const A = tcpFrame(1, Buffer.from('abc')); // 57 bytes: needs padding
const B = tcpFrame(2, Buffer.from('b'));

/** Writes the blocks of one section in one byte order. */
class Section {
  readonly #littleEndian: boolean;
  readonly #blocks: Buffer[] = [];

  constructor(littleEndian = true) {
    this.#littleEndian = littleEndian;
    this.block(SECTION, this.words(0x1a2b3c4d), this.shorts(1, 0), this.words(0xffff_ffff, 0xffff_ffff));
  }

  words(...values: number[]): Buffer {
    return wordsOf(values, this.#littleEndian);
  }

  shorts(...values: number[]): Buffer {
    const buffer = Buffer.alloc(2 * values.length);
    values.forEach((value, i) => {
      if (this.#littleEndian) buffer.writeUInt16LE(value, 2 * i);
      else buffer.writeUInt16BE(value, 2 * i);
    });
    return buffer;
  }

  block(type: number, ...parts: Uint8Array[]): this {
    const body = Buffer.concat(parts);
    const length = 12 + ((body.length + 3) & ~3);
    const padding = Buffer.alloc(length - 12 - body.length);
    this.#blocks.push(this.words(type, length), body, padding, this.words(length));
    return this;
  }

  interface(linkType: number, snapLen: number, ...options: Uint8Array[]): this {
    return this.block(1, this.shorts(linkType, 0), this.words(snapLen), ...options);
  }

  option(code: number, value: Uint8Array): Buffer {
    const padding = Buffer.alloc((4 - (value.length & 3)) & 3);
    return Buffer.concat([this.shorts(code, value.length), value, padding]);
  }

  enhanced(id: number, high: number, low: number, bytes: Uint8Array, wireLength = bytes.length): this {
    return this.block(6, this.words(id, high, low, bytes.length, wireLength), bytes);
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#blocks);
  }
}

async function read(content: Uint8Array): Promise<{ seen: SeenFrame[]; problem: string | null }> {
  const source: FileSource = await openFileSource('-', { stdin: Readable.from([content]) });
  const { seen, state } = await drain(source);
  assert.is(state, 'ended');
  const problem = source.problem();
  source.close();
  return { seen, problem };
}

const TIME_US = 1_700_000_001_123_456;
const HIGH = Math.floor(TIME_US / 2 ** 32);
const LOW = TIME_US % 2 ** 32;

for (const littleEndian of [true, false]) {
  test(`several interfaces with clocks and link types of their own, ${littleEndian ? 'little' : 'big'}-endian`, async () => {
    const section = new Section(littleEndian);
    const nanoseconds = BigInt(TIME_US) * 1000n + 500n;
    const seconds = 1_700_000_001;
    section
      .interface(1, 0)
      .interface(
        101,
        0,
        section.option(2, Buffer.from('eth0')),
        section.option(9, Buffer.from([9])),
        section.option(0, Buffer.alloc(0)),
      )
      .interface(113, 0, section.option(9, Buffer.from([0x80 | 10]))) // 1024 ticks a second
      .interface(
        1,
        0,
        section.option(9, Buffer.from([0])),
        section.option(14, section.words(...(littleEndian ? [seconds, 0] : [0, seconds]))),
      )
      .enhanced(0, HIGH, LOW, A, 1500)
      .enhanced(1, Number(nanoseconds >> 32n), Number(nanoseconds & 0xffff_ffffn), B)
      .enhanced(2, Math.floor((seconds * 1024) / 2 ** 32), (seconds * 1024 + 512) % 2 ** 32, A)
      .enhanced(3, 0, 7, B);
    const { seen, problem } = await read(section.bytes);
    assert.is(problem, null);
    assert.equal(
      seen.map(({ linkType, timeUs, wireLengthBytes }) => ({ linkType, timeUs, wireLengthBytes })),
      [
        { linkType: 1, timeUs: TIME_US, wireLengthBytes: 1500 },
        { linkType: 101, timeUs: TIME_US + 0.5, wireLengthBytes: B.length },
        { linkType: 113, timeUs: seconds * 1e6 + 500_000, wireLengthBytes: A.length },
        { linkType: 1, timeUs: (seconds + 7) * 1e6, wireLengthBytes: B.length },
      ],
    );
    assert.ok(seen[0]?.bytes.equals(A));
    assert.ok(seen[1]?.bytes.equals(B));
  });
}

test('simple and obsolete packets; other blocks are passed over', async () => {
  const section = new Section();
  section
    .interface(1, 40)
    .block(4, Buffer.from('names of hosts'))
    .block(2, section.shorts(0, 3), section.words(HIGH, LOW, A.length, A.length), A)
    .block(5, Buffer.alloc(20))
    .block(3, section.words(B.length), B.subarray(0, 40))
    .block(0x40000bad, Buffer.from('custom'));
  const { seen, problem } = await read(section.bytes);
  assert.is(problem, null);
  assert.is(seen.length, 2);
  assert.ok(seen[0]?.bytes.equals(A));
  assert.is(seen[1]?.bytes.length, 40);
  assert.is(seen[1]?.wireLengthBytes, B.length);
  assert.is(seen[1]?.timeUs, TIME_US); // it has none of its own
});

test('a new section has its own byte order and its own interfaces', async () => {
  const first = new Section(true).interface(1, 0).enhanced(0, HIGH, LOW, A).bytes;
  const second = new Section(false).interface(101, 0).enhanced(0, HIGH, LOW + 1, B).bytes;
  const { seen, problem } = await read(Buffer.concat([first, second, first]));
  assert.is(problem, null);
  assert.equal(
    seen.map((frame) => frame.linkType),
    [1, 101, 1],
  );
  const orphan = new Section(true).enhanced(0, HIGH, LOW, A).bytes;
  const result = await read(Buffer.concat([first, orphan]));
  assert.is(result.seen.length, 1);
  assert.match(
    result.problem ?? '',
    /a packet is of interface 0, which the file does not describe; the file is corrupt$/,
  );
});

test('corrupt blocks are said', async () => {
  const sound = new Section().interface(1, 0).enhanced(0, HIGH, LOW, A).bytes;
  const change = (offset: number, value: number) => {
    const copy = Buffer.from(sound);
    copy.writeUInt32LE(value, offset);
    return copy;
  };
  const interfaceAt = 28;
  const packetAt = interfaceAt + 20;
  const cases: readonly [Buffer, RegExp][] = [
    [change(packetAt + 4, 13), /past byte 48: a block cannot be 13 bytes long/],
    [change(packetAt + 4, 0x7fff_fff0), /a block cannot be 2147483632 bytes long/],
    [change(packetAt + 4, 16), /the two lengths of a block are not the same/],
    [change(packetAt + 20, 5000), /a packet is longer than its block/],
    [change(packetAt + 8, 1), /a packet is of interface 1/],
  ];
  for (const [content, message] of cases) {
    const { seen, problem } = await read(content);
    assert.is(seen.length, 0);
    assert.match(problem ?? '', message);
    assert.match(problem ?? '', /; the file is corrupt$/);
  }
});

test('more interfaces than any machine has: nothing of them is kept', async () => {
  const described = new Section();
  for (let i = 0; i <= 16_384; i++) described.interface(1, 0);
  const { seen, problem } = await read(described.enhanced(0, HIGH, LOW, A).bytes);
  assert.is(seen.length, 0);
  assert.match(problem ?? '', /a section describes more than 16384 interfaces; the file is corrupt$/);
});

test('cut anywhere: whole packets are used, and the rest is said', async () => {
  const section = new Section().interface(1, 0).enhanced(0, HIGH, LOW, A).enhanced(0, HIGH, LOW, B);
  const content = section.bytes;
  const ends = [28, 48, 48 + 32 + 60, content.length];
  for (let length = 4; length <= content.length; length++) {
    const { seen, problem } = await read(content.subarray(0, length));
    const whole = ends.filter((end) => end <= length).length;
    assert.is(seen.length, Math.max(0, whole - 2), `packets of the first ${length} bytes`);
    assert.is(problem === null, ends.includes(length), `problem of the first ${length} bytes`);
  }
});

test('random changes: it ends, with frames inside what was read', async () => {
  const section = new Section().interface(1, 0);
  for (let i = 0; i < 20; i++) section.enhanced(0, HIGH, LOW + i, i % 2 === 0 ? A : B);
  const content = section.bytes;
  const random = new Random(21);
  for (let round = 0; round < 1000; round++) {
    const changed = Buffer.from(content);
    for (let i = 0; i < 3; i++)
      changed[12 + Math.floor(random.unit() * (content.length - 12))] = Math.floor(random.unit() * 256);
    const { seen } = await read(changed);
    for (const frame of seen) assert.ok(frame.bytes.length <= frame.wireLengthBytes);
  }
});

test.run();
