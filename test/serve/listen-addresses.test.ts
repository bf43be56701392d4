import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { listenAddresses } from '../../src/serve/listen-addresses.ts';

const test = suite('serve/listen-addresses');

const hosts = (...addresses: string[]) => listenAddresses(addresses).map(({ host }) => host);

test('each address once', () => {
  assert.equal(hosts('127.0.0.1', '10.0.0.7', 'fd00::9', '10.0.0.7'), ['127.0.0.1', '10.0.0.7', 'fd00::9']);
});

test('an address for all takes the others in', () => {
  assert.equal(hosts('127.0.0.1', '0.0.0.0', 'fd00::9'), ['0.0.0.0', 'fd00::9']);
  for (const any of ['::', '0::0', '0:0:0:0:0:0:0:0']) assert.equal(hosts('127.0.0.1', any, '10.0.0.7'), ['::']);
  assert.equal(hosts('::1'), ['::1']);
});

test.run();
