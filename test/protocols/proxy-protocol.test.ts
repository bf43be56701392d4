import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { beginsProxyHeader, type ProxyHeader, readProxyHeader } from '../../src/protocols/proxy-protocol.ts';

const test = suite('PROXY protocol');

const SIGNATURE = '0d0a0d0a000d0a515549540a';
const text = (line: string) => Buffer.from(line, 'latin1');
const hex = (digits: string) => Buffer.from(digits.replaceAll(' ', ''), 'hex');
/** Reads what lies in the middle of a larger memory. */
const read = (bytes: Buffer): ProxyHeader | 'more' | null =>
  readProxyHeader(Buffer.concat([hex('aaaaaa'), bytes, hex('bb')]), 3, 3 + bytes.length);

const LINE = 'PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n';
const BINARY = `${SIGNATURE} 21 11 000c c0000201 c0000202 dc04 01bb`;

const headers: readonly { readonly name: string; readonly bytes: Buffer; readonly want: ProxyHeader | null }[] = [
  { name: 'version 1', bytes: text(LINE), want: { lengthBytes: 42, source: '192.0.2.1:56324' } },
  {
    name: 'version 1, and what follows',
    bytes: text(`${LINE}GET / HTTP/1.1\r\n`),
    want: { lengthBytes: 42, source: '192.0.2.1:56324' },
  },
  {
    name: 'version 1 with IPv6',
    bytes: text('PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n'),
    want: { lengthBytes: 46, source: '[2001:db8::1]:56324' },
  },
  { name: 'version 1, UNKNOWN', bytes: text('PROXY UNKNOWN\r\n'), want: { lengthBytes: 15, source: '' } },
  {
    name: 'version 1, an address that is none',
    bytes: text('PROXY TCP4 $(reboot) x 1 2\r\n'),
    want: { lengthBytes: 28, source: '' },
  },
  {
    name: 'version 1, a port that is none',
    bytes: text('PROXY TCP4 192.0.2.1 192.0.2.2 563245 443\r\n'),
    want: { lengthBytes: 43, source: '' },
  },
  { name: 'version 1 without an end', bytes: text(`PROXY TCP4 ${'1'.repeat(200)}`), want: null },
  { name: 'version 2', bytes: hex(BINARY), want: { lengthBytes: 28, source: '192.0.2.1:56324' } },
  {
    name: 'version 2 with IPv6',
    bytes: hex(`${SIGNATURE} 21 21 0024 ${'20010db8'.padEnd(31, '0')}1 ${'20010db8'.padEnd(31, '0')}2 dc04 01bb`),
    want: { lengthBytes: 52, source: '[2001:db8::1]:56324' },
  },
  {
    name: 'version 2 with options',
    bytes: hex(`${SIGNATURE} 21 11 0012 c0000201 c0000202 dc04 01bb 050003 616263`),
    want: { lengthBytes: 34, source: '192.0.2.1:56324' },
  },
  {
    name: 'version 2, LOCAL',
    bytes: hex(`${SIGNATURE} 20 11 000c c0000201 c0000202 dc04 01bb`),
    want: { lengthBytes: 28, source: '' },
  },
  { name: 'version 2, no address', bytes: hex(`${SIGNATURE} 21 00 0000`), want: { lengthBytes: 16, source: '' } },
  {
    name: 'version 2, a length too small for its family',
    bytes: hex(`${SIGNATURE} 21 11 0004 c0000201`),
    want: { lengthBytes: 20, source: '' },
  },
  { name: 'another version', bytes: hex(`${SIGNATURE} 31 11 0000`), want: null },
  { name: 'a length beyond 4096', bytes: hex(`${SIGNATURE} 21 11 ffff`), want: null },
  { name: 'HTTP', bytes: text('GET / HTTP/1.1\r\n'), want: null },
  { name: 'nearly the word', bytes: text('PROXYTCP4 1 2 3 4\r\n'), want: null },
  { name: 'nearly the signature', bytes: hex('0d0a0d0a000d0a515549540b 2111000c'), want: null },
];
for (const { name, bytes, want } of headers) {
  test(name, () => assert.equal(read(bytes), want));
}

for (const { name, bytes, want } of headers) {
  if (want === null) continue;
  test(`${name}: more is waited for until the last byte is there`, () => {
    for (let length = 1; length < want.lengthBytes; length++) {
      const piece = bytes.subarray(0, length);
      assert.is(beginsProxyHeader(piece, 0, length), true);
      assert.is(read(piece), 'more', `${length} bytes`);
    }
    assert.equal(read(bytes.subarray(0, want.lengthBytes)), want);
  });
}

test('nothing begins no header', () => assert.is(beginsProxyHeader(text('PROXY'), 2, 2), false));

test('a line without an end is waited for no longer than a line can be', () => {
  const endless = text(`PROXY ${'x'.repeat(300)}`);
  assert.is(read(endless.subarray(0, 107)), 'more');
  assert.is(read(endless.subarray(0, 108)), null);
});

test.run();
