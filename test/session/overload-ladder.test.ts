import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { OverloadLadder } from '../../src/session/overload-ladder.ts';

const test = suite('overload ladder');
/** How often a session looks. */
const TURN_MS = 10;

/** Plays load for some seconds; says at what times the step changed, and to what. */
class Load {
  readonly ladder = new OverloadLadder();
  readonly steps: string[] = [];
  #nowMs = 1000;

  /** `isPressed` gets the milliseconds since the call; packets are lost, or not, or so much of the room is taken. */
  play(seconds: number, isPressed: (ms: number) => boolean | number): this {
    for (let ms = 0; ms < seconds * 1000; ms += TURN_MS, this.#nowMs += TURN_MS) {
      const pressure = isPressed(ms);
      const isLosing = pressure === true;
      const taken = this.ladder.note({ isLosing, backlogLevel: Number(isLosing ? 0 : pressure) }, this.#nowMs);
      if (taken !== null)
        this.steps.push(`${((this.#nowMs - 1000) / 1000).toFixed(2)} ${taken.isUp ? '+' : '-'}${taken.step}`);
    }
    return this;
  }
}

const always = () => true;
const never = () => false;

test('a hiccup changes nothing', () => {
  const { steps } = new Load()
    .play(1, never)
    .play(0.2, always)
    .play(3, (ms) => ms % 1000 === 0);
  assert.equal(steps, []);
});

test('step by step for as long as it lasts, and no further than there are steps', () => {
  const { steps, ladder } = new Load().play(5, always);
  assert.equal(steps, ['0.50 +1', '1.00 +2', '1.50 +3', '2.00 +4']);
  assert.is(ladder.step, 4);
});

test('pressure that shows now and then is pressure', () => {
  const { steps } = new Load().play(1.3, (ms) => ms % 200 === 0);
  assert.equal(steps, ['0.60 +1', '1.20 +2']);
});

test('what waits is pressure from a quarter of the room on, and urgent from three quarters on', () => {
  assert.equal(new Load().play(3, () => 0.24).steps, []);
  assert.equal(new Load().play(1.2, () => 0.25).steps, ['0.50 +1', '1.00 +2']);
  assert.equal(new Load().play(1.2, () => 0.74).steps, ['0.50 +1', '1.00 +2']);
  assert.equal(new Load().play(1, () => 0.75).steps, ['0.00 +1', '0.20 +2', '0.40 +3', '0.60 +4']);
});

test('once it is urgent no longer, it goes on as before', () => {
  const { steps } = new Load()
    .play(0.1, () => 0.3)
    .play(0.1, () => 0.8)
    .play(1, () => 0.5);
  assert.equal(steps, ['0.10 +1', '0.60 +2', '1.10 +3']);
});

test('back step by step when it is calm', () => {
  const { steps } = new Load().play(1.1, always).play(12, never);
  assert.equal(steps, ['0.50 +1', '1.00 +2', '6.34 -1', '11.34 -0']);
});

test('who falls back at once is waited for longer, up to a minute', () => {
  const load = new Load().play(0.6, always);
  const waits: number[] = [];
  for (let round = 0; round < 6; round++) {
    const before = load.steps.length;
    let calmMs = 0;
    while (load.steps.length === before) {
      load.play(0.1, never);
      calmMs += 100;
    }
    waits.push(Math.round(calmMs / 1000));
    load.play(0.6, always);
  }
  assert.equal(waits, [5, 10, 20, 40, 60, 60]);
  load.play(300, never).play(0.6, always).play(6, never);
  assert.is(load.ladder.step, 0, 'long after, it is as at first');
});

test.run();
