import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { replayFrames } from './replayed.ts';
import { allExchanges, runTruth, violationKinds } from './run-truth.ts';
import { REST_SECONDS } from './truth.ts';

const exchanges = await allExchanges();
/** A slice of the perturbations of single frames, and some mixtures: `npm run fuzz -- truth` tries all, and more. */
const SLICE = { seed: 1, share: 0.2, mixtures: 6 };

test('nothing is said of good exchanges but that TLS was established', () => {
  const good = exchanges.filter(({ isGood }) => isGood);
  assert.ok(good.length > 60, `only ${good.length} good exchanges`);
  for (const { name, frames } of good) {
    for (const restSeconds of REST_SECONDS) {
      const { events, flows } = replayFrames(frames, restSeconds);
      const trouble = events.filter((event) => event.name !== 'TCP_IS_TLS').map((event) => event.cause);
      assert.equal(trouble, [], name);
      assert.ok(
        flows.every(({ failure, endType }) => failure === '' && endType === 0),
        `${name} ended in order`,
      );
    }
  }
});

test('something is said of every exchange that fails', () => {
  for (const { name, frames } of exchanges.filter(({ isGood }) => !isGood)) {
    assert.ok(
      replayFrames(frames, 2_000).claims.some(({ text }) => !text.startsWith('00003')),
      `${name} is no trouble`,
    );
  }
});

test('a perturbed capture makes no new facts', () => {
  const { replays, violations } = runTruth(exchanges, SLICE);
  assert.ok(replays > 10_000, `only ${replays} replays`);
  assert.equal(Object.fromEntries(violationKinds(violations)), {});
});

test.run();
