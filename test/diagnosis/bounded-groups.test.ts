import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BoundedGroups } from '../../src/diagnosis/bounded-groups.ts';
import { Tally } from '../../src/diagnosis/tally.ts';

const test = suite('bounded groups');

test('a scan of everything does not crowd out what matters', () => {
  const groups = new BoundedGroups<{ key: string; count: number }>(10, ({ count }) => count);
  const add = (key: string) => groups.get(key, () => ({ key, count: 0 })).count++;
  for (let i = 0; i < 5; i++) add('server');
  for (let port = 0; port < 65_536; port++) {
    add(`port ${port}`);
    if (port % 1000 === 0) add('other server');
  }
  const kept = groups.heaviest();
  assert.is(kept.length, 10);
  assert.equal(kept.slice(0, 2), [
    { key: 'other server', count: 66 },
    { key: 'server', count: 5 },
  ]);
  assert.ok(groups.dropped > 65_000);
});

test('a tally counts together what it has no room for', () => {
  const tally = new Tally(2);
  for (const text of ['a', 'b', 'c', 'b', 'd']) tally.add(text);
  assert.equal(tally.entries(), [
    ['b', 2],
    ['a', 1],
  ]);
});

test.run();
