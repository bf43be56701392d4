import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ChunkLimits } from '../../src/history/chunk-limits.ts';
import { ChunkedHistory } from '../../src/history/chunked-history.ts';
import { seededBelow } from '../tools/random.ts';
import { fill as fillFrame, type Kept, newFrame, readRecords, sizeOf } from './kept-frames.ts';

const KB = 1024;
const MB = KB * KB;

const test = suite('history/chunked-history');
const frame = newFrame();
const fill = (id: number, length: number) => fillFrame(frame, id, length);

function newHistory(limits: Partial<ChunkLimits>): ChunkedHistory {
  return new ChunkedHistory({
    maxConnections: 4,
    budgetBytes: MB,
    connectionBytes: 2 * MB - 24,
    headBytes: 64 * KB,
    ...limits,
  });
}

function read(history: ChunkedHistory, slot: number): Kept[] {
  const bytes = new Uint8Array(history.heldBytesOf(slot));
  history.copyTo(slot, bytes);
  const records = readRecords(bytes);
  assert.is(records.length, history.packetCount(slot));
  return records;
}

test('a short connection is kept whole and forgotten whole', () => {
  const history = newHistory({ maxConnections: 4, budgetBytes: MB });
  assert.equal(read(history, 2), []);
  assert.is(history.memoryBytes, 0);
  for (let id = 0; id < 10; id++) history.keep(2, fill(id, 54 + id * 100));
  const whole = Array.from({ length: 10 }, (_, id) => ({ id, length: 54 + id * 100 }));
  assert.equal(read(history, 2), whole);
  assert.equal(read(history, 2), whole, 'a copy takes nothing away');
  assert.is(history.omittedCount(2), 0);
  history.drop(2);
  assert.equal(read(history, 2), []);
  assert.is(history.heldBytes, 0);
  history.keep(2, fill(77, 60));
  assert.equal(read(history, 2), [{ id: 77, length: 60 }]);
});

test('no capture file is longer than 2 MB, its first 64 KB stay', () => {
  const history = newHistory({ maxConnections: 1, budgetBytes: 16 * MB });
  let last = 0;
  for (let total = 0; total < 10 * MB; total += 1500) history.keep(0, fill(last++, 1500));
  const records = read(history, 0);
  assert.ok(24 + sizeOf(records) <= 2 * MB);
  assert.ok(24 + sizeOf(records) > 2 * MB - 2000);
  const gap = records.findIndex((record, i) => record.id !== i);
  const head = sizeOf(records.slice(0, gap));
  assert.ok(head >= 64 * KB && head < 64 * KB + 1516);
  assert.is(records.at(-1)?.id, last - 1);
  for (let i = gap + 1; i < records.length; i++) assert.is(records[i]?.id, (records[i - 1]?.id ?? 0) + 1);
  assert.is(history.omittedCount(0), last - records.length);
  assert.is(history.counters.overConnection, last - records.length);
});

test('times keep their microseconds, whatever is beyond them', () => {
  const history = newHistory({});
  fill(1, 20);
  frame.timeUs = 3_999_999_999_999_999.5;
  history.keep(0, frame);
  const view = new DataView(new ArrayBuffer(36));
  history.copyTo(0, new Uint8Array(view.buffer));
  assert.equal([view.getUint32(0, true), view.getUint32(4, true)], [3_999_999_999, 999_999]);
});

test('what is too large is counted', () => {
  const history = newHistory({ budgetBytes: 64 * KB, connectionBytes: 16 * KB });
  history.keep(0, fill(1, 16 * KB));
  assert.equal(read(history, 0), []);
  history.keep(0, fill(4, 100));
  assert.equal(read(history, 0), [{ id: 4, length: 100 }]);
  assert.is(history.omittedCount(0), 1);
  assert.is(history.counters.tooLarge, 1);
});

test('what newer packets displace goes, the beginning stays', () => {
  const history = newHistory({ connectionBytes: 40 * KB, headBytes: 8 * KB });
  for (let id = 0; id < 30; id++) history.keep(0, fill(id, 1000));
  history.leaveRoom(0, 20 * KB);
  const records = read(history, 0);
  assert.ok(sizeOf(records) <= 20 * KB && sizeOf(records) > 19 * KB - 16);
  assert.equal([records[8]?.id, records.at(-1)?.id], [8, 29]);
  history.surpass(0);
  assert.equal(
    read(history, 0).map(({ id }) => id),
    [0, 1, 2, 3, 4, 5, 6, 7, 8],
  );
  assert.is(history.omittedCount(0), 22);
  assert.is(history.counters.overConnection, 22);
  history.keep(0, fill(99, 1000));
  assert.is(read(history, 0).at(-1)?.id, 99);
});

test('the largest holder gives way first, its newer part before its beginning', () => {
  const history = newHistory({ maxConnections: 200, budgetBytes: MB, headBytes: 8 * KB });
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
    const random = seededBelow(seed);
    const slots = 40;
    const history = newHistory({
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

function check(history: ChunkedHistory, slot: number, fed: readonly Kept[], roomy: boolean): void {
  const records = read(history, slot);
  let head = 0;
  while (head < records.length && records[head]?.id === fed[head]?.id) head++;
  const tail = records.length - head;
  const want = [...fed.slice(0, head), ...fed.slice(fed.length - tail)];
  assert.equal(records, want);
  if (records.length > 0) assert.is(history.omittedCount(slot), fed.length - records.length);
  if (!roomy) return;
  // Without pressure from others the rule can be said in three lines.
  let expected = 0;
  while (expected < fed.length && sizeOf(fed.slice(0, expected)) < 6 * KB) expected++;
  let from = fed.length;
  while (from > expected && sizeOf(fed.slice(0, expected)) + sizeOf(fed.slice(from - 1)) <= 48 * KB) from--;
  assert.equal(records, [...fed.slice(0, expected), ...fed.slice(from)]);
}

test.run();
