import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MemoryBudget, type MemoryShare } from '../../src/limits/memory-budget.ts';
import type { MemoryRoom } from '../../src/model/memory-room.ts';
import { Random } from '../tools/random.ts';

const MIB = 1 << 20;

/** A session that keeps packets, and lets them go when it is asked to. */
class Session {
  readonly share: MemoryShare;
  readonly packets: MemoryRoom;
  readonly table: MemoryRoom;

  constructor(budget: MemoryBudget, minimumMib = 0) {
    this.share = budget.share(minimumMib * MIB);
    this.packets = this.share.room('packets');
    this.table = this.share.room('table');
    this.share.gives('packets', (bytes) => {
      const given = Math.min(this.share.usedBytes.packets, Math.ceil(bytes / MIB) * MIB);
      this.packets.give(given);
      return given;
    });
  }

  /** Takes MiB for MiB, until it has so many or is refused. */
  fill(room: MemoryRoom, mib: number): number {
    let taken = 0;
    while (taken < mib && room.take(MIB)) taken++;
    return taken;
  }

  get packetsMib(): number {
    return this.share.usedBytes.packets / MIB;
  }
}

test('whoever comes takes what is free, but for a part that is kept for guaranteed minima', () => {
  const budget = new MemoryBudget(160 * MIB);
  const session = new Session(budget);
  assert.is(session.fill(session.packets, 1_000), 150);
  assert.is(session.share.gaveWay.packets, 1);
  assert.is(session.fill(session.packets, 1_000), 0);
  assert.is(session.share.gaveWay.packets, 1, 'a refusal that nothing has changed since is not counted again');
  const other = new Session(budget, 10);
  assert.is(other.fill(other.table, 10), 10, 'its minimum, whatever others use');
});

test('the packets of the largest session go first, then table growth is refused', () => {
  const budget = new MemoryBudget(160 * MIB);
  const [one, two, three] = [new Session(budget), new Session(budget), new Session(budget)];
  one.fill(one.packets, 60);
  two.fill(two.packets, 40);
  three.fill(three.packets, 30);
  assert.is(three.fill(three.table, 22), 22);
  assert.ok(one.packetsMib < 60, 'the largest gave way');
  assert.equal([two.packetsMib, three.packetsMib], [40, 30]);
  const taken = three.fill(three.table, 1_000);
  assert.is(three.packetsMib, 0, 'now it is the largest: its own packets gave way');
  const table = taken + 22;
  assert.ok(
    table >= one.packetsMib - 3,
    `${table} beside ${one.packetsMib}: others give way as long as they are larger`,
  );
  assert.ok(one.packetsMib >= 50, `${one.packetsMib} stay of what was 60`);
  assert.is(two.packetsMib, 40, 'a smaller one is left alone');
  assert.ok(three.share.gaveWay.table >= 1 && three.share.gaveWay.packets >= 1);
  assert.ok(budget.usedBytes <= budget.limitBytes);
});

test('packets displace those of a larger session only', () => {
  const budget = new MemoryBudget(160 * MIB);
  const [one, two] = [new Session(budget), new Session(budget)];
  one.fill(one.packets, 1_000);
  two.fill(two.packets, 1_000);
  assert.ok(Math.abs(one.packetsMib - two.packetsMib) < 6, `${one.packetsMib} and ${two.packetsMib}`);
  assert.is(one.fill(one.packets, 10) + two.fill(two.packets, 10), 0, 'nobody takes turns with equals');
});

test('what is shared goes after the packets of sessions, and only what it does not need', () => {
  const budget = new MemoryBudget(160 * MIB);
  const shared = budget.share(0);
  shared.isShared = true;
  const backlog = shared.room('backlog');
  let idleMib = 40;
  backlog.take(50 * MIB);
  shared.gives('backlog', (bytes) => {
    const given = Math.min(idleMib, Math.ceil(bytes / MIB));
    idleMib -= given;
    backlog.give(given * MIB);
    return given * MIB;
  });
  const session = new Session(budget);
  session.fill(session.packets, 20);
  assert.is(session.fill(session.table, 1_000), 140, 'all but what the backlog needs and what is kept');
  assert.is(session.packetsMib, 0);
  assert.is(idleMib, 0);
});

test('a limit that sinks makes packets give way', () => {
  const budget = new MemoryBudget(160 * MIB);
  const session = new Session(budget, 20);
  session.fill(session.packets, 100);
  budget.limitBytes = 60 * MIB;
  assert.is(session.packetsMib, 60);
  budget.limitBytes = 5 * MIB;
  assert.is(session.packetsMib, 20, 'its minimum stays');
});

test('who ends gives back all of it, and what gives way takes nothing meanwhile', () => {
  const budget = new MemoryBudget(100 * MIB);
  const [one, two] = [new Session(budget, 5), new Session(budget, 5)];
  one.share.gives('packets', (bytes) => {
    assert.not(one.packets.take(MIB), 'taken by who gives way');
    one.packets.give(bytes);
    return bytes;
  });
  one.fill(one.packets, 1_000);
  two.fill(two.table, 30);
  assert.ok(two.share.totalBytes === 30 * MIB && one.packetsMib < 90);
  one.share.close();
  one.share.close();
  one.packets.give(MIB);
  two.share.close();
  assert.equal([budget.usedBytes, budget.chargedBytes], [0, 0]);
});

test('seeded: never more than the limit but for minima, and the sums are right', () => {
  for (let seed = 1; seed < 20; seed++) {
    const random = new Random(seed);
    const budget = new MemoryBudget(200 * MIB);
    let sessions = Array.from({ length: 8 }, () => new Session(budget, 4));
    for (let step = 0; step < 3_000; step++) {
      const session = random.pick(sessions);
      const room = random.pick([session.packets, session.packets, session.table]);
      room.take(random.between(1, 3 * MIB));
      if (random.chance(0.01)) {
        session.share.close();
        sessions = [...sessions.filter((one) => one !== session), new Session(budget, 4)];
      }
      const total = sessions.reduce((sum, { share }) => sum + share.totalBytes, 0);
      assert.is(budget.usedBytes, total);
      const charged = sessions.reduce((sum, { share }) => sum + Math.max(share.totalBytes, 4 * MIB), 0);
      assert.is(budget.chargedBytes, charged);
      assert.ok(charged <= budget.limitBytes);
    }
  }
});

test.run();
