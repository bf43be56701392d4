import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { podUidsOfName } from '../../src/process/pod-logs.ts';
import { makeScratch, removeScratch } from '../output/scratch.ts';

const test = suite('process/pod-logs');
test.after.each(removeScratch);

test('UIDs by namespace and name', () => {
  const directory = makeScratch();
  for (const name of ['shop_db-0_u-1', 'shop_db-0_u-2', 'shop_db-01_u-3', 'my-shop_db-0_u-4', 'shop_db_u-5']) {
    mkdirSync(join(directory, name));
  }
  assert.equal(podUidsOfName('shop', 'db-0', directory).sort(), ['u-1', 'u-2']);
  assert.equal(podUidsOfName('shop', 'none', directory), []);
  assert.equal(podUidsOfName('shop', 'db-0', join(directory, 'none')), []);
});

test.run();
