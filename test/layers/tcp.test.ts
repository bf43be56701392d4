import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Decoder } from '../../src/layers/decoder.ts';
import { Verdict } from '../../src/layers/verdict.ts';
import { Frame } from '../../src/model/frame.ts';
import { Packet, TcpFlag } from '../../src/model/packet.ts';
import { decode, ethernet, hex, ipv4, ipv6, tcp } from '../tools/frame-bytes.ts';

test('all fields', () => {
  const { verdict, packet, payload } = decode(
    ethernet(ipv4(tcp({ sequence: 0xffffffff, acknowledgment: 0x80000000, flags: 0xff, window: 0xffff }))),
  );
  assert.is(verdict, 'tcp');
  assert.is(packet.sequence, -1);
  assert.is(packet.acknowledgment, -(2 ** 31));
  assert.is(packet.flags, 0xff);
  assert.is(packet.window, 0xffff);
  assert.is(packet.payloadLengthBytes, 5);
  assert.is(payload, 'hello');
});

const scales: readonly {
  readonly name: string;
  readonly options: string;
  readonly want: number;
  readonly flags?: number;
}[] = [
  { name: 'no options', options: '', want: -1 },
  { name: 'a usual SYN', options: '020405b4 0402 080a00000001 00000000 01 030307', want: 7 },
  { name: 'a shift of 0', options: '01030300', want: 0 },
  { name: 'a shift beyond the largest', options: '010303ff', want: 14 },
  { name: 'behind the end of options', options: '00030307', want: -1 },
  { name: 'only no-operations', options: '01010101', want: -1 },
  { name: 'a wrong length', options: '03040700', want: -1 },
  { name: 'a length of 0', options: '02000303', want: -1 },
  { name: 'a length of 1', options: '0201 0303', want: -1 },
  { name: 'cut off by the end of the header', options: '01010103', want: -1 },
  { name: 'its value cut off', options: '01010303', want: -1 },
  { name: 'not in a SYN', options: '01030307', want: -1, flags: TcpFlag.ack },
];

for (const { name, options, want, flags = TcpFlag.syn } of scales) {
  test(`window scale: ${name}`, () => {
    const bytes = ethernet(ipv6(tcp({ flags, options: hex(options), payload: Buffer.alloc(0) })));
    const { verdict, packet } = decode(bytes);
    assert.is(verdict, 'tcp');
    assert.is(packet.windowScale, want);
    assert.is(packet.payloadLengthBytes, 0);
  });
}

test('options that the capture cut off', () => {
  const bytes = ethernet(ipv4(tcp({ flags: TcpFlag.syn, options: hex('020405b401030307') })));
  for (let length = 54; length < bytes.length; length++) {
    const { verdict, packet, frame } = decode(bytes.subarray(0, length), { wireLength: bytes.length });
    assert.is(verdict, 'tcp');
    assert.is(packet.windowScale, length < 62 ? -1 : 7);
    assert.is(packet.payloadLengthBytes, 5);
    assert.is(packet.payloadCapturedBytes, Math.max(0, length - 62));
    assert.ok(packet.payloadCapturedBytes === 0 || packet.payloadStart + packet.payloadCapturedBytes <= frame.end);
  }
});

test('a header shorter than its minimum', () => {
  for (const headerBytes of [0, 4, 16]) {
    assert.is(decode(ethernet(ipv4(tcp({ headerBytes })))).verdict, 'malformed');
  }
});

test('a header longer than the packet has no options and no payload', () => {
  const { verdict, packet } = decode(ethernet(ipv4(tcp({ headerBytes: 60, flags: TcpFlag.syn }))));
  assert.is(verdict, 'tcp');
  assert.is(packet.payloadLengthBytes, 0);
  assert.is(packet.payloadCapturedBytes, 0);
});

test('frames are counted by what was made of them', () => {
  const decoder = new Decoder();
  const packet = new Packet();
  const feed = (bytes: Buffer) => {
    const frame = new Frame();
    frame.bytes = bytes;
    frame.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    frame.end = bytes.length;
    frame.wireLengthBytes = bytes.length;
    frame.timeUs = 5;
    return decoder.decode(frame, packet);
  };
  assert.is(feed(ethernet(ipv4(tcp()))), Verdict.tcp);
  assert.is(packet.timeUs, 5);
  feed(ethernet(ipv4(tcp(), { protocol: 17 })));
  feed(ethernet(ipv4(tcp(), { protocol: 17 })));
  feed(Buffer.alloc(3));
  assert.equal(decoder.counts(), {
    tcp: 1,
    notIp: 0,
    notTcp: 2,
    fragment: 0,
    tunnel: 0,
    truncated: 0,
    malformed: 1,
    unknownLink: 0,
    icmp: 0,
    dns: 0,
  });
});

test.run();
