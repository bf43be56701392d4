import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ServerNames } from '../../src/pipeline/server-names.ts';
import type { TrackedConnection } from '../../src/track/tracked-connection.ts';

const connection = (slot: number, serial = slot) => ({ slot, serial }) as TrackedConnection;

test('a name belongs to a connection, not to its slot', () => {
  const names = new ServerNames();
  names.note(connection(1, 10), 'shop.example');
  names.note(connection(2, 11), '');
  assert.is(names.of(connection(1, 10)), 'shop.example');
  assert.is(names.of(connection(1, 12)), '', 'the slot is used again');
  assert.is(names.of(connection(2, 11)), '');
});

test('the latest 5,000 are known, those before 10,000 are not', () => {
  const names = new ServerNames();
  for (let i = 0; i < 10_000; i++) names.note(connection(i), `${i}.example`);
  assert.is(names.of(connection(9_999)), '9999.example');
  assert.is(names.of(connection(5_000)), '5000.example');
  assert.is(names.of(connection(0)), '');
});

test.run();
