import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decode, ethernet, ipv4, ipv6 } from '../tools/frame-bytes.ts';

const test = suite('UDP');

function udp(sourcePort: number, destinationPort: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16BE(sourcePort, 0);
  bytes.writeUInt16BE(destinationPort, 2);
  bytes.writeUInt16BE(bytes.length, 4);
  return bytes;
}

const overIpv4 = (bytes: Buffer) => ethernet(ipv4(bytes, { protocol: 17 }));
const overIpv6 = (bytes: Buffer) => ethernet(ipv6(bytes, { next: 17 }));

for (const [name, port] of [
  ['VXLAN', 4789],
  ['VXLAN of Linux', 8472],
  ['Geneve', 6081],
  ['WireGuard', 51_820],
] as const) {
  test(`${name} is a tunnel, whichever port it is`, () => {
    assert.is(decode(overIpv4(udp(50_000, port))).verdict, 'tunnel');
    assert.is(decode(overIpv6(udp(50_000, port))).verdict, 'tunnel');
    assert.is(decode(overIpv4(udp(port, 50_000))).verdict, 'tunnel');
  });
}

test('datagrams from and to port 53 are DNS; mDNS has another', () => {
  const { verdict, packet } = decode(overIpv4(udp(50_000, 53)));
  assert.is(verdict, 'dns');
  assert.is(packet.sourcePort, 50_000);
  assert.is(packet.payloadLengthBytes, 8);
  assert.is(packet.payloadCapturedBytes, 8);
  assert.is(decode(overIpv6(udp(53, 50_000))).verdict, 'dns');
  assert.is(decode(overIpv4(udp(5353, 5353))).verdict, 'notTcp');
});

test('a datagram that is cut, or says that it is shorter than its header', () => {
  const bytes = overIpv4(udp(50_000, 53));
  const { packet } = decode(bytes.subarray(0, bytes.length - 5), { wireLength: bytes.length });
  assert.is(packet.payloadCapturedBytes, 3);
  assert.is(packet.payloadLengthBytes, 8);
  const lying = udp(50_000, 53);
  lying.writeUInt16BE(7, 4);
  assert.is(decode(overIpv4(lying)).verdict, 'malformed');
});

test('other datagrams are not looked at', () => {
  assert.is(decode(overIpv4(udp(50_000, 4790))).verdict, 'notTcp');
  assert.is(decode(overIpv6(udp(443, 50_000))).verdict, 'notTcp');
});

test('a header that is not all there', () => {
  const bytes = overIpv4(udp(50_000, 4789));
  assert.is(decode(bytes.subarray(0, 14 + 20 + 8), { wireLength: bytes.length }).verdict, 'tunnel');
  assert.is(decode(bytes.subarray(0, 14 + 20 + 7), { wireLength: bytes.length }).verdict, 'truncated');
});

test.run();
