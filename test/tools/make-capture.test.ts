import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type CaptureOptions, makeCapture } from './make-capture.ts';

const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
const ETHERNET_BYTES = 14;

function withCapture<T>(options: Partial<CaptureOptions>, body: (bytes: Buffer, packets: number) => T): T {
  const directory = mkdtempSync(join(tmpdir(), 'dllt-capture-'));
  try {
    const path = join(directory, 'made.pcap');
    const { packets } = makeCapture(path, options);
    return body(readFileSync(path), packets);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Record {
  readonly timeUs: number;
  readonly frame: Buffer;
}

function* records(file: Buffer): Generator<Record> {
  for (let at = FILE_HEADER_BYTES; at < file.length; ) {
    const length = file.readUInt32LE(at + 8);
    const frame = file.subarray(at + RECORD_HEADER_BYTES, at + RECORD_HEADER_BYTES + length);
    yield { timeUs: file.readUInt32LE(at) * 1e6 + file.readUInt32LE(at + 4), frame };
    at += RECORD_HEADER_BYTES + length;
  }
}

/** One's complement sum over some parts (RFC 1071): 0xffff when a checksum among them is right. */
function internetSum(...parts: readonly Buffer[]): number {
  let sum = 0;
  for (const part of parts) for (let i = 0; i < part.length; i++) sum += (part[i] ?? 0) << (i % 2 === 0 ? 8 : 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x1_0000);
  return sum;
}

function endpoints(frame: Buffer): string {
  const v6 = frame.readUInt16BE(12) === 0x86dd;
  const [at, length] = v6 ? [ETHERNET_BYTES + 8, 16] : [ETHERNET_BYTES + 12, 4];
  const tcp = at + 2 * length;
  const ends = [0, 1].map((side) => {
    const address = frame.subarray(at + side * length, at + (side + 1) * length);
    return `${address.toString('hex')}:${frame.readUInt16BE(tcp + 2 * side)}`;
  });
  return ends.sort().join('-');
}

test('the same seed gives the same bytes, another seed others', () => {
  const made = (seed: number) => withCapture({ connections: 50, seed }, (bytes) => bytes);
  assert.ok(made(7).equals(made(7)));
  assert.not(made(7).equals(made(8)));
});

for (const shape of ['mix', 'concurrent', 'flood'] as const) {
  test(`${shape}: lengths and checksums are right, and time does not go back`, () => {
    withCapture({ shape, connections: 60, dataPackets: 200, realConnections: 5 }, (bytes, packets) => {
      let count = 0;
      let previousUs = 0;
      for (const { timeUs, frame } of records(bytes)) {
        count++;
        assert.ok(timeUs >= previousUs);
        previousUs = timeUs;
        const v6 = frame.readUInt16BE(12) === 0x86dd;
        const ip = frame.subarray(ETHERNET_BYTES);
        const [headerBytes, addresses] = v6 ? [40, ip.subarray(8, 40)] : [20, ip.subarray(12, 20)];
        const tcp = ip.subarray(headerBytes);
        assert.is(v6 ? ip.readUInt16BE(4) : ip.readUInt16BE(2) - headerBytes, tcp.length);
        if (!v6) assert.is(internetSum(ip.subarray(0, headerBytes)), 0xffff);
        const protocolAndLength = Buffer.from([0, 6, tcp.length >> 8, tcp.length & 0xff]);
        assert.is(internetSum(addresses, protocolAndLength, tcp), 0xffff);
      }
      assert.is(count, packets);
    });
  });
}

test('every connection has endpoints of its own', () => {
  for (const shape of ['mix', 'concurrent'] as const) {
    withCapture({ shape, connections: 300, dataPackets: 100 }, (bytes) => {
      const distinct = new Set([...records(bytes)].map(({ frame }) => endpoints(frame)));
      assert.is(distinct.size, 300);
    });
  }
});

test('connections have about 40 packets', () => {
  withCapture({ connections: 2_000 }, (_bytes, packets) =>
    assert.ok(packets > 60_000 && packets < 100_000, `${packets}`),
  );
});

test.run();
