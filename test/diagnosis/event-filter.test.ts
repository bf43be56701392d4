import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { allOf, codeFilter, peerFilter, podFilter } from '../../src/diagnosis/event-filter.ts';
import type { EventLine } from '../../src/diagnosis/event-line.ts';

const EVENT = {
  name: 'TCP_RESET',
  sourceAddress: '10.0.0.7',
  sourcePort: 40_000,
  destinationAddress: '2001:db8::9',
  destinationPort: 443,
  podName: 'web',
  podNamespace: 'shop',
} as EventLine;

test('codes and names', () => {
  for (const text of ['00002', '2', 'tcp_reset', '00009, TCP_RESET']) assert.ok(codeFilter(text)?.(EVENT), text);
  assert.is(codeFilter('00009')?.(EVENT), false);
  for (const text of ['', 'nonsense', '00002,nonsense']) assert.is(codeFilter(text), null, text);
});

test('either end by address, port or both', () => {
  for (const text of ['10.0.0.7', '10.0.0.7:40000', ':443', '2001:db8::9', '[2001:db8::9]', '[2001:db8::9]:443']) {
    assert.is(peerFilter(text)?.(EVENT), true, text);
  }
  for (const text of ['10.0.0.8', '10.0.0.7:443', ':80']) assert.is(peerFilter(text)?.(EVENT), false, text);
  for (const text of ['', 'web', '10.0.0.7:x', '10.0.0:1']) assert.is(peerFilter(text), null, text);
});

test('a pod by name, with its namespace or without; all filters together', () => {
  assert.ok(podFilter('web')(EVENT));
  assert.ok(podFilter('shop/web')(EVENT));
  assert.not(podFilter('other/web')(EVENT));
  assert.ok(allOf([podFilter('web'), () => true])(EVENT));
  assert.not(allOf([podFilter('web'), () => false])(EVENT));
});

test.run();
