import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { NamesBySlot } from '../../src/attribution/names-by-slot.ts';
import { type ProcessIdentity, UNKNOWN_PROCESS } from '../../src/model/process.ts';

const named = (pid: number): ProcessIdentity => ({ pid, ppid: 1, uid: 0, name: `p${pid}`, commandLine: '' });

test('a slot has nobody, then is pending, then has a process, then nobody again', () => {
  const names = new NamesBySlot(10);
  const process = named(7);
  assert.is(names.get(3), UNKNOWN_PROCESS);
  names.setPending(3);
  assert.ok(names.isPending(3));
  assert.is(names.get(3), UNKNOWN_PROCESS);
  names.set(3, process);
  assert.not(names.isPending(3));
  assert.is(names.get(3), process);
  names.delete(3);
  names.delete(3);
  assert.is(names.get(3), UNKNOWN_PROCESS);
});

test('the number of a process is used again when its last connection is gone, and not before', () => {
  const names = new NamesBySlot(10);
  const [first, second, third] = [named(1), named(2), named(3)];
  names.set(0, first);
  names.set(1, first);
  names.set(2, second);
  names.delete(0);
  names.set(3, third);
  assert.equal(
    [1, 2, 3].map((slot) => names.get(slot).pid),
    [1, 2, 3],
  );
  names.set(1, third);
  names.set(0, first);
  assert.equal(
    [0, 1, 2, 3].map((slot) => names.get(slot).pid),
    [1, 3, 2, 3],
  );
});

test('when too many processes are named the next is not, and nothing else suffers', () => {
  const names = new NamesBySlot(70_000);
  for (let slot = 0; slot < 70_000; slot++) names.set(slot, named(slot + 1));
  assert.is(names.get(65_535).pid, 65_536);
  assert.is(names.get(65_536), UNKNOWN_PROCESS);
  names.delete(100);
  names.set(65_536, named(5));
  assert.is(names.get(65_536).pid, 5);
});

test.run();
