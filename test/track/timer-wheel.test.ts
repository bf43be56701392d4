import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { TimerWheel } from '../../src/track/timer-wheel.ts';
import { Random } from '../tools/random.ts';

const SLOTS = 200;
const TICK_US = 100_000;
const SECOND_US = 1_000_000;
const YEAR_US = 365 * 86_400 * SECOND_US;
const BEGIN_US = 1_700_000_000 * SECOND_US;

/** A wheel as its users have it: who is woken too early is put back. */
class Alarms {
  readonly #wheel = new TimerWheel(SLOTS);
  readonly #due = new Map<number, number>();

  get pending(): ReadonlyMap<number, number> {
    return this.#due;
  }

  set(slot: number, timeUs: number, nowUs: number): void {
    this.cancel(slot);
    this.#due.set(slot, timeUs);
    this.#wheel.notBefore(nowUs);
    this.#wheel.schedule(slot, timeUs);
  }

  cancel(slot: number): void {
    if (this.#due.delete(slot)) this.#wheel.cancel(slot);
  }

  /** Slots whose time has come. */
  advance(nowUs: number): number[] {
    const rung: number[] = [];
    for (let slot = this.#wheel.takeDue(nowUs); slot >= 0; slot = this.#wheel.takeDue(nowUs)) {
      const dueUs = this.#due.get(slot) ?? Number.NaN;
      if (dueUs <= nowUs) {
        this.#due.delete(slot);
        rung.push(slot);
      } else {
        this.#wheel.schedule(slot, dueUs);
      }
    }
    return rung.sort((a, b) => a - b);
  }
}

/** Who has to ring: everybody whose tick has ended. */
function dueBy(pending: ReadonlyMap<number, number>, nowUs: number): number[] {
  const nowTick = Math.floor(nowUs / TICK_US);
  return [...pending]
    .filter(([, timeUs]) => Math.floor(timeUs / TICK_US) < nowTick)
    .map(([slot]) => slot)
    .sort((a, b) => a - b);
}

const JUMPS: readonly { readonly name: string; readonly stepUs: (random: Random) => number }[] = [
  { name: 'small steps', stepUs: (random) => random.between(0, 300_000) },
  { name: 'seconds', stepUs: (random) => random.between(0, 20 * SECOND_US) },
  { name: 'longer than the wheel', stepUs: (random) => random.between(0, 2_000) * SECOND_US },
  { name: 'years', stepUs: (random) => (random.chance(0.1) ? random.between(1, 30) * YEAR_US : 250_000) },
  { name: 'now and then back', stepUs: (random) => random.between(-400_000, 600_000) },
  {
    name: 'a clock set back by an hour',
    stepUs: (random) => (random.chance(0.02) ? -3_600 * SECOND_US : random.between(0, SECOND_US)),
  },
  { name: 'a clock out of its mind', stepUs: (random) => random.between(-10, 10) * random.pick([1, 1e6, 1e9, 1e12]) },
];

for (const { name, stepUs } of JUMPS) {
  test(`everybody is woken in time: ${name}`, () => {
    for (let seed = 1; seed <= 5; seed++) {
      const random = new Random(seed);
      const alarms = new Alarms();
      let nowUs = BEGIN_US;
      for (let step = 0; step < 3_000; step++) {
        nowUs = Math.max(0, nowUs + stepUs(random));
        const slot = random.between(0, SLOTS - 1);
        if (random.chance(0.2)) alarms.cancel(slot);
        else if (random.chance(0.6))
          alarms.set(slot, nowUs + random.pick([0, 1, 30, 180, 600, 5_000]) * SECOND_US, nowUs);
        if (random.chance(0.3)) {
          const must = dueBy(alarms.pending, nowUs);
          const rung = alarms.advance(nowUs);
          assert.equal(
            must.filter((late) => !rung.includes(late)),
            [],
            `seed ${seed}, step ${step}`,
          );
        }
      }
    }
  });
}

test('the first slot may be due long after the next ones', () => {
  const alarms = new Alarms();
  alarms.set(0, BEGIN_US + 7_200 * SECOND_US, BEGIN_US);
  alarms.set(1, BEGIN_US + 30 * SECOND_US, BEGIN_US);
  assert.equal(alarms.advance(BEGIN_US + 30.1 * SECOND_US), [1]);
  assert.equal(alarms.advance(BEGIN_US + 7_200.1 * SECOND_US), [0]);
});

test('an empty wheel has nothing due', () => {
  const wheel = new TimerWheel(4);
  assert.is(wheel.takeDue(BEGIN_US), -1);
  assert.is(wheel.takeDue(0), -1);
});

test.run();
