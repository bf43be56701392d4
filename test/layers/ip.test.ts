import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  decode,
  ethernet,
  extension,
  hex,
  IPV6_DESTINATION,
  IPV6_SOURCE,
  ipv4,
  ipv6,
  tcp,
} from '../tools/frame-bytes.ts';

const tight = (text: string) => text.replace(/\s/g, '');
const A = '0a000001';
const B = '0a000002';
const C = '0a0000c8';
const D = '0a0000c9';

const options: readonly { readonly name: string; readonly hex: string; readonly destination: string }[] = [
  { name: 'none', hex: '', destination: B },
  { name: 'padding', hex: '01010100', destination: B },
  { name: 'record route', hex: `0707 04 ${A} 00`, destination: B },
  { name: 'router alert', hex: '94040000', destination: B },
  { name: 'loose source route under way', hex: `01 8307 04 ${C}`, destination: C },
  { name: 'strict source route under way, two to go', hex: `01 890b 04 ${C} ${D}`, destination: D },
  { name: 'one of two done', hex: `01 830b 08 ${C} ${D}`, destination: D },
  { name: 'done', hex: `01 830b 0c ${C} ${D}`, destination: B },
  { name: 'behind another option', hex: `94040000 8307 04 ${C} 00`, destination: C },
  { name: 'behind the end of options', hex: `00 8307 04 ${C}`, destination: B },
  { name: 'longer than the header', hex: `01 830b 04 ${C}`, destination: B },
  { name: 'too short for an address', hex: '01 8303 04 00000000', destination: B },
  { name: 'an option of length 0', hex: '8300 0000', destination: B },
  { name: 'an option of length 1', hex: `01 8201 83 07 04 ${'00'.repeat(2)}`, destination: B },
  { name: 'forty bytes of them', hex: `${'01'.repeat(33)} 8307 04 ${D}`, destination: D },
];

for (const { name, hex: text, destination } of options) {
  test(`IPv4 options: ${name}`, () => {
    const bytes = ethernet(ipv4(tcp(), { options: hex(text) }));
    const decoded = decode(bytes);
    assert.is(decoded.verdict, 'tcp');
    assert.is(decoded.packet.ipVersion, 4);
    assert.is(decoded.source, A);
    assert.is(decoded.destination, destination);
    assert.is(decoded.payload, 'hello');
    for (let length = 0; length < bytes.length - 5; length++) {
      assert.is(
        decode(bytes.subarray(0, length), { wireLength: bytes.length }).verdict,
        'truncated',
        `${length} bytes`,
      );
    }
  });
}

const v4: readonly { readonly name: string; readonly bytes: Buffer; readonly want: string }[] = [
  { name: 'first fragment', bytes: ethernet(ipv4(tcp(), { fragment: 0x2000 })), want: 'tcp' },
  { name: 'second fragment', bytes: ethernet(ipv4(tcp(), { fragment: 0x2001 })), want: 'fragment' },
  { name: 'last fragment', bytes: ethernet(ipv4(tcp(), { fragment: 0x1fff })), want: 'fragment' },
  { name: 'a fragment of UDP', bytes: ethernet(ipv4(tcp(), { fragment: 0x0001, protocol: 17 })), want: 'fragment' },
  { name: 'UDP', bytes: ethernet(ipv4(tcp(), { protocol: 17 })), want: 'notTcp' },
  { name: 'ICMP', bytes: ethernet(ipv4(tcp(), { protocol: 1 })), want: 'notTcp' },
  { name: 'IP in IP', bytes: ethernet(ipv4(ipv4(tcp()).bytes, { protocol: 4 })), want: 'tunnel' },
  { name: '6in4', bytes: ethernet(ipv4(ipv6(tcp()).bytes, { protocol: 41 })), want: 'tunnel' },
  { name: 'GRE', bytes: ethernet(ipv4(hex('00000800'), { protocol: 47 })), want: 'tunnel' },
  { name: 'ESP', bytes: ethernet(ipv4(tcp(), { protocol: 50 })), want: 'tunnel' },
  { name: 'AH', bytes: ethernet(ipv4(tcp(), { protocol: 51 })), want: 'tunnel' },
  {
    name: 'a header of 16 bytes',
    bytes: ethernet({ etherType: 0x0800, bytes: hex(`44${'00'.repeat(60)}`) }),
    want: 'malformed',
  },
  { name: 'a total length within the header', bytes: ethernet(ipv4(tcp(), { totalLength: 19 })), want: 'malformed' },
  {
    name: 'a total length within the TCP header',
    bytes: ethernet(ipv4(tcp(), { totalLength: 39 })),
    want: 'malformed',
  },
  { name: 'EtherType IPv4, version 6', bytes: ethernet({ etherType: 0x0800, bytes: ipv6(tcp()).bytes }), want: 'tcp' },
  { name: 'version 0', bytes: ethernet({ etherType: 0x0800, bytes: Buffer.alloc(60) }), want: 'malformed' },
];

for (const { name, bytes, want } of v4) {
  test(`IPv4: ${name}`, () => assert.is(decode(bytes).verdict, want));
}

test("the length of an IPv4 packet is its own, not the frame's: padding is no payload", () => {
  const { packet } = decode(Buffer.concat([ethernet(ipv4(tcp({ payload: Buffer.alloc(0) }))), Buffer.alloc(6)]));
  assert.is(packet.payloadLengthBytes, 0);
  assert.is(packet.payloadCapturedBytes, 0);
});

test("a total length of 0 is left open by segmentation offload: the frame's length counts", () => {
  const payload = Buffer.alloc(80_000, 7);
  const whole = decode(ethernet(ipv4(tcp({ payload }), { totalLength: 0 })));
  assert.is(whole.verdict, 'tcp');
  assert.is(whole.packet.payloadLengthBytes, 80_000);
  const bytes = ethernet(ipv6(tcp({ payload }), { payloadLength: 0 }));
  const cut = decode(bytes.subarray(0, 200), { wireLength: bytes.length });
  assert.is(cut.packet.payloadLengthBytes, 80_000);
  assert.is(cut.packet.payloadCapturedBytes, 200 - 74);
});

test('a total length beyond the frame', () => {
  const { verdict, packet } = decode(ethernet(ipv4(tcp(), { totalLength: 9000 })));
  assert.is(verdict, 'tcp');
  assert.is(packet.payloadLengthBytes, 5);
});

const E1 = '20010db8 00000000 00000000 000000e1';
const E2 = '20010db8 00000000 00000000 000000e2';
const END = tight(IPV6_DESTINATION);
const routing = (type: number, left: number, addresses: string) =>
  extension(6, Buffer.concat([Buffer.from([type, left, 0, 0, 0, 0]), hex(addresses)]));

const v6: readonly {
  readonly name: string;
  readonly next: number;
  readonly headers: Buffer;
  readonly destination?: string;
}[] = [
  { name: 'hop-by-hop', next: 0, headers: extension(6) },
  { name: 'destination options of 24 bytes', next: 60, headers: extension(6, Buffer.alloc(22)) },
  { name: 'an atomic fragment', next: 44, headers: hex('06 00 0000 00000001') },
  { name: 'a first fragment', next: 44, headers: hex('06 00 0001 00000001') },
  { name: 'authentication header', next: 51, headers: hex(`06 04 0000 ${'00'.repeat(20)}`) },
  { name: 'mobility', next: 135, headers: extension(6) },
  { name: 'HIP', next: 139, headers: extension(6) },
  { name: 'shim6', next: 140, headers: extension(6) },
  {
    name: 'all kinds of them',
    next: 0,
    headers: Buffer.concat([
      extension(60),
      extension(43),
      extension(44),
      hex('33 00 0000 00000001'),
      hex(`3c 01 0000 ${'00'.repeat(8)}`),
      extension(6),
    ]),
  },
  {
    name: 'sixteen of them',
    next: 60,
    headers: Buffer.concat([...Array.from({ length: 15 }, () => extension(60)), extension(6)]),
  },
  { name: 'routing of type 0 under way', next: 43, headers: routing(0, 2, E1 + E2), destination: tight(E2) },
  { name: 'routing of type 0 done', next: 43, headers: routing(0, 0, E1 + E2) },
  { name: 'routing of type 2 under way', next: 43, headers: routing(2, 1, E1), destination: tight(E1) },
  { name: 'segment routing under way', next: 43, headers: routing(4, 1, E1 + E2), destination: tight(E1) },
  { name: 'segment routing done', next: 43, headers: routing(4, 0, E1 + E2) },
  { name: 'routing of a type nobody knows', next: 43, headers: routing(200, 1, E1) },
  { name: 'routing without an address', next: 43, headers: routing(0, 1, '') },
];

for (const { name, next, headers, destination = END } of v6) {
  test(`IPv6: ${name}`, () => {
    const bytes = ethernet(ipv6(Buffer.concat([headers, tcp()]), { next }));
    const decoded = decode(bytes);
    assert.is(decoded.verdict, 'tcp');
    assert.is(decoded.packet.ipVersion, 6);
    assert.is(decoded.source, tight(IPV6_SOURCE));
    assert.is(decoded.destination, destination);
    assert.is(decoded.payload, 'hello');
    for (let length = 0; length < bytes.length - 5; length++) {
      assert.is(
        decode(bytes.subarray(0, length), { wireLength: bytes.length }).verdict,
        'truncated',
        `${length} bytes`,
      );
    }
  });
}

const otherV6: readonly {
  readonly name: string;
  readonly next: number;
  readonly headers: Buffer;
  readonly want: string;
}[] = [
  { name: 'a second fragment', next: 44, headers: hex('06 00 0008 00000001'), want: 'fragment' },
  { name: 'a last fragment', next: 44, headers: hex('06 00 fff8 00000001'), want: 'fragment' },
  { name: 'UDP', next: 17, headers: Buffer.alloc(0), want: 'notTcp' },
  { name: 'ICMPv6 behind hop-by-hop', next: 0, headers: extension(58), want: 'notTcp' },
  { name: 'no next header', next: 59, headers: Buffer.alloc(0), want: 'notTcp' },
  { name: 'ESP', next: 50, headers: Buffer.alloc(0), want: 'tunnel' },
  { name: 'IPv6 in IPv6', next: 41, headers: Buffer.alloc(0), want: 'tunnel' },
  {
    name: 'headers without end',
    next: 60,
    headers: Buffer.concat(Array.from({ length: 40 }, () => extension(60))),
    want: 'malformed',
  },
  {
    name: 'a header longer than the packet',
    next: 60,
    headers: Buffer.from([6, 255, 0, 0, 0, 0, 0, 0]),
    want: 'malformed',
  },
];

for (const { name, next, headers, want } of otherV6) {
  test(`IPv6: ${name}`, () => {
    assert.is(decode(ethernet(ipv6(Buffer.concat([headers, tcp()]), { next }))).verdict, want);
  });
}

test('IPv6: padding of the frame is no payload, and no header', () => {
  const padded = Buffer.concat([ethernet(ipv6(tcp({ payload: Buffer.from('ab') }))), Buffer.alloc(9, 6)]);
  assert.is(decode(padded).payload, 'ab');
  const short = Buffer.concat([ethernet(ipv6(Buffer.alloc(12))), Buffer.alloc(40)]);
  assert.is(decode(short).verdict, 'malformed');
});

test.run();
