import { readFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { mapMemory } from '../../src/native/mapping.ts';

/** A figure of this process in /proc/self/status, in MiB. */
function statusMib(field: 'VmSize' | 'VmRSS'): number {
  return (
    Number(readFileSync('/proc/self/status', 'utf8').match(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm'))?.[1]) / 1024
  );
}

test('large memory is zero, resident where it was touched, and given back when nobody sees it any more', async () => {
  const LENGTH_MIB = 1024;
  const [residentMib, sizeMib] = [statusMib('VmRSS'), statusMib('VmSize')];
  const touch = () => {
    const words = new Int32Array(mapMemory(LENGTH_MIB << 20, 0));
    assert.is(words.length, LENGTH_MIB << 18);
    for (const at of [0, words.length >> 1, words.length - 1]) assert.is(words[at]++, 0);
  };
  touch();
  assert.ok(statusMib('VmRSS') < residentMib + 32, 'three huge pages at most, and what the engine needs');
  assert.ok(statusMib('VmSize') > sizeMib + LENGTH_MIB / 2);
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc');
  for (let turn = 0; turn < 100 && statusMib('VmSize') > sizeMib + LENGTH_MIB / 2; turn++) {
    collectGarbage();
    await nextTurn();
  }
  assert.ok(statusMib('VmSize') < sizeMib + LENGTH_MIB / 2);
});

test.run();
