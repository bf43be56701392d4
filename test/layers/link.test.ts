import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { LinkType } from '../../src/model/link-type.ts';
import { decode, ethernet, hex, ipv4, ipv6, loopback, nflog, sll, sll2, tcp } from '../tools/frame-bytes.ts';

const v4 = ipv4(tcp());
const v6 = ipv6(tcp());
const VLAN = 0x8100;
const SERVICE = 0x88a8;
const OLD = 0x9100;

const frames: readonly { readonly name: string; readonly linkType: number; readonly bytes: Buffer }[] = [
  { name: 'Ethernet, IPv4', linkType: LinkType.ethernet, bytes: ethernet(v4) },
  { name: 'Ethernet, IPv6', linkType: LinkType.ethernet, bytes: ethernet(v6) },
  { name: '802.1Q', linkType: LinkType.ethernet, bytes: ethernet(v4, [VLAN]) },
  { name: '802.1ad and 802.1Q', linkType: LinkType.ethernet, bytes: ethernet(v6, [SERVICE, VLAN]) },
  { name: 'old QinQ', linkType: LinkType.ethernet, bytes: ethernet(v4, [OLD, VLAN]) },
  { name: 'three tags', linkType: LinkType.ethernet, bytes: ethernet(v4, [SERVICE, VLAN, VLAN]) },
  { name: 'SLL, IPv4', linkType: LinkType.linuxSll, bytes: sll(v4) },
  { name: 'SLL, IPv6', linkType: LinkType.linuxSll, bytes: sll(v6) },
  { name: 'SLL with a tag', linkType: LinkType.linuxSll, bytes: sll(v4, [VLAN]) },
  { name: 'SLL2, IPv4', linkType: LinkType.linuxSll2, bytes: sll2(v4) },
  { name: 'SLL2, IPv6', linkType: LinkType.linuxSll2, bytes: sll2(v6) },
  { name: 'SLL2 with a tag', linkType: LinkType.linuxSll2, bytes: sll2(v4, [VLAN]) },
  { name: 'SLL2 with two tags', linkType: LinkType.linuxSll2, bytes: sll2(v4, [SERVICE, VLAN]) },
  { name: 'raw, IPv4', linkType: LinkType.raw, bytes: v4.bytes },
  { name: 'raw, IPv6', linkType: LinkType.raw, bytes: v6.bytes },
  { name: 'raw of BSD', linkType: LinkType.rawBsd, bytes: v4.bytes },
  { name: 'raw of OpenBSD', linkType: LinkType.rawOpenBsd, bytes: v6.bytes },
  { name: 'IPv4', linkType: LinkType.ipv4, bytes: v4.bytes },
  { name: 'IPv6', linkType: LinkType.ipv6, bytes: v6.bytes },
  { name: 'null, little-endian', linkType: LinkType.null, bytes: loopback(v4, 'little') },
  { name: 'null, big-endian', linkType: LinkType.null, bytes: loopback(v6, 'big') },
  { name: 'loop', linkType: LinkType.loop, bytes: loopback(v6, 'big') },
  { name: 'NFLOG, IPv4', linkType: LinkType.nflog, bytes: nflog(v4) },
  { name: 'NFLOG, IPv6', linkType: LinkType.nflog, bytes: nflog(v6, 8) },
];

for (const { name, linkType, bytes } of frames) {
  test(`${name}: found`, () => {
    const { verdict, packet, payload } = decode(bytes, { linkType });
    assert.is(verdict, 'tcp');
    assert.is(packet.sourcePort, 40_000);
    assert.is(packet.destinationPort, 443);
    assert.is(payload, 'hello');
  });

  test(`${name}: cut by the capture anywhere`, () => {
    for (let length = 0; length < bytes.length; length++) {
      const { verdict, packet } = decode(bytes.subarray(0, length), { linkType, wireLength: bytes.length });
      const headersEnd = bytes.length - 5;
      assert.is(verdict, length < headersEnd ? 'truncated' : 'tcp', `${length} bytes`);
      if (verdict !== 'tcp') continue;
      assert.is(packet.payloadLengthBytes, 5);
      assert.is(packet.payloadCapturedBytes, length - headersEnd);
    }
  });

  test(`${name}: a frame that never had more`, () => {
    for (let length = 0; length < bytes.length; length++) {
      const { verdict, packet } = decode(bytes.subarray(0, length), { linkType });
      const headersEnd = bytes.length - 5;
      assert.is(verdict, length < headersEnd ? 'malformed' : 'tcp', `${length} bytes`);
      if (verdict === 'tcp') assert.is(packet.payloadLengthBytes, length - headersEnd);
    }
  });
}

const others: readonly {
  readonly name: string;
  readonly linkType: number;
  readonly hex: string;
  readonly want: string;
}[] = [
  { name: 'ARP', linkType: LinkType.ethernet, hex: '020000000002 020000000001 0806 0001', want: 'notIp' },
  {
    name: 'ARP behind a tag',
    linkType: LinkType.ethernet,
    hex: '020000000002 020000000001 8100 0001 0806',
    want: 'notIp',
  },
  {
    name: '802.3 with a length',
    linkType: LinkType.ethernet,
    hex: '020000000002 020000000001 0026 424203',
    want: 'notIp',
  },
  {
    name: 'tags without end',
    linkType: LinkType.ethernet,
    hex: `020000000002 020000000001 ${'8100 0001'.repeat(12)} 0800`,
    want: 'malformed',
  },
  { name: 'SLL2, ARP', linkType: LinkType.linuxSll2, hex: `0806${'00'.repeat(30)}`, want: 'notIp' },
  { name: 'SLL, ARP', linkType: LinkType.linuxSll, hex: `${'00'.repeat(14)} 0806`, want: 'notIp' },
  { name: 'NFLOG with an empty TLV', linkType: LinkType.nflog, hex: '02000007 0000 0100 00000000', want: 'malformed' },
  { name: 'NFLOG without a payload', linkType: LinkType.nflog, hex: '02000007 0800 0100 00000000', want: 'malformed' },
  { name: 'a link type nobody knows', linkType: 147, hex: '45', want: 'unknownLink' },
  { name: 'raw, neither 4 nor 6', linkType: LinkType.raw, hex: '55000000', want: 'malformed' },
];

for (const { name, linkType, hex: text, want } of others) {
  test(name, () => assert.is(decode(hex(text), { linkType }).verdict, want));
}

test('impossible times', () => {
  for (const timeUs of [-1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e20]) {
    assert.is(decode(ethernet(v4), { timeUs }).verdict, 'malformed', `${timeUs}`);
  }
  for (const timeUs of [0, 1, 2 ** 53 - 1]) {
    assert.is(decode(ethernet(v4), { timeUs }).packet.timeUs, timeUs);
  }
});

test.run();
