import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PodSide } from '../../src/model/connection.ts';
import type { ConnectionSummary } from '../../src/model/event.ts';
import { DumpRate } from '../../src/pipeline/dump-rate.ts';

const T0_US = 1_700_000_000e6;
const ends = (destinationAddress: string) =>
  ({
    sourceAddress: '10.0.0.7',
    destinationAddress,
    destinationPort: 80,
    podSide: PodSide.initiator,
  }) as ConnectionSummary;

test('one peer has half of the burst, all together the whole; refusals are counted', () => {
  const rate = new DumpRate();
  const taken = (address: string) =>
    Array.from({ length: 300 }, () => rate.takeShare(ends(address), T0_US)).filter(Boolean).length;
  assert.is(taken('10.0.0.8'), 128);
  assert.is(taken('10.0.0.9'), 128);
  assert.is(taken('10.0.0.10'), 0, 'all together have had enough');
  assert.is(rate.refused, 900 - 256);
  assert.is(rate.take(T0_US), false);
  const later = Array.from({ length: 40 }, () => rate.take(T0_US + 1e6)).filter(Boolean).length;
  assert.is(later, 16, 'a second later there is room for 16 more');
});

test.run();
