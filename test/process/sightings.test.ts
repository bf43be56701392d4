import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Side } from '../../src/model/connection.ts';
import type { SeenConnection } from '../../src/model/seen-connection.ts';
import { Sightings } from '../../src/process/sightings.ts';

/** A sighting of process `tgid`; addresses are those numbers in their last word. */
function seen(
  tgid: number,
  side: Side,
  timeUs: number,
  ports = [40_000, 80],
  addresses = [1, 2],
  ipVersion = 4,
): SeenConnection {
  const owner = {
    startedNs: 0,
    tgid,
    pid: tgid,
    parent: 1,
    uid: 0,
    innerPid: tgid,
    pidNamespace: 0,
    threadName: 't',
    name: 't',
  };
  const last = ipVersion === 4 ? 0 : 3;
  return {
    timeUs,
    side,
    owner,
    ipVersion,
    initiatorPort: ports[0] as number,
    responderPort: ports[1] as number,
    addressWord: (at, word) => (word === last ? (addresses[at] as number) : 0),
  };
}

const { initiator, responder } = Side;

test('a sighting is found by both ends and the side, once', () => {
  const sightings = new Sightings();
  sightings.add(seen(1, initiator, 100));
  sightings.add(seen(2, responder, 100));
  sightings.add(seen(3, initiator, 100, [40_001, 80]));
  sightings.add(seen(4, initiator, 100, [40_000, 80], [1, 3]));
  sightings.add(seen(5, initiator, 100, [40_000, 80], [1, 2], 6));
  const take = (like: SeenConnection) => sightings.take(like, like.side, 0)?.owner.tgid;
  assert.is(take(seen(0, responder, 0)), 2);
  assert.is(take(seen(0, initiator, 0)), 1);
  assert.is(take(seen(0, initiator, 0)), undefined);
  assert.is(take(seen(0, initiator, 0, [40_001, 80])), 3);
  assert.is(take(seen(0, initiator, 0, [40_000, 80], [1, 3])), 4);
  assert.is(take(seen(0, initiator, 0, [40_000, 80], [1, 2], 6)), 5);
});

test('what the same ends had before is not taken for what they have now', () => {
  const sightings = new Sightings();
  sightings.add(seen(1, initiator, 100));
  assert.is(sightings.take(seen(0, initiator, 0), initiator, 200), null);
  assert.is(sightings.take(seen(0, initiator, 0), initiator, 0), null, 'the old one is gone');
  sightings.add(seen(1, initiator, 100));
  sightings.add(seen(2, initiator, 300));
  assert.is(sightings.take(seen(0, initiator, 0), initiator, 200)?.owner.tgid, 2);
});

test('the oldest make room', () => {
  const sightings = new Sightings();
  for (let i = 0; i < 20_000; i++) sightings.add(seen(i, initiator, i, [i, 80]));
  assert.is(sightings.take(seen(0, initiator, 0, [0, 80]), initiator, 0), null);
  assert.is(sightings.take(seen(0, initiator, 0, [19_999, 80]), initiator, 0)?.owner.tgid, 19_999);
});

test.run();
