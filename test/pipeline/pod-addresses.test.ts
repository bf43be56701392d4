import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PodSide } from '../../src/model/connection.ts';
import { PodAddresses } from '../../src/pipeline/pod-addresses.ts';
import { sampleConnection } from '../output/sample-connection.ts';

test('the pod is the end that has one of its addresses', () => {
  const side = (...addresses: string[]) => new PodAddresses(addresses).sideIn(sampleConnection());
  assert.is(side('192.168.7.200'), PodSide.initiator);
  assert.is(side('10.0.0.1', '10.96.0.1'), PodSide.responder);
  assert.is(side('10.0.0.1'), PodSide.unknown);
  assert.is(side(), PodSide.unknown);
});

test('addresses of IPv6 are compared in lower case', () => {
  const words = [
    [0x20010db8, 0, 0, 0xa],
    [0x20010db8, 0, 0, 0xb],
  ];
  const connection = sampleConnection({ ipVersion: 6 }, words);
  assert.is(new PodAddresses(['2001:DB8::B']).sideIn(connection), PodSide.responder);
});

test.run();
