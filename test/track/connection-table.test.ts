import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { engineMemory } from '../../src/model/memory-supply.ts';
import { Packet } from '../../src/model/packet.ts';
import { ConnectionTable, NOT_FOUND } from '../../src/track/connection-table.ts';
import { WORDS_PER_RECORD } from '../../src/track/record.ts';
import { TrackedConnection } from '../../src/track/tracked-connection.ts';
import { WatchedSupply } from '../lab/watched-memory.ts';
import { Random } from '../tools/random.ts';

interface Ends {
  readonly ipVersion: number;
  readonly addresses: readonly [readonly number[], readonly number[]];
  readonly ports: readonly [number, number];
}

const packet = new Packet();
packet.view = new DataView(new ArrayBuffer(40));
packet.sourceAddress = 3; // nothing is aligned in a frame
packet.destinationAddress = 21;

/** A packet from end `from` to the other. */
function aim({ ipVersion, addresses, ports }: Ends, from: 0 | 1): Packet {
  const [source, destination] = [addresses[from], addresses[1 - from]];
  packet.ipVersion = ipVersion;
  source?.forEach((word, i) => {
    packet.view.setUint32(packet.sourceAddress + 4 * i, word);
  });
  destination?.forEach((word, i) => {
    packet.view.setUint32(packet.destinationAddress + 4 * i, word);
  });
  packet.sourcePort = ports[from];
  packet.destinationPort = ports[from === 0 ? 1 : 0];
  return packet;
}

/** Endpoints out of few addresses and ports, so that most of them share something. */
function randomEnds(random: Random): Ends {
  const ipVersion = random.chance(0.5) ? 4 : 6;
  const address = () =>
    Array.from({ length: ipVersion === 4 ? 1 : 4 }, () => random.pick([0, 1, 0x0a000001, 0xffffffff]));
  const port = () => random.pick([0, 1, 80, 443, 32_768, 65_535]);
  return { ipVersion, addresses: [address(), address()], ports: [port(), port()] };
}

const key = ({ ipVersion, addresses, ports }: Ends, from: number) =>
  `${ipVersion} ${addresses[from]} ${ports[from]} > ${addresses[1 - from]} ${ports[1 - from]}`;

test('random load: what a Map finds, in both directions', () => {
  for (const [seed, capacity, targetSize] of [
    [1, 50, 50],
    [2, 3_000, 3_000],
    [3, 3_000, 200],
  ] as const) {
    const random = new Random(seed);
    const table = new ConnectionTable(capacity, seed);
    const connection = new TrackedConnection(table);
    const model = new Map<string, { readonly slot: number; readonly ends: Ends; readonly from: number }>();
    let serial = 0;
    for (let step = 0; step < 40_000; step++) {
      const ends = randomEnds(random);
      const from = random.chance(0.5) ? 0 : 1;
      const hash = table.hash(aim(ends, from));
      assert.is(table.hash(aim(ends, from === 0 ? 1 : 0)), hash, 'the hash is the same both ways');
      const found = table.find(aim(ends, from), hash);
      const forward = model.get(key(ends, from));
      const backward = model.get(key(ends, 1 - from));
      const wanted = forward ? forward.slot * 2 : backward ? backward.slot * 2 + 1 : NOT_FOUND;
      assert.is(found, wanted, `seed ${seed}, step ${step}`);
      assert.is(table.size, model.size);
      assert.is(table.full, model.size === capacity);
      const hit = forward ?? backward;
      if (hit === undefined) {
        if (model.size >= targetSize) continue;
        const initiatorIsSource = random.chance(0.5);
        const slot = table.insert(aim(ends, from), hash, initiatorIsSource);
        assert.ok(slot >= 0 && slot < capacity);
        const initiator = initiatorIsSource ? from : 1 - from;
        connection.at(slot);
        assert.is(connection.serial, serial++);
        assert.is(connection.ipVersion, ends.ipVersion);
        assert.is(connection.initiatorPort, ends.ports[initiator]);
        assert.is(connection.responderPort, ends.ports[1 - initiator]);
        ends.addresses[initiator]?.forEach((word, i) => {
          assert.is(connection.addressWord(0, i), word);
        });
        assert.is(connection.initiatorBytes, 0);
        model.set(key(ends, initiator), { slot, ends, from: initiator });
      } else if (random.chance(0.5)) {
        table.remove(hit.slot);
        model.delete(key(hit.ends, hit.from));
      }
    }
    for (const { slot, ends, from } of model.values()) {
      const side = from === 0 ? 0 : 1;
      assert.is(table.find(aim(ends, side), table.hash(aim(ends, side))), slot * 2);
    }
  }
});

test('the index grows with the table, and freed slots are used again', () => {
  const capacity = 20_000;
  const table = new ConnectionTable(capacity, 9);
  const ends = (i: number): Ends => ({ ipVersion: 4, addresses: [[i], [0x0a000001]], ports: [1234, 80] });
  const insert = (i: number) => table.insert(aim(ends(i), 0), table.hash(aim(ends(i), 0)), true);
  const slots = Array.from({ length: capacity }, (_, i) => insert(i));
  assert.ok(table.full);
  assert.is(new Set(slots).size, capacity);
  for (let i = 0; i < capacity; i += 3) table.remove(slots[i] ?? -1);
  for (let i = 0; i < capacity; i++) {
    const wanted = i % 3 === 0 ? NOT_FOUND : (slots[i] ?? -1) * 2 + 1;
    assert.is(table.find(aim(ends(i), 1), table.hash(aim(ends(i), 1))), wanted);
  }
  for (let i = 0; i < capacity; i += 3) assert.ok(insert(i) < capacity);
  assert.ok(table.full);
});

test('it says how far its records are used, freed slots first', () => {
  const supply = new WatchedSupply();
  const table = new ConnectionTable(1_000, 9, supply);
  const [records] = supply.given;
  const insert = (i: number) => {
    const packet = aim({ ipVersion: 4, addresses: [[i], [0x0a000001]], ports: [1234, 80] }, 0);
    return table.insert(packet, table.hash(packet), true);
  };
  assert.is(records?.reached, 0);
  const slots = Array.from({ length: 100 }, (_, i) => insert(i));
  const recordBytes = (records?.buffer.byteLength ?? 0) / table.capacity;
  assert.is(records?.reached, 100 * recordBytes);
  assert.ok(records && records.written > 99 * recordBytes && records.written <= records.reached);
  table.remove(slots[50] ?? -1);
  insert(100);
  assert.is(records.reached, 100 * recordBytes);
});

test('the seed decides about the hash', () => {
  const ends: Ends = { ipVersion: 4, addresses: [[1], [2]], ports: [3, 4] };
  const hashes = new Set(Array.from({ length: 100 }, (_, seed) => new ConnectionTable(1, seed).hash(aim(ends, 0))));
  assert.is(hashes.size, 100);
});

test('endpoints that differ in one number do not share a hash', () => {
  const table = new ConnectionTable(1, 5);
  const hashes = new Set<number>();
  for (let port = 0; port < 65_536; port++) {
    hashes.add(table.hash(aim({ ipVersion: 4, addresses: [[0x0a000001], [0x0a000002]], ports: [port, 80] }, 0)));
  }
  assert.ok(hashes.size > 65_000, `${hashes.size} hashes`);
});

test('without room for more it is full; what is free at its end is given back', () => {
  let usedBytes = 0;
  let isOpen = true;
  const room = {
    take: (bytes: number) => {
      if (isOpen) usedBytes += bytes;
      return isOpen;
    },
    use: (bytes: number) => {
      usedBytes += bytes;
    },
    give: (bytes: number) => {
      usedBytes -= bytes;
    },
  };
  const capacity = 60_000;
  const table = new ConnectionTable(capacity, 9, engineMemory, { room, slotBytes: (slots) => slots * 10 });
  const ends = (i: number): Ends => ({ ipVersion: 4, addresses: [[i], [0x0a000001]], ports: [1234, 80] });
  const find = (i: number) => table.find(aim(ends(i), 0), table.hash(aim(ends(i), 0)));
  const insert = (i: number) => table.insert(aim(ends(i), 0), table.hash(aim(ends(i), 0)), true);
  const firstBytes = usedBytes;
  assert.ok(firstBytes > 0, 'some are there in any case');
  for (let i = 0; i < 50_000; i++) {
    assert.not(table.full);
    insert(i);
  }
  const mostBytes = usedBytes;
  const recordBytes = WORDS_PER_RECORD * 4;
  assert.ok(
    mostBytes > 50_000 * (recordBytes + 30) && mostBytes < 50_000 * (recordBytes + 150),
    `${mostBytes} for 50,000`,
  );
  isOpen = false;
  let more = 50_000;
  while (!table.full) insert(more++);
  assert.ok(more < 51_100, 'a piece at most');
  table.remove(find(17) >> 1);
  assert.not(table.full);
  insert(17);
  assert.ok(table.full);
  assert.is(table.trim(), -1, 'nothing is free');

  const random = new Random(3);
  const stay = Array.from({ length: 500 }, () => random.between(0, 4_000));
  for (let i = 0; i < more; i++) if (!stay.includes(i)) table.remove(find(i) >> 1);
  const first = table.trim();
  assert.ok(first >= 3_000 && first <= 5_000, `slots from ${first} on`);
  assert.ok(usedBytes < mostBytes / 8, `${usedBytes} of ${mostBytes} bytes`);
  assert.is(table.trim(), -1, 'once is enough');
  for (const i of stay) assert.ok(find(i) >= 0);
  for (let i = 0; i < more; i++) if (!stay.includes(i)) assert.is(find(i), NOT_FOUND);
  isOpen = true;
  for (let i = 100_000; !table.full; i++) insert(i);
  assert.is(table.size, capacity);
  for (const i of stay) assert.ok(find(i) >= 0);
});

test.run();
