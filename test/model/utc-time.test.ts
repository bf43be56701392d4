import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatFileTime, formatIsoTime, formatIsoTimeMs } from '../../src/model/utc-time.ts';

const T_US = 1_700_000_000_123_456;

test('times as they stand in files', () => {
  assert.is(formatIsoTime(T_US), '2023-11-14T22:13:20.123456Z');
  assert.is(formatIsoTime(T_US - 123_456), '2023-11-14T22:13:20.000000Z');
  assert.is(formatFileTime(T_US), '2023_11_14_22_13_20');
  assert.is(formatIsoTimeMs(1_700_000_000_123), '2023-11-14T22:13:20.123Z');
});

test('what is no time is a valid date all the same', () => {
  assert.match(formatIsoTime(Number.NaN), '1970-01-01T00:00:00.000');
  assert.match(formatIsoTime(-1), '1970-01-01T00:00:00.000');
  assert.match(formatIsoTime(1e30), '9999-12-31T23:59:59.999');
});

test.run();
