import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Packet } from '../../src/model/packet.ts';
import { DuplicateFilter } from '../../src/pipeline/duplicate-filter.ts';

function packet(timeUs: number, change: Partial<Packet> & { readonly id?: number } = {}): Packet {
  const { id = 7, ...fields } = change;
  const view = new DataView(new ArrayBuffer(40));
  view.setUint16(4, id);
  const usual = {
    view,
    timeUs,
    sequence: 100,
    payloadLengthBytes: 10,
    flags: 0x18,
    checksum: 0x1234,
    endpointHash: 99,
  };
  return Object.assign(new Packet(), usual, fields);
}

test('the second copy of a packet within a millisecond, whatever came between', () => {
  const filter = new DuplicateFilter();
  const burst = Array.from({ length: 20 }, (_, i) => packet(i, { sequence: 100 + i * 10, id: i, checksum: i }));
  for (const each of burst) assert.is(filter.isDuplicate(each), false);
  const again = burst.filter((each) => filter.isDuplicate(Object.assign(each, { timeUs: each.timeUs + 30 })));
  assert.ok(again.length >= 18, `${again.length} of 20 were found`);
  assert.is(filter.count, again.length);
});

test('what differs is another packet: IP id, sequence, length, flags, checksum, endpoints, and time', () => {
  const changes = [
    { id: 8 },
    { sequence: 101 },
    { payloadLengthBytes: 11 },
    { flags: 0x10 },
    { checksum: 0x1235 },
    { endpointHash: 98 },
  ];
  for (const change of changes) {
    const filter = new DuplicateFilter();
    filter.isDuplicate(packet(0));
    assert.is(filter.isDuplicate(packet(30, change)), false, JSON.stringify(change));
  }
  const filter = new DuplicateFilter();
  filter.isDuplicate(packet(0));
  assert.is(filter.isDuplicate(packet(1_001)), false, 'a retransmission, later');
});

test('IPv6 has no IP id: the rest tells', () => {
  const filter = new DuplicateFilter();
  assert.is(filter.isDuplicate(packet(0, { ipVersion: 6, id: 1 })), false);
  assert.is(filter.isDuplicate(packet(500, { ipVersion: 6, id: 2 })), true);
});

test.run();
