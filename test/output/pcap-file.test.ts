import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LinkType } from '../../src/model/link-type.ts';
import {
  CAPTURE_FILE_HEADER_BYTES,
  PACKET_RECORD_HEADER_BYTES,
  type PacketRecords,
  SNAP_LENGTH_BYTES,
} from '../../src/model/packet-records.ts';
import { captureFileHeader, PcapFiles, removeUnfinishedDumps } from '../../src/output/pcap-file.ts';
import { Random } from '../tools/random.ts';
import { canMount, makeScratch, makeTmpfs, removeScratch } from './scratch.ts';

const T0 = 1_700_000_000_123_456;
const ENDS = { sourceAddress: '10.0.0.7', destinationAddress: '10.0.0.9', sourcePort: 40222, destinationPort: 80 };
const BASE = 'dump_10.0.0.7_10.0.0.9_40222_80_2023_11_14_22_13_20';

/** A SYN from 10.0.0.7:40222 to 10.0.0.9:80 without an Ethernet header. */
const SYN = Buffer.from('4500002800010000400666b70a0000070a0000099d1e0050000003e8000000005002ffff00000000', 'hex');
const ETHERNET = Buffer.from('0200000000020200000000010800', 'hex');

/** Records as `history` cuts them out: one packet a millisecond. */
function recordsOf(linkType: number, packets: readonly Uint8Array[], wireBytes?: number): PacketRecords {
  const records = packets.map((packet, i) => {
    const timeUs = T0 + i * 1000;
    const header = Buffer.alloc(PACKET_RECORD_HEADER_BYTES);
    header.writeUInt32LE(Math.floor(timeUs / 1_000_000), 0);
    header.writeUInt32LE(timeUs % 1_000_000, 4);
    header.writeUInt32LE(packet.length, 8);
    header.writeUInt32LE(wireBytes ?? packet.length, 12);
    return Buffer.concat([header, packet]);
  });
  return { linkType, packets: packets.length, omittedPackets: 0, bytes: Buffer.concat(records) };
}

/** The same packet again and again, of which `wireBytes` were on the wire. */
function makeRecords(linkType: number, packets: number, packet: Buffer, wireBytes = packet.length): PacketRecords {
  return recordsOf(linkType, new Array<Buffer>(packets).fill(packet), wireBytes);
}

const RECORDS = makeRecords(LinkType.raw, 3, SYN);

function tshark(path: string, ...fields: string[]): string[][] {
  const columns = fields.flatMap((field) => ['-e', field]);
  const output = execFileSync('tshark', ['-n', '-r', path, '-T', 'fields', ...columns], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return output
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'));
}

const format = suite('format');
format.after.each(removeScratch);

format('the header of the file', () => {
  assert.is(
    Buffer.from(captureFileHeader(LinkType.linuxSll2)).toString('hex'),
    'd4c3b2a10200040000000000000000000000040014010000',
  );
});

for (const [name, linkType, packet] of [
  ['Ethernet', LinkType.ethernet, Buffer.concat([ETHERNET, SYN])],
  ['raw IP', LinkType.raw, SYN],
] as const) {
  format(`tshark reads ${name} back`, async () => {
    const directory = makeScratch();
    const dumps = new PcapFiles({ directory });
    const dump = dumps.reserve(ENDS, T0);
    dumps.write(dump, makeRecords(linkType, 2, packet, 1514));
    await dumps.idle();
    const path = join(directory, dump);
    assert.equal(tshark(path, 'frame.time_epoch', 'frame.len', 'frame.cap_len', 'ip.src', 'tcp.dstport', 'tcp.flags'), [
      ['1700000000.123456000', '1514', `${packet.length}`, '10.0.0.7', '80', '0x0002'],
      ['1700000000.124456000', '1514', `${packet.length}`, '10.0.0.7', '80', '0x0002'],
    ]);
    const info = execFileSync('capinfos', ['-M', '-t', '-E', '-c', '-l', path], { encoding: 'utf8' });
    assert.match(info, /File type: .*\bpcap\n/);
    assert.match(info, linkType === LinkType.ethernet ? /encapsulation: +ether\n/ : /encapsulation: +rawip\n/);
    assert.match(info, /Number of packets: +2\n/);
    assert.match(info, /file hdr: 262144 bytes/);
  });
}

const origin = () => ({ interfaceName: 'veth1a2b', description: 'pod shop/web', filter: 'tcp port 80' });

format('pcapng: tshark reads packets, comments, names and losses back', async () => {
  const directory = makeScratch();
  const totals = () => ({ received: 2 ** 33 + 7, dropped: 42 });
  const dumps = new PcapFiles({ directory, format: 'pcapng', origin, totals });
  const dump = dumps.reserve(ENDS, T0);
  assert.is(dump, `${BASE}.pcapng`);
  dumps.write(dump, makeRecords(LinkType.raw, 4, SYN.subarray(0, 39), 1514), {
    connection: 'process curl (pid 7, uid 0) curl http://größe/; SNI shop.example',
    packets: [
      { timeUs: T0 - 5, text: 'before all that was kept' },
      { timeUs: T0 + 2000, text: '00002 TCP_RESET: the server reset the connection' },
      { timeUs: T0 + 2999, text: 'a deadline after that' },
      { timeUs: T0 + 9_000_000, text: 'x'.repeat(100_000) },
    ],
  });
  await dumps.idle();
  const path = join(directory, dump);
  const rows = tshark(path, 'frame.time_epoch', 'frame.len', 'frame.cap_len', 'tcp.dstport', 'frame.comment');
  assert.equal(
    rows.map((row) => row.slice(0, 4)),
    [123, 124, 125, 126].map((ms) => [`1700000000.${ms}456000`, '1514', '39', '80']),
  );
  assert.equal(
    rows.slice(0, 3).map((row) => row[4]?.replaceAll('\\n', '\n')),
    [
      'process curl (pid 7, uid 0) curl http://größe/; SNI shop.example\nbefore all that was kept',
      '',
      '00002 TCP_RESET: the server reset the connection\na deadline after that',
    ],
  );
  assert.match(rows[3]?.[4] ?? '', /^x+$/);
  const info = execFileSync('capinfos', [path], { encoding: 'utf8' });
  for (const pattern of [
    /File type: .*pcapng/,
    /Capture application: +dlltagent/,
    /Name = veth1a2b/,
    /Description = pod shop\/web/,
    /Number of stat entries = 1/,
    /Number of packets = 4/,
    /tcp port 80/,
    /packets of one connection, 0 of them left out/,
  ]) {
    assert.match(info, pattern);
  }
  const bytes = readFileSync(path); // tshark does not print what was lost: the last two options of the last block
  assert.equal(
    [bytes.readBigUInt64LE(bytes.length - 28), bytes.readBigUInt64LE(bytes.length - 16)],
    [2n ** 33n + 7n, 42n],
  );
});

format('pcapng: a file that is written in many parts holds every byte', async () => {
  const directory = makeScratch();
  const dumps = new PcapFiles({ directory, format: 'pcapng', origin, totals: () => ({ received: 1, dropped: 0 }) });
  const random = new Random(7);
  const lengths = [...Array.from({ length: 900 }, () => random.between(1, 3000)), SNAP_LENGTH_BYTES, 1, 2, 3];
  const records = recordsOf(
    LinkType.raw,
    lengths.map((length) => Buffer.from(Array.from({ length }, () => random.between(0, 255)))),
  );
  const packets = Array.from({ length: 60 }, (_, i) => ({ timeUs: T0 + i * 15_000, text: 'y'.repeat(i * 100) }));
  const dump = dumps.reserve(ENDS, T0);
  dumps.write(dump, records, { connection: '', packets });
  await dumps.idle();
  const classic = join(directory, 'classic');
  execFileSync('editcap', ['-F', 'pcap', join(directory, dump), classic]);
  assert.ok(readFileSync(classic).subarray(CAPTURE_FILE_HEADER_BYTES).equals(records.bytes));
});

format.run();

const dumps = suite('dumps');
dumps.after.each(removeScratch);

dumps('names: IPv6 without colons, never one that is taken', async () => {
  const directory = makeScratch();
  const made = new PcapFiles({ directory });
  const ends = { ...ENDS, sourceAddress: '2001:db8::11', destinationAddress: 'fd00::1' };
  assert.is(made.reserve(ends, T0), 'dump_2001-db8--11_fd00--1_40222_80_2023_11_14_22_13_20.pcap');
  await writeFile(join(directory, `${BASE}.pcap`), 'old');
  assert.is(made.reserve(ENDS, T0), `${BASE}_001.pcap`);
  assert.is(made.reserve(ENDS, T0), `${BASE}_002.pcap`);
  made.release(`${BASE}_001.pcap`);
  assert.is(made.reserve(ENDS, T0), `${BASE}_001.pcap`);
  made.write(`${BASE}_001.pcap`, RECORDS);
  await made.idle();
  assert.is(made.reserve(ENDS, T0), `${BASE}_003.pcap`);
});

dumps('a file is whole when it is seen, readable by the group, and told', async () => {
  const directory = makeScratch();
  const written: [string, number][] = [];
  const made = new PcapFiles({ directory, onWritten: (name, bytes) => written.push([name, bytes]) });
  const name = made.reserve(ENDS, T0);
  made.write(name, RECORDS);
  assert.not.ok((await readdir(directory)).includes(name));
  await made.idle();
  assert.equal(await readdir(directory), [name]);
  const { size, mode } = await stat(join(directory, name));
  assert.is(size, 24 + RECORDS.bytes.length);
  assert.is(mode & 0o777, 0o640);
  assert.equal(written, [[name, size]]);
  assert.is(made.pendingBytes, 0);
});

dumps('another format is for the names that are yet to be reserved', async () => {
  const directory = makeScratch();
  const made = new PcapFiles({ directory });
  const before = made.reserve(ENDS, T0);
  made.format = 'pcapng';
  made.write(before, RECORDS);
  made.write(made.reserve(ENDS, T0), RECORDS);
  await made.idle();
  const types = [`${BASE}.pcap`, `${BASE}.pcapng`].map((name) =>
    execFileSync('capinfos', ['-t', join(directory, name)]),
  );
  assert.match(String(types[0]), /- pcap\n/);
  assert.match(String(types[1]), /- pcapng\n/);
});

dumps('many at once: all of them come, few at a time', async () => {
  const directory = makeScratch();
  let most = 0;
  const made = new PcapFiles({
    directory,
    maxWrites: 3,
    onWritten: () => {
      const names = readdirSync(directory);
      most = Math.max(most, names.filter((name) => name.endsWith('.tmp')).length);
    },
  });
  for (let i = 0; i < 50; i++) made.write(made.reserve({ ...ENDS, sourcePort: i }, T0), RECORDS);
  await made.idle();
  assert.is((await readdir(directory)).length, 50);
  assert.is(made.counters.written, 50);
  assert.ok(most <= 3);
});

dumps('what is too much to wait is dropped and told', async () => {
  const directory = makeScratch();
  const errors: string[] = [];
  const maxPendingBytes = RECORDS.bytes.length;
  const made = new PcapFiles({ directory, maxPendingBytes, onError: (message) => errors.push(message) });
  made.write(made.reserve(ENDS, T0), RECORDS);
  made.write(made.reserve(ENDS, T0), RECORDS);
  await made.idle();
  assert.equal(await readdir(directory), [`${BASE}.pcap`]);
  assert.equal([made.counters.written, made.counters.dropped], [1, 1]);
  assert.match(errors[0], `Cannot write ${BASE}_001.pcap: 168 bytes of packets wait already`);
});

dumps('a directory that is gone is made again; one that cannot be costs the dump, and no more', async () => {
  const directory = join(makeScratch(), 'dllt5');
  const errors: string[] = [];
  const made = new PcapFiles({ directory, onError: (message) => errors.push(message) });
  await writeFile(directory, 'a file in its place');
  made.write(made.reserve(ENDS, T0), RECORDS);
  await made.idle();
  assert.match(errors[0], `Cannot write ${directory}/${BASE}.pcap: ENOTDIR`);
  await rm(directory);
  made.write(made.reserve(ENDS, T0), RECORDS);
  await made.idle();
  assert.equal(await readdir(directory), [`${BASE}.pcap`]);
  assert.equal([made.counters.written, made.counters.failed], [1, 1]);
});

dumps('what a killed run left is removed, and nothing else', async () => {
  const directory = makeScratch();
  for (const name of [`.${BASE}.pcap.tmp`, `${BASE}.pcap`, '.other.tmp']) await writeFile(join(directory, name), '');
  assert.is(await removeUnfinishedDumps(directory), 1);
  assert.equal((await readdir(directory)).sort(), ['.other.tmp', `${BASE}.pcap`]);
  assert.is(await removeUnfinishedDumps(join(directory, 'none')), 0);
});

const mounted = canMount ? dumps : dumps.skip;

mounted('a full disk leaves no piece behind, and later dumps come', async () => {
  const directory = makeTmpfs(1024);
  const ballast = join(directory, 'ballast');
  await writeFile(ballast, Buffer.alloc(900 * 1024));
  const errors: string[] = [];
  const made = new PcapFiles({ directory, onError: (message) => errors.push(message) });
  const large = makeRecords(LinkType.raw, 10_000, SYN);
  made.write(made.reserve(ENDS, T0), large);
  await made.idle();
  assert.match(errors[0], 'ENOSPC');
  assert.equal(await readdir(directory), ['ballast']);
  await rm(ballast);
  made.write(made.reserve(ENDS, T0), large);
  await made.idle();
  assert.equal(await readdir(directory), [`${BASE}.pcap`]);
  assert.is(tshark(join(directory, `${BASE}.pcap`), 'frame.number').length, 10_000);
});

dumps.run();
