import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Decoded, decode, ethernet, hex, ipv4, ipv6, tcp } from '../tools/frame-bytes.ts';

const test = suite('ICMP errors');

const ICMP = 1;
const ICMPV6 = 58;
const QUOTED = tcp({ sourcePort: 40_000, destinationPort: 443, sequence: 0xfffffffe });

/** `rest` is the second half of the header: an MTU, or nothing. */
function error4(type: number, code: number, rest: string, quoted: Buffer): Buffer {
  const header = Buffer.concat([Buffer.from([type, code, 0, 0]), hex(rest)]);
  return ethernet(ipv4(Buffer.concat([header, quoted]), { protocol: ICMP, destination: '0a000009' }));
}

function error6(type: number, code: number, rest: string, quoted: Buffer): Buffer {
  const header = Buffer.concat([Buffer.from([type, code, 0, 0]), hex(rest)]);
  return ethernet(ipv6(Buffer.concat([header, quoted]), { next: ICMPV6 }));
}

const addressText = ({ packet, frame }: Decoded, at: number): string =>
  Buffer.from(frame.bytes.subarray(at, at + (packet.ipVersion === 4 ? 4 : 16))).toString('hex');

test('IPv4: the quoted segment as it was sent, and the error', () => {
  const decoded = decode(error4(3, 4, '0000 04b0', ipv4(QUOTED).bytes));
  const { verdict, packet } = decoded;
  assert.is(verdict, 'icmp');
  assert.is(packet.icmp, 0x304);
  assert.is(packet.icmpMtu, 1_200);
  assert.is(packet.quotedLengthBytes, 45);
  assert.is(addressText(decoded, packet.icmpFrom), '0a000001');
  assert.is(addressText(decoded, packet.sourceAddress), '0a000001');
  assert.is(addressText(decoded, packet.destinationAddress), '0a000002');
  assert.is(packet.sourcePort, 40_000);
  assert.is(packet.destinationPort, 443);
  assert.is(packet.sequence, -2);
  assert.is(packet.flags, 0);
  assert.is(packet.payloadLengthBytes, 0);
  assert.is(packet.payloadCapturedBytes, 0);
});

test('IPv6: the quoted segment, and the MTU in four bytes', () => {
  const { verdict, packet } = decode(error6(2, 0, '00000500', ipv6(QUOTED).bytes));
  assert.is(verdict, 'icmp');
  assert.is(packet.ipVersion, 6);
  assert.is(packet.icmp, 0x200);
  assert.is(packet.icmpMtu, 1_280);
  assert.is(packet.quotedLengthBytes, 65);
  assert.is(packet.sourcePort, 40_000);
  assert.is(packet.sequence, -2);
});

test('only "fragmentation needed" and "packet too big" name an MTU', () => {
  assert.is(decode(error4(3, 1, '0000 04b0', ipv4(QUOTED).bytes)).packet.icmpMtu, 0);
  assert.is(decode(error6(1, 4, '00000500', ipv6(QUOTED).bytes)).packet.icmpMtu, 0);
});

test('eight bytes of the quoted TCP header are enough, seven are not', () => {
  const quoted = ipv4(QUOTED).bytes;
  assert.is(decode(error4(11, 0, '00000000', quoted.subarray(0, 28))).verdict, 'icmp');
  assert.is(decode(error4(11, 0, '00000000', quoted.subarray(0, 27))).verdict, 'notTcp');
  const quoted6 = ipv6(QUOTED).bytes;
  assert.is(decode(error6(3, 0, '00000000', quoted6.subarray(0, 48))).verdict, 'icmp');
  assert.is(decode(error6(3, 0, '00000000', quoted6.subarray(0, 47))).verdict, 'notTcp');
});

test('IP options of the quoted packet are stepped over', () => {
  const { verdict, packet } = decode(error4(3, 3, '00000000', ipv4(QUOTED, { options: hex('01010101') }).bytes));
  assert.is(verdict, 'icmp');
  assert.is(packet.sourcePort, 40_000);
});

const others: readonly { readonly name: string; readonly bytes: Buffer }[] = [
  { name: 'an echo request', bytes: error4(8, 0, '00010001', Buffer.alloc(56)) },
  { name: 'a redirect', bytes: error4(5, 1, '0a0000fe', ipv4(QUOTED).bytes) },
  { name: 'a neighbour solicitation', bytes: error6(135, 0, '00000000', Buffer.alloc(24)) },
  { name: 'an error about UDP', bytes: error4(3, 3, '00000000', ipv4(QUOTED, { protocol: 17 }).bytes) },
  { name: 'an error about UDP over IPv6', bytes: error6(1, 4, '00000000', ipv6(QUOTED, { next: 17 }).bytes) },
  { name: 'an error that quotes the other IP version', bytes: error4(3, 3, '00000000', ipv6(QUOTED).bytes) },
  { name: 'an error that quotes nothing', bytes: error4(3, 3, '00000000', Buffer.alloc(0)) },
];
for (const { name, bytes } of others) {
  test(`left alone: ${name}`, () => assert.is(decode(bytes).verdict, 'notTcp'));
}

test('a quoted header length that is too small is not believed', () => {
  const quoted = Buffer.from(ipv4(QUOTED).bytes);
  quoted[0] = 0x44;
  assert.is(decode(error4(3, 3, '00000000', quoted)).verdict, 'notTcp');
});

test('cut anywhere, nothing behind the cut is read', () => {
  for (const bytes of [error4(3, 4, '0000 04b0', ipv4(QUOTED).bytes), error6(2, 0, '00000500', ipv6(QUOTED).bytes)]) {
    const isIpv6 = bytes.readUInt16BE(12) === 0x86dd;
    const needed = 14 + (isIpv6 ? 40 + 8 + 40 + 8 : 20 + 8 + 20 + 8);
    for (let length = 15; length < bytes.length; length++) {
      const { verdict } = decode(bytes.subarray(0, length), { wireLength: bytes.length });
      assert.is(verdict === 'icmp', length >= needed, `${length} bytes`);
    }
  }
});

test.run();
