import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { HistoryLimits } from '../../src/history/history-limits.ts';
import { PacketHistory } from '../../src/history/packet-history.ts';
import { Frame } from '../../src/model/frame.ts';
import { LinkType } from '../../src/model/link-type.ts';
import type { MemoryRoom } from '../../src/model/memory-room.ts';
import type { PacketRecords } from '../../src/model/packet-records.ts';
import { WatchedSupply } from '../lab/watched-memory.ts';
import { seededBelow } from '../tools/random.ts';
import { byteOf, fill, type Kept, newFrame, RECORD, readRecords, sizeOf } from './kept-frames.ts';

const KB = 1024;
const MB = KB * KB;
/** What the kernel puts in front of an Ethernet frame in a ring block. */
const FRAME_HEADERS = 82;

const test = suite('history/packet-history');

/** Two ways a frame can come: in memory of the source's own, or in the history's store as the packet ring does it. */
type Place = 'own' | 'store';
const PLACES: readonly Place[] = ['own', 'store'];

/** A history and a source for it. */
class Feed {
  readonly history: PacketHistory;
  readonly #place: Place;
  readonly #own = newFrame();
  readonly #stored = new Frame();
  readonly #pieceBytes: number;
  #at = 0;
  #end = 0;

  constructor(place: Place, limits: Partial<HistoryLimits> = {}, pieceBytes = 16 * KB) {
    this.history = new PacketHistory({ maxConnections: 40, budgetBytes: 16 * MB, ...limits });
    this.#place = place;
    this.#pieceBytes = pieceBytes;
    this.#stored.bytes = this.history.store.bytes;
    this.#stored.view = this.history.store.view;
  }

  /** The next frame; what is between the frames in the store is not zero. */
  frame(id: number, length: number, place = this.#place): Frame {
    if (place === 'own') return fill(this.#own, id, length);
    const { store } = this.history;
    const stepBytes = (FRAME_HEADERS + length + 15) & ~15;
    if (this.#at + stepBytes > this.#end) {
      const pieceBytes = Math.max(this.#pieceBytes, stepBytes);
      this.#at = store.take(pieceBytes);
      assert.ok(this.#at >= 0);
      this.#end = this.#at + pieceBytes;
    }
    const start = this.#at + FRAME_HEADERS;
    store.bytes.fill(0xee, this.#at, start);
    this.#at += stepBytes;
    return fill(this.#stored, id, length, start);
  }

  keep(slot: number, id: number, length: number): void {
    this.history.keep(slot, this.frame(id, length));
  }

  cut(slot: number): PacketRecords {
    const records = this.history.cut(slot);
    if (records === null) throw new Error(`Nothing is held in slot ${slot}`);
    return records;
  }

  read(slot: number): Kept[] {
    const records = this.history.cut(slot);
    if (records === null) return [];
    const kept = readRecords(records.bytes);
    assert.is(kept.length, records.packets);
    return kept;
  }

  /** Frames of other connections, or of none, so that the log comes to its beginning again. */
  churn(bytes: number, slot = -1): void {
    for (let used = 0; used < bytes; used += 1000) {
      const frame = this.frame(0, 1000);
      if (slot >= 0) this.history.keep(slot, frame);
    }
  }
}

for (const place of PLACES) {
  test(`${place}: a short connection is kept whole and forgotten whole`, () => {
    const feed = new Feed(place);
    assert.is(feed.history.cut(2), null);
    for (let id = 0; id < 10; id++) feed.keep(2, id, 54 + id * 100);
    const whole = Array.from({ length: 10 }, (_, id) => ({ id, length: 54 + id * 100 }));
    assert.equal(feed.read(2), whole);
    assert.equal(feed.read(2), whole, 'a cut takes nothing away');
    assert.is(feed.cut(2).linkType, LinkType.ethernet);
    assert.is(feed.cut(2).omittedPackets, 0);
    feed.history.drop(2);
    assert.is(feed.history.cut(2), null);
    feed.keep(2, 77, 60);
    assert.equal(feed.read(2), [{ id: 77, length: 60 }]);
  });

  test(`${place}: no capture file is longer than 2 MB, its first 64 KB stay`, () => {
    for (const budgetMb of [1.5, 4, 8, 64]) {
      const feed = new Feed(place, { budgetBytes: budgetMb * MB });
      let last = 0;
      for (let total = 0; total < 10 * MB; total += 1500) feed.keep(0, last++, 1500);
      const records = feed.read(0);
      assert.ok(24 + sizeOf(records) <= 2 * MB);
      if (budgetMb >= 8) assert.ok(24 + sizeOf(records) > 2 * MB - 2000);
      const gap = records.findIndex((record, i) => record.id !== i);
      const head = sizeOf(records.slice(0, gap));
      assert.ok(head >= 64 * KB && head < 64 * KB + 1516);
      for (let i = gap + 1; i < records.length; i++) assert.is(records[i]?.id, (records[i - 1]?.id ?? 0) + 1);
      assert.is(records.at(-1)?.id, last - 1);
      assert.is(feed.cut(0).omittedPackets, last - records.length);
    }
  });

  test(`${place}: what outlives the log is moved, the rest is forgotten`, () => {
    const feed = new Feed(place, { budgetBytes: MB });
    for (let id = 0; id < 5; id++) for (let slot = 0; slot < 4; slot++) feed.keep(slot, 10 * slot + id, 500);
    feed.history.mute(1);
    feed.history.drop(2);
    feed.churn(2 * MB, 9);
    feed.keep(0, 5, 60);
    feed.keep(1, 6, 60);
    feed.keep(2, 7, 60);
    const five = (from: number) => Array.from({ length: 5 }, (_, i) => ({ id: from + i, length: 500 }));
    assert.equal(feed.read(0), [...five(0), { id: 5, length: 60 }]);
    assert.equal(feed.read(1), []);
    assert.equal(feed.read(2), [{ id: 7, length: 60 }]);
    assert.equal(feed.read(3), five(30));
    assert.ok(feed.history.counters().moved >= 10);
  });

  test(`${place}: a slot that stands for another connection has none of the first one's packets`, () => {
    const feed = new Feed(place, { budgetBytes: MB });
    for (let round = 0; round < 50; round++) {
      for (let id = 0; id < 3; id++) feed.keep(0, round * 10 + id, 800);
      feed.churn(round * 3 * KB, 1);
      assert.equal(
        feed.read(0).map(({ id }) => id),
        [0, 1, 2].map((id) => round * 10 + id),
      );
      if (round % 2 === 0) feed.history.mute(0);
      feed.keep(0, round * 10 + 9, 800);
      assert.is(feed.read(0).length, round % 2 === 0 ? 0 : 4);
      feed.history.drop(0);
    }
  });

  test(`${place}: a tag the kernel took out is put back, in Ethernet frames only`, () => {
    const feed = new Feed(place, { budgetBytes: MB });
    const tagged = (linkType: number) => {
      const frame = feed.frame(1, 60);
      frame.linkType = linkType;
      frame.vlanTci = 0x2064;
      frame.vlanTpid = 0x88a8;
      return frame;
    };
    feed.history.keep(0, feed.frame(1, 60));
    feed.history.keep(0, tagged(LinkType.ethernet));
    feed.history.keep(0, feed.frame(1, 60));
    feed.history.keep(1, tagged(LinkType.linuxSll));
    const plain = Array.from({ length: 60 }, (_, i) => byteOf(1, i));
    for (const churned of [0, 2 * MB]) {
      feed.churn(churned, 2);
      const { bytes } = feed.cut(0);
      assert.is(bytes.length, 3 * RECORD + 184);
      assert.equal([...bytes.subarray(RECORD, RECORD + 60)], plain);
      const record = bytes.subarray(RECORD + 60, 2 * RECORD + 124);
      assert.equal([...record.subarray(8, 16)], [64, 0, 0, 0, 64, 0, 0, 0]);
      assert.equal([...record.subarray(RECORD)], [...plain.slice(0, 12), 0x88, 0xa8, 0x20, 0x64, ...plain.slice(12)]);
      assert.equal([...bytes.subarray(-60)], plain);
      assert.is(feed.cut(1).bytes.length, RECORD + 60);
    }
  });

  test(`${place}: the payload is cut, the length on the wire is not`, () => {
    const feed = new Feed(place);
    for (const [length, maxPayloadBytes] of [
      [1000, 10],
      [60, 10],
      [1000, 0],
    ] as const) {
      const frame = feed.frame(1, length);
      feed.history.keep(0, frame, frame.start + 54, maxPayloadBytes);
    }
    const { bytes } = feed.cut(0);
    const view = new DataView(bytes.buffer);
    const lengths = (at: number) => [view.getUint32(at + 8, true), view.getUint32(at + 12, true)];
    assert.equal(lengths(0), [64, 1000]);
    assert.equal(lengths(80), [60, 60]);
    assert.equal(lengths(156), [54, 1000]);
    assert.is(bytes.length, 156 + 70);
  });

  test(`${place}: packets of another link type are counted`, () => {
    const feed = new Feed(place);
    feed.keep(0, 4, 100);
    const frame = feed.frame(3, 100);
    frame.linkType = LinkType.raw;
    feed.history.keep(0, frame);
    assert.equal(feed.read(0), [{ id: 4, length: 100 }]);
    assert.is(feed.cut(0).omittedPackets, 1);
    assert.is(feed.history.counters().otherLinkType, 1);
  });

  test(`${place}: short connections take little memory, however many there are`, () => {
    const feed = new Feed(place, { budgetBytes: 64 * MB, maxConnections: 1000 }, 512 * KB);
    for (let id = 0; id < 100_000; id++) {
      if (id % 20 === 0) feed.history.drop((id / 20) % 10);
      feed.keep(Math.floor(id / 20) % 10, id, 600);
    }
    assert.ok(feed.history.memoryBytes < 4 * MB);
    assert.is(feed.history.counters().moved, 0);
  });

  test(`${place}: a long connection takes little more memory than it may show`, () => {
    const feed = new Feed(place, { budgetBytes: 64 * MB }, 512 * KB);
    for (let id = 0; id < 50_000; id++) feed.keep(0, id, 600);
    assert.ok(feed.history.memoryBytes < 8 * MB);
  });

  test(`${place}: seeded load, blocks used again and again`, () => {
    // Log and chunks have room for what every connection may hold, unless `tight`.
    for (const [seed, blockKb, budgetKb, tight] of [
      [1, 8, 800, false],
      [2, 32, 800, false],
      [3, 32, 4000, false],
      [4, 8, 120, true],
      [5, 16, 300, true],
    ] as const) {
      seededLoad(place, seed, { budgetBytes: budgetKb * KB, blockBytes: blockKb * KB }, tight);
    }
  });
}

/** Room that is there, or not, as the test says, and knows how much is used of it. */
class SwitchedRoom implements MemoryRoom {
  isOpen = true;
  usedBytes = 0;

  take(bytes: number): boolean {
    if (this.isOpen) this.usedBytes += bytes;
    return this.isOpen;
  }

  use(bytes: number): void {
    this.usedBytes += bytes;
  }

  give(bytes: number): void {
    this.usedBytes -= bytes;
  }
}

for (const place of PLACES) {
  test(`${place}: memory that is given back, or cannot be had, makes nothing wrong`, () => {
    for (let seed = 1; seed < 6; seed++) {
      const random = seededBelow(seed);
      const slots = 300;
      const room = new SwitchedRoom();
      const feed = new Feed(place, { budgetBytes: 12 * MB, blockBytes: 32 * KB, room, maxConnections: slots }, 5 * KB);
      const fed: Kept[][] = Array.from({ length: slots }, () => []);
      let givenBytes = 0;
      for (let id = 0; id < 40_000; id++) {
        const slot = random(slots);
        const dice = random(1000);
        if (dice < 4) {
          feed.history.drop(slot);
          fed[slot] = [];
        } else if (dice < 6) {
          const before = room.usedBytes;
          room.isOpen = false; // who shrinks takes nothing meanwhile
          const given = feed.history.shrink(random(4) * MB);
          assert.is(before - room.usedBytes, given);
          room.isOpen = random(3) === 0;
          givenBytes += given;
        }
        const length = 1 + random(1500);
        feed.keep(slot, id, length);
        fed[slot]?.push({ id, length });
        assert.ok(feed.history.memoryBytes <= room.usedBytes, 'no more is used than was asked for');
        if (id % 20 === 0) check(feed, slot, fed[slot] ?? [], null);
      }
      for (let slot = 0; slot < slots; slot++) check(feed, slot, fed[slot] ?? [], null);
      assert.ok(givenBytes > 8 * MB, `${givenBytes} given back`);
      feed.history.shrink(100 * MB);
      assert.ok(feed.history.memoryBytes < 1.2 * MB, 'two blocks and a slab stay');
    }
  });

  test(`${place}: slots that were given back begin anew`, () => {
    const feed = new Feed(place, { budgetBytes: 2 * MB, maxConnections: 100 });
    for (let slot = 0; slot < 100; slot++) for (let id = 0; id < 3; id++) feed.keep(slot, id, 400);
    feed.churn(MB, 2);
    for (let slot = 10; slot < 100; slot++) feed.history.drop(slot);
    feed.history.releaseSlots(10);
    for (let slot = 0; slot < 100; slot++) assert.is(feed.history.packetCount(slot) > 0, slot < 10);
    for (let slot = 10; slot < 100; slot++) feed.keep(slot, slot, 100);
    feed.churn(2 * MB, 2); // what is left of them before must not be taken for theirs when the log comes round
    for (let slot = 10; slot < 100; slot++) assert.equal(feed.read(slot), [{ id: slot, length: 100 }]);
  });
}

function seededLoad(place: Place, seed: number, limits: Partial<HistoryLimits>, tight: boolean): void {
  const random = seededBelow(seed);
  const slots = 12;
  const rule = { connectionBytes: 24 * KB, headBytes: 3 * KB };
  const feed = new Feed(place, { ...limits, ...rule }, 5 * KB);
  const fed: Kept[][] = Array.from({ length: slots }, () => []);
  const muted = new Set<number>();
  for (let id = 0; id < 20_000; id++) {
    const slot = random(4) === 0 ? random(slots) : random(4);
    const dice = random(1000);
    if (dice < 4) {
      feed.history[dice === 0 ? 'mute' : 'drop'](slot);
      fed[slot] = [];
      if (dice === 0) muted.add(slot);
      else muted.delete(slot);
      continue;
    }
    const length = 1 + (dice < 900 ? random(300) : dice < 990 ? random(1500) : random(3000));
    const frame = feed.frame(id, length, random(20) === 0 ? 'own' : place);
    if (random(10) === 0) continue; // of no connection
    feed.history.keep(slot, frame);
    if (!muted.has(slot)) fed[slot]?.push({ id, length });
    if (feed.history.memoryBytes > (limits.budgetBytes ?? 0)) assert.unreachable('past the budget');
    if (id % 50 === 0) check(feed, slot, fed[slot] ?? [], tight ? null : rule);
  }
  for (let slot = 0; slot < slots; slot++) check(feed, slot, fed[slot] ?? [], tight ? null : rule);
  const { moved, overBudget, overConnection, tooLarge } = feed.history.counters();
  assert.ok(moved > 50 && (tight || overConnection > 0));
  assert.is(overBudget > 0, tight);
  assert.is(tooLarge, 0);
}

/** Every cut is a beginning and an end of what came; without pressure from others exactly those that the rule says. */
function check(
  feed: Feed,
  slot: number,
  fed: readonly Kept[],
  rule: { connectionBytes: number; headBytes: number } | null,
): void {
  const records = feed.read(slot);
  if (records.length > 0) assert.is(feed.cut(slot).omittedPackets, fed.length - records.length);
  let head = 0;
  while (head < records.length && records[head]?.id === fed[head]?.id) head++;
  if (rule === null) {
    assert.equal(records, [...fed.slice(0, head), ...fed.slice(fed.length - (records.length - head))]);
    return;
  }
  let headEnd = 0;
  for (let bytes = 0; headEnd < fed.length && bytes < rule.headBytes; headEnd++)
    bytes += sizeOf([fed[headEnd] as Kept]);
  let from = fed.length;
  let bytes = sizeOf(fed.slice(0, headEnd));
  for (; from > headEnd; from--) {
    bytes += sizeOf([fed[from - 1] as Kept]);
    if (bytes > rule.connectionBytes) break;
  }
  assert.equal(records, [...fed.slice(0, headEnd), ...fed.slice(from)]);
}

for (const place of PLACES) {
  test(`${place}: where everybody holds as little as can be, what leaves the log gives way`, () => {
    const slots = 2000;
    const feed = new Feed(place, { maxConnections: slots, budgetBytes: MB, blockBytes: 64 * KB });
    const fed: Kept[][] = Array.from({ length: slots }, () => []);
    const random = seededBelow(6);
    for (let id = 0; id < 30_000; id++) {
      const slot = random(slots);
      if (random(500) === 0) {
        feed.history.drop(slot);
        fed[slot] = [];
      }
      feed.keep(slot, id, 100);
      fed[slot]?.push({ id, length: 100 });
      if (id % 50 === 0) check(feed, slot, fed[slot] ?? [], null);
    }
    for (let slot = 0; slot < slots; slot++) check(feed, slot, fed[slot] ?? [], null);
    const { moved, overBudget, overBudgetHead } = feed.history.counters();
    assert.ok(moved < 15_000 && overBudget > 20_000, 'most are not even moved');
    assert.ok(overBudgetHead < overBudget);
    for (let slot = 0; slot < slots; slot++) feed.history.drop(slot);
    for (let n = 0; n < 2; n++) for (let slot = 0; slot < 100; slot++) feed.keep(slot, 2 * slot + n, 100);
    feed.churn(MB, slots - 1);
    for (let slot = 0; slot < 100; slot++) {
      assert.equal(
        feed.read(slot).map(({ id }) => id),
        [2 * slot, 2 * slot + 1],
        'there is room again',
      );
    }
  });

  test(`${place}: a long connection whose beginning gave way ends with its newest packets`, () => {
    const feed = new Feed(place, {
      maxConnections: 1000,
      budgetBytes: MB,
      blockBytes: 64 * KB,
      connectionBytes: 64 * KB,
    });
    for (let round = 0; round < 10; round++) for (let slot = 1; slot < 1000; slot++) feed.keep(slot, slot, 900);
    feed.keep(0, 0, 900);
    for (let slot = 1; slot < 1000; slot++) feed.keep(slot, slot, 900);
    for (let id = 1; id < 400; id++) feed.keep(0, id, 900);
    const ids = feed.read(0).map(({ id }) => id);
    assert.ok(ids.length > 60 && sizeOf(feed.read(0)) <= 64 * KB);
    assert.equal(
      ids,
      ids.map((_, i) => 400 - ids.length + i),
    );
  });
}

test('the smallest budget: long frames fit, longer ones are counted and skipped', () => {
  const feed = new Feed('own', { budgetBytes: MB });
  assert.is(feed.history.store.take(512 * KB), -1, 'a ring block has to be read in place');
  for (let id = 0; id < 100; id++) feed.keep(0, id, id % 10 === 5 ? 150 * KB : id % 10 === 6 ? 65_549 : 1000);
  const ids = feed.read(0).map(({ id }) => id);
  assert.is(ids[0], 0);
  assert.is(ids.at(-1), 99);
  assert.ok(ids.includes(96));
  assert.not.ok(ids.some((id) => id % 10 === 5));
  assert.is(feed.history.counters().tooLarge, 10);
  assert.is(feed.cut(0).omittedPackets, 100 - ids.length);
  assert.ok(feed.history.memoryBytes <= MB);
});

for (const place of PLACES) {
  test(`it says how far its memory is used, frames in ${place === 'own' ? 'their own' : 'the store'}`, () => {
    const memory = new WatchedSupply();
    const feed = new Feed(place, { memory, blockBytes: 16 * KB, budgetBytes: 4 * MB });
    for (let id = 0; id < 1000; id++) feed.keep(id % 20, id, 900);
    const [frames, references, slots] = memory.given.map(({ reached, written }) => {
      assert.ok(written <= reached, `${written} written, ${reached} reached`);
      return reached;
    });
    assert.ok(frames && frames >= 1000 * 900 && frames < 1200 * KB, `${frames}`);
    assert.ok(references && references >= 1000 * 32 && references < 400 * KB, `${references}`);
    assert.is(slots, 20 * 32);
  });
}

test('frames that lie in the store may be shorter than any packet', () => {
  const feed = new Feed('store', { blockBytes: 8 * KB, budgetBytes: 200 * KB });
  const { store } = feed.history;
  const frame = new Frame();
  frame.bytes = store.bytes;
  frame.view = store.view;
  for (let id = 0; id < 3000; id++) {
    const at = store.take(16);
    feed.history.keep(0, fill(frame, id, 10, at + 4));
  }
  const records = feed.read(0);
  assert.is(records.at(-1)?.id, 2999);
  assert.is(records.length, 3000);
});

test.run();
