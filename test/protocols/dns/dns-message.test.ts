import {
  type Packet as DnsPacket,
  decode,
  encode,
  type OptAnswer,
  RECURSION_DESIRED,
  TRUNCATED_RESPONSE,
} from 'dns-packet';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DnsMessage, readDnsMessage } from '../../../src/protocols/dns/dns-message.ts';
import { dnsNameText } from '../../../src/protocols/dns/dns-name.ts';
import { dnsTypeName } from '../../../src/protocols/dns/dns-types.ts';
import { seededBelow } from '../../tools/random.ts';

const test = suite('DNS messages');

function read(bytes: Uint8Array, wireBytes = bytes.length): DnsMessage | null {
  const message = new DnsMessage();
  return readDnsMessage(bytes, 0, bytes.length, wireBytes, message) ? message : null;
}

const nameOf = ({ name, nameBytes }: DnsMessage) => dnsNameText(name, 0, nameBytes);
const OPT: OptAnswer = {
  type: 'OPT',
  name: '.',
  udpPayloadSize: 1232,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
};

const SAMPLES: readonly DnsPacket[] = [
  { type: 'query', id: 1, flags: RECURSION_DESIRED, questions: [{ type: 'A', name: 'db.shop.svc.cluster.local' }] },
  { type: 'query', id: 2, questions: [{ type: 'AAAA', name: 'example.com' }], additionals: [OPT] },
  {
    type: 'response',
    id: 3,
    questions: [{ type: 'A', name: 'www.example.com' }],
    answers: [
      { type: 'CNAME', name: 'www.example.com', data: 'example.com' },
      { type: 'A', name: 'example.com', ttl: 60, data: '192.0.2.1' },
      { type: 'A', name: 'example.com', ttl: 60, data: '192.0.2.2' },
    ],
    additionals: [OPT],
  },
  { type: 'response', id: 4, flags: 3, questions: [{ type: 'SRV', name: '_x._tcp.example.com' }] },
  { type: 'response', id: 5, flags: TRUNCATED_RESPONSE, questions: [{ type: 'TXT', name: 'big.example.com' }] },
  {
    type: 'response',
    id: 6,
    questions: [{ type: 'MX', name: 'example.com' }],
    answers: [{ type: 'MX', name: 'example.com', data: { preference: 10, exchange: 'mail.example.com' } }],
    authorities: [{ type: 'NS', name: 'example.com', data: 'ns.example.com' }],
  },
];

for (const [i, sample] of SAMPLES.entries()) {
  test(`says of message ${i + 1} what dns-packet put in`, () => {
    const bytes = encode(sample);
    const message = read(bytes);
    const oracle = decode(bytes);
    if (message === null) throw new Error('it is not read');
    assert.is(message.id, oracle.id);
    assert.is(message.isResponse, oracle.type === 'response');
    assert.is(message.isTruncated, oracle.flag_tc);
    assert.is(message.rcode, (oracle.flags ?? 0) & 0xf);
    assert.is(nameOf(message), oracle.questions?.[0]?.name);
    assert.is(dnsTypeName(message.type), oracle.questions?.[0]?.type);
    assert.is(message.answers, oracle.answers?.length);
    assert.is(message.matches, oracle.answers?.filter(({ type }) => type === oracle.questions?.[0]?.type).length);
    assert.is(message.hasEdns, oracle.additionals?.some(({ type }) => type === 'OPT') ?? false);
    assert.ok(message.isWhole);
  });
}

test('names are the same in any case, and their hashes too', () => {
  const [one, other] = ['Api.Example.COM', 'api.example.com'].map((name) => {
    const bytes = encode({ type: 'query', questions: [{ type: 'A', name }] });
    return read(bytes) as DnsMessage;
  });
  assert.is(nameOf(one as DnsMessage), 'api.example.com');
  assert.is(one?.nameHash, other?.nameHash);
  const sibling = read(encode({ type: 'query', questions: [{ type: 'A', name: 'api.shop.svc' }] }));
  assert.is(sibling?.labelHash, one?.labelHash);
  assert.is.not(sibling?.nameHash, one?.nameHash);
});

test('the upper bits of the response code stand in EDNS', () => {
  const bytes = encode({
    type: 'response',
    questions: [{ type: 'A', name: 'a.' }],
    additionals: [{ ...OPT, extendedRcode: 1 }],
  });
  assert.is(read(bytes)?.rcode, 16);
});

test('what is not printable, and dots inside of labels, are escaped', () => {
  const name = Buffer.from([4, 0x61, 0x2e, 0x00, 0xff, 1, 0x5c]);
  assert.is(dnsNameText(name, 0, name.length), 'a\\.\\000\\255.\\\\');
  assert.is(dnsNameText(name, 0, 0), '.');
});

const HEADER = Buffer.from('000181800001000100000000', 'hex');
const message = (...parts: readonly (readonly number[])[]) =>
  Buffer.concat([HEADER, ...parts.map((part) => Buffer.from(part))]);

test('hostile questions: pointers, loops, labels and names that are too long, none at all', () => {
  assert.is(read(message([0xc0, 0x0c, 0, 1, 0, 1])), null, 'a pointer to itself');
  assert.is(read(message([0x40, 0x61, 0, 0, 1, 0, 1])), null, 'a label of a kind that nobody has defined');
  assert.is(read(message([5, 0x61])), null, 'a label that is not there');
  assert.is(
    read(message(Array.from({ length: 128 }, () => [1, 0x61]).flat(), [0, 0, 1, 0, 1])),
    null,
    'a name of 257 bytes',
  );
  assert.is(read(message([1, 0x61, 0, 0, 1])), null, 'no class');
  assert.is(read(HEADER.subarray(0, 11)), null);
  assert.is(read(Buffer.from('000181810000000000000000', 'hex'))?.nameBytes, 0, 'a response without a question');
});

test('the longest name there may be', () => {
  const labels = [63, 63, 63, 61].flatMap((length) => [length, ...Array.from({ length }, () => 0x61)]);
  assert.is(read(message(labels, [0, 0, 1, 0, 1]))?.nameBytes, 254);
});

test('counts that lie end where the bytes do', () => {
  const question = [1, 0x61, 0, 0, 1, 0, 1];
  const answer = [0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1];
  const lying = message(question, answer);
  lying.writeUInt16BE(0xffff, 6);
  lying.writeUInt16BE(0xffff, 10);
  const read1 = read(lying);
  assert.is(read1?.answers, 1);
  assert.not(read1?.isWhole);
  const loop = read(message(question, [0xc0, 0x14, ...answer.slice(2)]));
  assert.is(loop?.answers, 1, 'pointers of records are not followed');
  const many = message(question);
  many.writeUInt16BE(0xffff, 4);
  assert.is(read(many)?.nameBytes, 2, 'questions that are not there');
});

test('an answer that is cut off is not whole', () => {
  const bytes = encode(SAMPLES[2] as DnsPacket);
  const cut = bytes.subarray(0, bytes.length - 40);
  assert.not(read(cut, bytes.length)?.isWhole);
});

test('64 KB of answers are read within a moment', () => {
  const answer = [0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 0];
  const bytes = message([1, 0x61, 0, 0, 1, 0, 1], Array.from({ length: 5_400 }, () => answer).flat());
  bytes.writeUInt16BE(5_400, 6);
  const beganMs = performance.now();
  for (let i = 0; i < 100; i++) read(bytes);
  assert.is(read(bytes)?.answers, 5_400);
  assert.ok(performance.now() - beganMs < 5_000);
});

test('mutated messages: never a throw, and nothing that dns-packet reads otherwise', () => {
  const below = seededBelow(53);
  let compared = 0;
  for (let round = 0; round < 20_000; round++) {
    const bytes = Buffer.from(encode(SAMPLES[round % SAMPLES.length] as DnsPacket));
    for (let n = 0; n <= round % 4; n++) bytes[below(bytes.length)] = below(256);
    const cut = round % 7 === 0 ? bytes.subarray(0, below(bytes.length)) : bytes;
    const read1 = read(cut);
    let oracle: DnsPacket;
    try {
      oracle = decode(cut);
    } catch {
      continue; // it reads what is in records as well, and throws where that is broken
    }
    if (read1 === null || read1.nameBytes === 0 || oracle.questions?.length !== read1.questions) continue;
    if (cut.subarray(12).some((byte) => byte > 0x7e) && /[^ -~]/.test(oracle.questions[0]?.name ?? '')) continue;
    compared++;
    assert.is(read1.id, oracle.id);
    if (read1.isWhole) assert.is(read1.answers, oracle.answers?.length, cut.toString('hex'));
  }
  assert.ok(compared > 4_000, `${compared}`);
});

test.run();
