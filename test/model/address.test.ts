import { isIPv6 } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatIpv4, formatIpv6 } from '../../src/model/address.ts';
import { Random } from '../tools/random.ts';

for (const [word, want] of [
  [0, '0.0.0.0'],
  [0x0a000007, '10.0.0.7'],
  [0xffffffff, '255.255.255.255'],
  [-1, '255.255.255.255'],
  [0x80000001 | 0, '128.0.0.1'],
] as const) {
  test(want, () => assert.is(formatIpv4(word), want));
}

/** RFC 5952 §4 and §5. */
for (const [words, want] of [
  [[0, 0, 0, 0], '::'],
  [[0, 0, 0, 1], '::1'],
  [[0x00010000, 0, 0, 0], '1::'],
  [[0x20010db8, 0, 0, 1], '2001:db8::1'],
  [[0x20010db8, 0, 0x00010000, 1], '2001:db8::1:0:0:1'],
  [[0x20010db8, 0x00000001, 0x00010001, 0x00010001], '2001:db8:0:1:1:1:1:1'],
  [[0x20010000, 0x00000001, 0, 1], '2001:0:0:1::1'],
  [[0xfe800000, 0, 0x0abcdeff, 0xfe000001], 'fe80::abc:deff:fe00:1'],
  [[0x00010002, 0x00030004, 0x00050006, 0x00070000], '1:2:3:4:5:6:7:0'],
  [[0, 0, 0x0000ffff, 0x0a000001], '::ffff:10.0.0.1'],
  [[0, 0, 0, 0x0a000001], '::a00:1'],
  [[-1, -1, -1, -1], 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
] as const) {
  test(want, () => assert.is(formatIpv6(words[0], words[1], words[2], words[3]), want));
}

test('random addresses read back as what the URL parser makes of them', () => {
  const random = new Random(3);
  const word = () => random.pick([0, 0, 1, 0x10000, 0xffff0000, random.uint32()]);
  for (let i = 0; i < 5_000; i++) {
    const text = formatIpv6(word(), word(), word(), word());
    assert.ok(isIPv6(text), text);
    if (text.includes('.')) continue; // the URL parser does not write IPv4-mapped addresses dotted
    assert.is(new URL(`http://[${text}]/`).hostname, `[${text}]`);
  }
});

test.run();
