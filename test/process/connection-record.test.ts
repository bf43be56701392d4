import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Connection } from '../../src/model/connection.ts';
import { Side } from '../../src/model/connection.ts';
import { addressText } from '../../src/model/event.ts';
import { namespaceOf, RECORD_BYTES, readRecord } from '../../src/process/connection-record.ts';

interface Given {
  readonly family: number;
  readonly served: number;
  readonly local: string;
  readonly remote: string;
}

/** `struct record` of connections.bpf.c. */
function record({ family, served, local, remote }: Given): DataView {
  const bytes = Buffer.alloc(RECORD_BYTES);
  bytes.writeBigUInt64LE(5_000_000n, 0); // time_ns
  bytes.writeBigUInt64LE(77n, 8); // owner.started_ns
  for (const [i, value] of [11, 12, 13, 14, 15, 16].entries()) bytes.writeUInt32LE(value, 16 + 4 * i);
  bytes.write('thread', 40);
  bytes.write('sixteen-bytes-at', 56);
  bytes.writeUInt32LE(4_026_531_840, 72);
  bytes.writeUInt16LE(family, 76);
  bytes.writeUInt16LE(served, 78);
  bytes.writeUInt16LE(1000, 80);
  bytes.writeUInt16LE(2000, 82);
  bytes.write(local, 84, 'hex');
  bytes.write(remote, 100, 'hex');
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

const MAPPED = '00000000000000000000ffff';
const CASES = [
  { family: 2, served: 0, local: '0a000007', remote: '0a000009', want: ['10.0.0.7', 1000, '10.0.0.9', 2000] },
  { family: 2, served: 1, local: '0a000007', remote: '0a000009', want: ['10.0.0.9', 2000, '10.0.0.7', 1000] },
  {
    family: 10,
    served: 0,
    local: 'fd000000000000000000000000000001',
    remote: 'fd000000000000000000000000000002',
    want: ['fd00::1', 1000, 'fd00::2', 2000],
  },
  {
    family: 10,
    served: 1,
    local: `${MAPPED}0a000007`,
    remote: `${MAPPED}0a000009`,
    want: ['10.0.0.9', 2000, '10.0.0.7', 1000],
  },
] as const;

for (const { want, ...given } of CASES) {
  test(`family ${given.family}, served ${given.served}: ${want[0]} to ${want[2]}`, () => {
    const seen = readRecord(record(given), 0, 1_000_000);
    const ends = seen as unknown as Connection;
    const { initiatorPort, responderPort } = seen;
    assert.equal(
      [addressText(ends, Side.initiator), initiatorPort, addressText(ends, Side.responder), responderPort],
      want,
    );
    assert.is(seen.side, given.served);
  });
}

test('times and owners', () => {
  const view = record(CASES[0]);
  const { owner, timeUs } = readRecord(view, 0, 1_000_000);
  assert.is(timeUs, 1_005_000);
  assert.is(namespaceOf(view, 0), 4_026_531_840);
  assert.equal(owner, {
    startedNs: 77,
    tgid: 11,
    pid: 12,
    parent: 13,
    uid: 14,
    innerPid: 15,
    pidNamespace: 16,
    threadName: 'thread',
    name: 'sixteen-bytes-at',
  });
});

test.run();
