import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PacketHistory } from '../../src/history/packet-history.ts';
import { Frame, NO_VLAN } from '../../src/model/frame.ts';
import { LinkType } from '../../src/model/link-type.ts';
import { seededRandom } from './random.ts';

const RECORD = 16;
const KB = 1024;
const MB = KB * KB;

const test = suite('history/packet-history');
const memory = new Uint8Array(256 * KB);
const frame = new Frame();
frame.bytes = memory;
frame.view = new DataView(memory.buffer);

/** A frame of `length` bytes that all follow from `id`, which is its time too. */
function fill(id: number, length: number, start = id % 7): Frame {
  for (let i = 0; i < length; i++) memory[start + i] = id * 31 + i * 7;
  frame.start = start;
  frame.end = start + length;
  frame.wireLengthBytes = length;
  frame.timeUs = 1_700_000_000_000_000 + id;
  frame.linkType = LinkType.ethernet;
  frame.vlanTci = NO_VLAN;
  return frame;
}

interface Kept {
  readonly id: number;
  readonly length: number;
}

/** Reads records back and checks every byte of them. */
function read(history: PacketHistory, slot: number): Kept[] {
  const cut = history.cut(slot);
  if (cut === null) return [];
  const view = new DataView(cut.bytes.buffer, cut.bytes.byteOffset, cut.bytes.length);
  const records: Kept[] = [];
  for (let at = 0; at < cut.bytes.length; ) {
    const length = view.getUint32(at + 8, true);
    const id = (view.getUint32(at, true) - 1_700_000_000) * 1e6 + view.getUint32(at + 4, true);
    assert.is(view.getUint32(at + 12, true), length);
    for (let i = 0; i < length; i++) {
      if (cut.bytes[at + RECORD + i] !== ((id * 31 + i * 7) & 0xff)) assert.unreachable(`byte ${i} of packet ${id}`);
    }
    records.push({ id, length });
    at += RECORD + length;
  }
  assert.is(records.length, cut.packets);
  assert.is(records.length, history.packetCount(slot));
  return records;
}

function cutBytes(history: PacketHistory, slot: number): Uint8Array {
  const bytes = history.cut(slot)?.bytes;
  if (bytes === undefined) throw new Error(`Nothing is held in slot ${slot}`);
  return bytes;
}

function size(packets: readonly Kept[]): number {
  return packets.reduce((sum, packet) => sum + RECORD + packet.length, 0);
}

test('a short connection is kept whole and forgotten whole', () => {
  const history = new PacketHistory({ maxConnections: 4, budgetBytes: MB });
  assert.is(history.cut(2), null);
  assert.is(history.memoryBytes, 0);
  for (let id = 0; id < 10; id++) history.keep(2, fill(id, 54 + id * 100));
  const whole = Array.from({ length: 10 }, (_, id) => ({ id, length: 54 + id * 100 }));
  assert.equal(read(history, 2), whole);
  assert.equal(read(history, 2), whole, 'a cut takes nothing away');
  assert.is(history.cut(2)?.linkType, LinkType.ethernet);
  assert.is(history.cut(2)?.omittedPackets, 0);
  history.drop(2);
  assert.is(history.cut(2), null);
  assert.is(history.heldBytes, 0);
  history.keep(2, fill(77, 60));
  assert.equal(read(history, 2), [{ id: 77, length: 60 }]);
});

test('no capture file is longer than 2 MB, its first 64 KB stay', () => {
  const history = new PacketHistory({ maxConnections: 1, budgetBytes: 16 * MB });
  let last = 0;
  for (let total = 0; total < 10 * MB; total += 1500) history.keep(0, fill(last++, 1500));
  const records = read(history, 0);
  assert.ok(24 + size(records) <= 2 * MB);
  assert.ok(24 + size(records) > 2 * MB - 2000);
  const gap = records.findIndex((record, i) => record.id !== i);
  const head = size(records.slice(0, gap));
  assert.ok(head >= 64 * KB && head < 64 * KB + 1516);
  assert.is(records.at(-1)?.id, last - 1);
  for (let i = gap + 1; i < records.length; i++) assert.is(records[i]?.id, (records[i - 1]?.id ?? 0) + 1);
  assert.is(history.cut(0)?.omittedPackets, last - records.length);
  assert.is(history.counters.overConnection, last - records.length);
});

test('a tag the kernel took out is put back, in Ethernet frames only', () => {
  const history = new PacketHistory({ maxConnections: 2, budgetBytes: MB });
  fill(1, 60);
  frame.vlanTci = 0x2064;
  frame.vlanTpid = 0x88a8;
  history.keep(0, frame);
  const bytes = cutBytes(history, 0);
  assert.is(bytes.length, RECORD + 64);
  assert.equal([...bytes.subarray(8, 16)], [64, 0, 0, 0, 64, 0, 0, 0]);
  assert.equal([...bytes.subarray(RECORD + 12, RECORD + 16)], [0x88, 0xa8, 0x20, 0x64]);
  assert.equal([...bytes.subarray(RECORD, RECORD + 12)], [...memory.subarray(frame.start, frame.start + 12)]);
  assert.equal([...bytes.subarray(RECORD + 16)], [...memory.subarray(frame.start + 12, frame.end)]);
  frame.linkType = LinkType.linuxSll;
  history.keep(1, frame);
  assert.is(history.cut(1)?.bytes.length, RECORD + 60);
});

test('the payload is cut, the length on the wire is not', () => {
  const history = new PacketHistory({ maxConnections: 1, budgetBytes: MB });
  history.keep(0, fill(1, 1000), frame.start + 54, 10);
  history.keep(0, fill(2, 60), frame.start + 54, 10);
  history.keep(0, fill(3, 1000), frame.start + 54, 0);
  const bytes = cutBytes(history, 0);
  const view = new DataView(bytes.buffer);
  const lengths = (at: number) => [view.getUint32(at + 8, true), view.getUint32(at + 12, true)];
  assert.equal(lengths(0), [64, 1000]);
  assert.equal(lengths(80), [60, 60]);
  assert.equal(lengths(156), [54, 1000]);
  assert.is(bytes.length, 156 + 70);
});

test('times keep their microseconds, whatever is beyond them', () => {
  const history = new PacketHistory({ maxConnections: 1, budgetBytes: MB });
  fill(1, 20);
  frame.timeUs = 3_999_999_999_999_999.5;
  history.keep(0, frame);
  const bytes = cutBytes(history, 0);
  const view = new DataView(bytes.buffer);
  assert.equal([view.getUint32(0, true), view.getUint32(4, true)], [3_999_999_999, 999_999]);
});

test('what cannot be kept is counted', () => {
  const history = new PacketHistory({ maxConnections: 2, budgetBytes: 64 * KB, connectionBytes: 16 * KB });
  history.keep(0, fill(1, 16 * KB));
  assert.equal(read(history, 0), []);
  fill(3, 100);
  frame.linkType = LinkType.raw;
  history.keep(0, frame);
  assert.equal(read(history, 0), []);
  history.drop(0);
  history.keep(0, fill(4, 100));
  frame.linkType = LinkType.raw;
  history.keep(0, frame);
  assert.equal(read(history, 0), [{ id: 4, length: 100 }]);
  assert.is(history.cut(0)?.omittedPackets, 1);
  assert.is(history.counters.tooLarge, 1);
  assert.is(history.counters.otherLinkType, 2);
});

test('the largest holder gives way first, its newer part before its beginning', () => {
  const history = new PacketHistory({ maxConnections: 200, budgetBytes: MB, headBytes: 8 * KB });
  let id = 0;
  for (let i = 0; i < 800; i++) history.keep(0, fill(id++, 1000));
  for (let i = 0; i < 20; i++) history.keep(1, fill(id++, 1000));
  const small = read(history, 1);
  for (let slot = 2; slot < 50; slot++) for (let i = 0; i < 10; i++) history.keep(slot, fill(id++, 1000));
  assert.equal(read(history, 1), small, 'untouched while another holds more');
  assert.is(history.counters.overBudgetHead, 0);
  assert.is(read(history, 0)[0]?.id, 0);
  assert.ok(history.counters.overBudget > 0);
  for (let slot = 50; slot < 90; slot++) for (let i = 0; i < 10; i++) history.keep(slot, fill(id++, 1000));
  for (let slot = 2; slot < 90; slot++) assert.is(history.packetCount(slot), 10, `${slot} keeps its share`);
  for (let slot = 0; slot < 200; slot++) for (let i = 0; i < 10; i++) history.keep(slot, fill(id++, 2000));
  assert.ok(history.counters.overBudgetHead > 0);
  assert.ok(history.memoryBytes <= MB);
});

test('seeded load: within the budget, and every cut is a beginning and an end of what came', () => {
  for (const [seed, budgetKb] of [
    [1, 256],
    [2, 300],
    [3, 64],
    [4, 4096],
  ] as const) {
    const random = seededRandom(seed);
    const slots = 40;
    const history = new PacketHistory({
      maxConnections: slots,
      budgetBytes: budgetKb * KB,
      connectionBytes: 48 * KB,
      headBytes: 6 * KB,
    });
    const fed: Kept[][] = Array.from({ length: slots }, () => []);
    for (let id = 0; id < 20_000; id++) {
      const slot = random(4) === 0 ? random(slots) : random(4);
      const dice = random(1000);
      if (dice === 0) {
        history.drop(slot);
        fed[slot] = [];
        continue;
      }
      const length = 1 + (dice < 900 ? random(300) : dice < 990 ? random(1500) : random(20_000));
      history.keep(slot, fill(id, length));
      fed[slot]?.push({ id, length });
      if (history.memoryBytes > budgetKb * KB) assert.unreachable('past the budget');
      if (id % 200 === 0) check(history, slot, fed[slot] ?? [], budgetKb === 4096);
    }
    for (let slot = 0; slot < slots; slot++) check(history, slot, fed[slot] ?? [], budgetKb === 4096);
    for (let slot = 0; slot < slots; slot++) history.drop(slot);
    assert.is(history.heldBytes, 0, 'every chunk came back');
    assert.is(history.counters.tooLarge, 0);
    assert.is(history.counters.overBudget > 0, budgetKb < 4096);
  }
});

function check(history: PacketHistory, slot: number, fed: readonly Kept[], roomy: boolean): void {
  const records = read(history, slot);
  let head = 0;
  while (head < records.length && records[head]?.id === fed[head]?.id) head++;
  const tail = records.length - head;
  const want = [...fed.slice(0, head), ...fed.slice(fed.length - tail)];
  assert.equal(records, want);
  if (records.length > 0) assert.is(history.cut(slot)?.omittedPackets, fed.length - records.length);
  if (!roomy) return;
  // Without pressure from others the rule can be said in three lines.
  let expected = 0;
  while (expected < fed.length && size(fed.slice(0, expected)) < 6 * KB) expected++;
  let from = fed.length;
  while (from > expected && size(fed.slice(0, expected)) + size(fed.slice(from - 1)) <= 48 * KB) from--;
  assert.equal(records, [...fed.slice(0, expected), ...fed.slice(from)]);
}

test.run();
