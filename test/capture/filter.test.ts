import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { compileFilter, effectiveFilter, FrameFilter } from '../../src/capture/filter.ts';
import { Frame } from '../../src/model/frame.ts';
import { LinkType } from '../../src/model/link-type.ts';
import { runPcapFilter } from '../../src/native/libpcap.ts';
import { ipv6Frame, tcpFrame, tcpPacket } from '../tools/capture-bytes.ts';
import { ethernet, ipv4, ipv6, tcp } from '../tools/frame-bytes.ts';

const TCP = Buffer.from('0050c0000000000000000000501000000000', 'hex');
const EMPTY = Buffer.alloc(0);

function withProtocol(frame: Buffer, ipOffset: number, protocol: number): Buffer {
  const copy = Buffer.from(frame);
  copy[ipOffset + 9] = protocol;
  return copy;
}

function frameOf(bytes: Uint8Array, linkType: number = LinkType.ethernet): Frame {
  const frame = new Frame();
  frame.bytes = Buffer.concat([Buffer.alloc(3), bytes]); // frames seldom begin where their memory does
  frame.view = new DataView(frame.bytes.buffer, frame.bytes.byteOffset, frame.bytes.length);
  frame.start = 3;
  frame.end = frame.bytes.length;
  frame.wireLengthBytes = bytes.length;
  frame.linkType = linkType;
  return frame;
}

const cases: readonly { name: string; expression: string; bytes: Buffer; want: boolean; linkType?: number }[] = [
  { name: 'TCP', expression: 'tcp', bytes: tcpFrame(1, EMPTY), want: true },
  { name: 'UDP', expression: 'tcp', bytes: withProtocol(tcpFrame(1, EMPTY), 14, 17), want: false },
  { name: 'TCP behind a tag', expression: 'tcp', bytes: tcpFrame(1, EMPTY, '81000001'), want: true },
  { name: 'TCP behind two tags', expression: 'tcp', bytes: tcpFrame(1, EMPTY, '88a8000181000002'), want: true },
  {
    name: 'UDP behind a tag',
    expression: 'tcp',
    bytes: withProtocol(tcpFrame(1, EMPTY, '81000001'), 18, 17),
    want: false,
  },
  { name: 'IPv6 TCP', expression: 'tcp', bytes: ipv6Frame(6, TCP), want: true },
  { name: 'IPv6 UDP', expression: 'tcp', bytes: ipv6Frame(17, TCP), want: false },
  { name: 'IPv6 hop-by-hop', expression: 'tcp', bytes: ipv6Frame(0, TCP), want: true },
  { name: 'IPv6 destination options', expression: 'tcp', bytes: ipv6Frame(60, TCP), want: true },
  { name: 'IPv6 routing behind a tag', expression: 'tcp', bytes: ipv6Frame(43, TCP, '81000001'), want: true },
  { name: 'IPv6 fragment', expression: 'tcp', bytes: ipv6Frame(44, TCP), want: true },
  { name: 'IPv6 ICMP', expression: 'tcp', bytes: ipv6Frame(58, TCP), want: false },
  { name: 'raw IP', expression: 'tcp', bytes: tcpPacket(1, EMPTY), want: true, linkType: LinkType.raw },
  { name: 'another expression', expression: 'tcp port 80', bytes: tcpFrame(1, EMPTY), want: true },
  { name: 'another port', expression: 'tcp port 81', bytes: tcpFrame(1, EMPTY), want: false },
  { name: 'no widening of another', expression: '(tcp)', bytes: tcpFrame(1, EMPTY, '81000001'), want: false },
  { name: 'vlan on raw IP', expression: 'vlan', bytes: tcpPacket(1, EMPTY), want: false, linkType: LinkType.raw },
  { name: 'cut short', expression: 'tcp port 80', bytes: tcpFrame(1, EMPTY).subarray(0, 20), want: false },
];

for (const { name, expression, bytes, want, linkType } of cases) {
  test(`${expression}: ${name}`, () => {
    assert.is(new FrameFilter(expression).matches(frameOf(bytes, linkType)), want);
  });
}

/** Segments between 10.0.0.1 and 10.0.0.2, or their IPv6 kin, by what the filters that leave out something look at. */
const segment = (ports: readonly [number, number], flags: number, payload: string, tags: readonly number[] = []) => [
  ethernet(ipv4(tcp({ sourcePort: ports[0], destinationPort: ports[1], flags, payload: Buffer.from(payload) })), tags),
  ethernet(ipv6(tcp({ sourcePort: ports[0], destinationPort: ports[1], flags, payload: Buffer.from(payload) })), tags),
];
const SAMPLED = [40_000, 8_080] as const; // their sum is a multiple of 8
const OTHERS = [40_001, 8_080] as const;
const [FIN_ACK, SYN, SYN_ACK, RST, ACK, PSH_ACK] = [0x11, 0x02, 0x12, 0x04, 0x10, 0x18];

for (const { name, frames, sample, none } of [
  { name: 'SYN', frames: segment(OTHERS, SYN, ''), sample: true, none: true },
  { name: 'SYN-ACK', frames: segment(OTHERS, SYN_ACK, ''), sample: true, none: true },
  { name: 'FIN with data', frames: segment(OTHERS, FIN_ACK, 'x'), sample: true, none: true },
  { name: 'RST', frames: segment(OTHERS, RST, ''), sample: true, none: true },
  { name: 'TLS handshake', frames: segment(OTHERS, PSH_ACK, '\x16\x03\x01'), sample: true, none: true },
  { name: 'TLS alert', frames: segment(OTHERS, PSH_ACK, '\x15\x03\x03'), sample: true, none: true },
  { name: 'data', frames: segment(OTHERS, PSH_ACK, 'hello'), sample: false, none: false },
  { name: 'a bare ACK', frames: segment(OTHERS, ACK, ''), sample: false, none: false },
  { name: 'data of a sampled connection', frames: segment(SAMPLED, PSH_ACK, 'hello'), sample: true, none: false },
  {
    name: 'its other direction',
    frames: segment([SAMPLED[1], SAMPLED[0]], ACK, ''),
    sample: true,
    none: false,
  },
  { name: 'data behind a tag', frames: segment(OTHERS, ACK, '', [0x8100]), sample: true, none: true },
  { name: 'IPv6 with extensions', frames: [ipv6Frame(0, TCP)], sample: true, none: true },
  { name: 'UDP', frames: [withProtocol(tcpFrame(1, EMPTY), 14, 17)], sample: false, none: false },
]) {
  test(`tcp with less of established connections: ${name}`, () => {
    for (const bytes of frames) {
      const matches = (established: 'sample' | 'none') => {
        const program = compileFilter('tcp', LinkType.ethernet, established);
        return program !== null && runPcapFilter(program.instructions, bytes, bytes.length);
      };
      assert.equal([matches('sample'), matches('none')], [sample, none], bytes.toString('hex'));
    }
  });
}

test('less of established connections: with any expression, on any link, and short enough for the kernel', () => {
  for (const established of ['sample', 'none'] as const) {
    for (const expression of ['tcp', 'tcp port 80 or vlan', 'host 10.0.0.1', '']) {
      for (const linkType of [LinkType.ethernet, LinkType.raw]) {
        if (linkType === LinkType.raw && /vlan/.test(expression)) continue;
        const program = compileFilter(expression, linkType, established);
        assert.ok((program?.instructionCount ?? 0) < 400, `${program?.instructionCount} for ${expression}`);
      }
    }
  }
});

test('an empty expression takes everything', () => {
  assert.is(compileFilter(' ', LinkType.ethernet), null);
  assert.ok(new FrameFilter('').matches(frameOf(EMPTY)));
});

test('an error names the key and the expression', () => {
  assert.throws(() => compileFilter('tcp prot 80', LinkType.ethernet), /^PCAP_FILTER: .* in "tcp prot 80"$/);
  assert.throws(() => new FrameFilter('host'), /^PCAP_FILTER: /);
});

test('the program for the kernel is short enough and says its length', () => {
  const program = compileFilter('tcp', LinkType.ethernet);
  assert.is(program?.instructions.length, 8 * (program?.instructionCount ?? 0));
  assert.ok((program?.instructionCount ?? 0) < 100);
  assert.is(effectiveFilter('udp', LinkType.ethernet), 'udp');
});

test.run();
