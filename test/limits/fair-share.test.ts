import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FairShare } from '../../src/limits/fair-share.ts';
import { PodSide } from '../../src/model/connection.ts';
import type { ConnectionSummary } from '../../src/model/event.ts';

const T0_US = 1_700_000_000e6;
const share = () => new FairShare({ burst: 2, perSecond: 1 }, { burst: 5, perSecond: 1 });
const ends = (peer: string, podSide: PodSide = PodSide.initiator, port = 80) =>
  (podSide === PodSide.initiator
    ? { sourceAddress: 'pod', destinationAddress: peer, destinationPort: port, podSide }
    : { sourceAddress: peer, destinationAddress: 'pod', destinationPort: port, podSide }) as ConnectionSummary;

test('who floods leaves something to others, until all together have had enough', () => {
  const shares = share();
  const take = (peer: string) => shares.take(ends(peer), T0_US);
  assert.equal([take('a'), take('a'), take('a')], [true, true, false]);
  assert.equal([take('b'), take('b'), take('b')], [true, true, false]);
  assert.equal([take('c'), take('c')], [true, false]);
  assert.is(shares.takeOfAll(T0_US), false);
  assert.is(shares.take(ends('a'), T0_US + 1e6), true, 'a second later');
});

test('many peers of one service of the pod share what the service has', () => {
  const shares = share();
  const take = (peer: string, port: number) => shares.take(ends(peer, PodSide.responder, port), T0_US);
  assert.equal([take('a', 80), take('b', 80), take('c', 80)], [true, true, false]);
  assert.is(take('c', 81), true);
});

test.run();
