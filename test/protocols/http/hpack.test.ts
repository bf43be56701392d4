import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { threadCpuMs } from '../../../src/native/clock.ts';
import { HpackDecoder } from '../../../src/protocols/http/hpack-decoder.ts';
import { HttpSearch } from '../../../src/protocols/http/http-search.ts';
import { decodeHuffman } from '../../../src/protocols/http/huffman.ts';

const test = suite('protocols/http/hpack');

interface Block {
  readonly hex: string;
  readonly lines: readonly string[];
  readonly tableBytes: number;
}

const REQUEST_1 = [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'];
const REQUEST_3 = [':method: GET', ':scheme: https', ':path: /index.html', ':authority: www.example.com'];
const RESPONSE_1 = [
  ':status: 302',
  'cache-control: private',
  'date: Mon, 21 Oct 2013 20:13:21 GMT',
  'location: https://www.example.com',
];
const RESPONSE_3 = [
  ':status: 200',
  'cache-control: private',
  'date: Mon, 21 Oct 2013 20:13:22 GMT',
  'location: https://www.example.com',
  'content-encoding: gzip',
  'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
];
const TABLE_OF_256 = '3fe101';

/** The examples of RFC 7541 Appendix C, by section. */
const EXAMPLES: Readonly<Record<string, readonly Block[]>> = {
  'C.2.1': [
    {
      hex: '400a637573746f6d2d6b65790d637573746f6d2d686561646572',
      lines: ['custom-key: custom-header'],
      tableBytes: 55,
    },
  ],
  'C.2.2': [{ hex: '040c2f73616d706c652f70617468', lines: [':path: /sample/path'], tableBytes: 0 }],
  'C.2.3': [{ hex: '100870617373776f726406736563726574', lines: ['password: secret'], tableBytes: 0 }],
  'C.2.4': [{ hex: '82', lines: [':method: GET'], tableBytes: 0 }],
  'C.3': [
    { hex: '828684410f7777772e6578616d706c652e636f6d', lines: REQUEST_1, tableBytes: 57 },
    { hex: '828684be58086e6f2d6361636865', lines: [...REQUEST_1, 'cache-control: no-cache'], tableBytes: 110 },
    {
      hex: '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565',
      lines: [...REQUEST_3, 'custom-key: custom-value'],
      tableBytes: 164,
    },
  ],
  'C.4': [
    { hex: '828684418cf1e3c2e5f23a6ba0ab90f4ff', lines: REQUEST_1, tableBytes: 57 },
    { hex: '828684be5886a8eb10649cbf', lines: [...REQUEST_1, 'cache-control: no-cache'], tableBytes: 110 },
    {
      hex: '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
      lines: [...REQUEST_3, 'custom-key: custom-value'],
      tableBytes: 164,
    },
  ],
  'C.5': [
    {
      hex: `${TABLE_OF_256}4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d`,
      lines: RESPONSE_1,
      tableBytes: 222,
    },
    { hex: '4803333037c1c0bf', lines: [':status: 307', ...RESPONSE_1.slice(1)], tableBytes: 222 },
    {
      hex: '88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31',
      lines: RESPONSE_3,
      tableBytes: 215,
    },
  ],
  'C.6': [
    {
      hex: `${TABLE_OF_256}488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3`,
      lines: RESPONSE_1,
      tableBytes: 222,
    },
    { hex: '4883640effc1c0bf', lines: [':status: 307', ...RESPONSE_1.slice(1)], tableBytes: 222 },
    {
      hex: '88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
      lines: RESPONSE_3,
      tableBytes: 215,
    },
  ],
};

for (const [name, blocks] of Object.entries(EXAMPLES)) {
  test(`RFC 7541 ${name}`, () => {
    for (const [wantedBlock, { lines }] of blocks.entries()) {
      for (const line of lines) {
        const decoder = new HpackDecoder(new HttpSearch(line.toUpperCase(), ''));
        for (const [index, block] of blocks.entries()) {
          const bytes = Buffer.from(block.hex, 'hex');
          assert.is(decoder.decode(bytes, 0, bytes.length), 'complete');
          assert.is(decoder.tableBytes, block.tableBytes);
          if (index === wantedBlock) assert.is(decoder.found === 1 && decoder.searchLine, line);
          else
            assert.is(
              decoder.found === 1,
              block.lines.some((other) => other.startsWith(line)),
            );
        }
      }
    }
  });
}

test('the request line is put together from method and path', () => {
  const decoder = new HpackDecoder(new HttpSearch('', ''));
  for (const [index, { hex }] of (EXAMPLES['C.4'] ?? []).entries()) {
    const bytes = Buffer.from(hex, 'hex');
    decoder.decode(bytes, 0, bytes.length);
    assert.is(decoder.requestLine(), index === 2 ? 'GET /index.html HTTP/2' : 'GET / HTTP/2');
  }
});

/** Blocks that no encoder makes. */
const WRONG: Readonly<Record<string, string>> = {
  'index 0': '80',
  'an index beyond the tables': 'be',
  'a name beyond the tables': '7e0161',
  'a cut integer': 'ff',
  'an integer without end': 'ffffffffffffff01',
  'a string longer than the block': '0005616263',
  'a string of 2^28 bytes': '007fffffff7f61',
  'a literal without a value': '000161',
  'padding of more than seven bits': '0081ff81ffff',
  'padding that is not ones': '00811800',
  'the end-of-string symbol': '0084ffffffff00',
  'a size update behind a field': '8220',
};

for (const [name, hex] of Object.entries(WRONG)) {
  test(`malformed: ${name}`, () => {
    const bytes = Buffer.from(hex, 'hex');
    assert.is(new HpackDecoder(new HttpSearch('a', '')).decode(bytes, 0, bytes.length), 'malformed');
  });
}

test('a table of more than 64 KB is not followed', () => {
  const decode = (hex: string) => {
    const bytes = Buffer.from(hex, 'hex');
    return new HpackDecoder(new HttpSearch('a', '')).decode(bytes, 0, bytes.length);
  };
  assert.is(decode('3fe1ff03'), 'complete'); // 65,536
  assert.is(decode('3fe2ff03'), 'tableSize');
});

test('every cut of a Huffman string is decoded or refused', () => {
  const bytes = Buffer.from('f1e3c2e5f23a6ba0ab90f4ff', 'hex');
  const target = new Uint8Array(64);
  for (let end = 0; end <= bytes.length; end++) {
    const stop = decodeHuffman(bytes, 0, end, target, 0);
    const text = stop < 0 ? null : Buffer.from(target.subarray(0, stop)).toString();
    assert.ok(text === null || 'www.example.com'.startsWith(text));
  }
});

test('a bomb costs memory for its table and time for its length', () => {
  const search = new HttpSearch('zzzz', '');
  const decoder = new HpackDecoder(search);
  const name = Buffer.alloc(60_000, 'z');
  name[name.length - 1] = 0x2d;
  // A table of 64 KB, a field with a name of 60,000 bytes, then blocks that refer to it in every way there is.
  const first = Buffer.concat([
    Buffer.from('3fe1ff0340', 'hex'),
    Buffer.from([0x7f, 0xe1, 0xd3, 0x03]),
    name,
    Buffer.of(0),
  ]);
  assert.is(decoder.decode(first, 0, first.length), 'complete');
  assert.is(decoder.tableBytes, 60_032);
  const references = Buffer.alloc(60_000, 0xbe);
  const inserts = Buffer.alloc(60_000);
  for (let at = 0; at < inserts.length; at += 2) inserts.set([0x7e, 0x00], at);
  const small = Buffer.from('7e00be', 'hex');
  const beginMs = threadCpuMs();
  for (let i = 0; i < 20; i++) {
    assert.is(decoder.decode(references, 0, references.length), 'complete');
    assert.is(decoder.decode(inserts, 0, inserts.length), 'complete');
  }
  for (let i = 0; i < 20_000; i++) decoder.decode(small, 0, small.length);
  const ms = threadCpuMs() - beginMs;
  assert.ok(ms < 3000, `${ms} ms for 2.5 MB`);
  assert.ok(decoder.tableBytes <= 65_536);
  assert.ok(search.budget.usedBytes < 200_000);
  decoder.release();
  assert.is(search.budget.usedBytes, 0);
});

test.run();
