import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { maskedLine } from '../../src/mask/header-values.ts';
import { HttpHeaderMask } from '../../src/mask/http-header-mask.ts';
import { LinkType } from '../../src/model/link-type.ts';
import { Random } from '../tools/random.ts';
import { type MaskSegment, payloadsOf, recordsOf } from './records.ts';

const NAMES = ['Authorization', 'Cookie', 'Set-Cookie', 'Proxy-Authorization', 'X-Odd.Name'];
const mask = new HttpHeaderMask(NAMES);
const stars = (text: string) => '*'.repeat(text.length);

const SYNS: readonly MaskSegment[] = [
  { fromClient: true, offset: -1 },
  { fromClient: false, offset: -1 },
];

const lines = suite('what is masked');

/** `<…>` stands for bytes that have to be masked. */
const CASES: readonly { readonly name: string; readonly text: string; readonly midstream?: boolean }[] = [
  { name: 'a field', text: 'GET / HTTP/1.1\r\nHost: a\r\nAuthorization: <Basic dTpw>\r\nAccept: */*\r\n\r\n' },
  { name: 'two fields, and names in any case', text: 'GET / HTTP/1.1\r\nCOOKIE:<a=b; c>\r\ncookie:\t <d>\r\n\r\n' },
  {
    name: 'other fields are left alone',
    text: 'GET / HTTP/1.1\r\nX-Cookie: a\r\nCookies: b\r\nSet-Cookie2: c\r\n\r\n',
  },
  { name: 'a value without bytes', text: 'GET / HTTP/1.1\r\nCookie:\r\nHost: a\r\nCookie: \r\n\r\n' },
  { name: 'a space before the colon', text: 'GET / HTTP/1.1\r\nCookie : <a>\r\n\r\n' },
  {
    name: 'a value that goes on in further lines',
    text: 'GET / HTTP/1.1\r\nCookie: <a>\r\n  <b>\r\n\t<c>\r\nHost: a\r\n\r\n',
  },
  { name: 'lines that end in LF only', text: 'GET / HTTP/1.1\nCookie: <a>\nHost: a\n\n' },
  { name: 'a CR inside of a value ends nothing', text: 'GET / HTTP/1.1\r\nCookie: <a\rb>\r\nHost: a\r\n\r\n' },
  { name: 'bytes that are no text', text: 'GET / HTTP/1.1\r\nCookie: <\x00\xff\x80>\r\nHost: a\r\n\r\n' },
  { name: 'a name with a dot', text: 'GET / HTTP/1.1\r\nX-Odd.Name: <a>\r\nX-OddxName: b\r\n\r\n' },
  {
    name: 'requests one after the other, with a body between them',
    text: 'POST / HTTP/1.1\r\nCookie: <a>\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nCookie: <b>\r\n\r\n',
  },
  { name: 'a value that has no end', text: 'GET / HTTP/1.1\r\nCookie: <abc>' },
  { name: 'midstream: the rest of a value', text: '<cret>\r\nHost: a\r\nCookie: <a>\r\n\r\n', midstream: true },
  { name: 'midstream: a rest before the end of the head', text: '<cret>\r\n\r\n', midstream: true },
  { name: 'midstream: a request', text: 'GET / HTTP/1.1\r\nHost: a\r\nCookie: <a>\r\n\r\n', midstream: true },
  { name: 'midstream: a response', text: 'HTTP/1.1 200 OK\r\nSet-Cookie: <a>\r\n\r\n', midstream: true },
  {
    name: 'midstream: a line that may be one’s rest',
    text: '<a line of text>\r\nand another: one\r\n',
    midstream: true,
  },
  { name: 'midstream: a rest without an end', text: '<some bytes>', midstream: true },
  { name: 'midstream: bytes that no value has', text: 'some\x01bytes', midstream: true },
];

for (const { name, text, midstream = false } of CASES) {
  const sent = text.replace(/[<>]/g, '');
  const want = text.replace(/<([^>]*)>/g, (_, value: string) => stars(value));
  for (const fromClient of [true, false]) {
    lines(`${name}, from the ${fromClient ? 'client' : 'server'}`, () => {
      for (const ipVersion of [4, 6] as const) {
        const records = recordsOf([...(midstream ? [] : SYNS), { fromClient, offset: 0, text: sent }], ipVersion);
        mask.apply(records);
        assert.is(payloadsOf(records, ipVersion).at(-1), want);
      }
    });
  }
}

lines('a line that is shown', () => {
  assert.is(maskedLine('authorization: Basic dTpw', NAMES), 'authorization: **********');
  assert.is(maskedLine('X-Pepe: 42', NAMES), 'X-Pepe: 42');
  assert.is(maskedLine('Cookie: a', []), 'Cookie: a');
  assert.is(maskedLine('GET /?a=Cookie: b HTTP/1.1', NAMES), 'GET /?a=Cookie: b HTTP/1.1');
});

lines('no names: nothing', () => {
  const records = recordsOf([...SYNS, { fromClient: true, offset: 0, text: 'GET / HTTP/1.1\r\nCookie: a\r\n\r\n' }]);
  const before = Buffer.from(records.bytes);
  new HttpHeaderMask([]).apply(records);
  assert.equal(Buffer.from(records.bytes), before);
});

lines.run();

const ways = suite('however it comes');

const REQUESTS = Array.from(
  { length: 6 },
  (_, i) =>
    `GET /${i} HTTP/1.1\r\nHost: shop\r\nCookie: <id=${i}; k=v${i}>\r\nX-A: ${i}\r\nAuthorization: <Bearer ${i}>\r\n\r\n`,
).join('');
const ANSWERS = Array.from(
  { length: 6 },
  (_, i) =>
    `HTTP/1.1 200 OK\r\nSet-Cookie: <id=${i}>\r\nContent-Length: 3\r\nSet-Cookie: <${'x'.repeat(i)}y>\r\n\r\nabc`,
).join('');

/** Cuts a text into segments at random, some of them twice or with bytes of their neighbours, in about their order. */
function shuffled(random: Random, fromClient: boolean, text: string): { at: number; segment: MaskSegment }[] {
  const segments: { at: number; segment: MaskSegment }[] = [];
  for (let offset = 0; offset < text.length; ) {
    const bytes = random.between(1, random.chance(0.5) ? 3 : 60);
    const from = Math.max(0, offset - (random.chance(0.2) ? random.between(0, 20) : 0));
    const segment = { fromClient, offset: from, text: text.slice(from, offset + bytes) };
    for (let copies = random.chance(0.2) ? 2 : 1; copies > 0; copies--) {
      segments.push({ at: offset + random.between(0, 100), segment });
    }
    offset += bytes;
  }
  return segments;
}

ways('split anywhere, out of order, sent again, overlapping, both directions at once', () => {
  const plain = (text: string) => text.replace(/[<>]/g, '');
  const masked = (text: string) => text.replace(/<([^>]*)>/g, (_, value: string) => stars(value));
  for (let seed = 1; seed <= 300; seed++) {
    const random = new Random(seed);
    const mixed = [...shuffled(random, true, plain(REQUESTS)), ...shuffled(random, false, plain(ANSWERS))];
    const segments = [...SYNS, ...mixed.sort((a, b) => a.at - b.at).map(({ segment }) => segment)];
    const records = recordsOf(segments);
    mask.apply(records);
    const payloads = payloadsOf(records);
    for (const [i, { fromClient, offset, text = '' }] of segments.entries()) {
      if (offset < 0) continue;
      const want = masked(fromClient ? REQUESTS : ANSWERS).slice(offset, offset + text.length);
      assert.is(payloads[i], want, `seed ${seed}, segment ${i}`);
    }
  }
});

ways('a hole in a value: what follows it is masked up to the end of the line', () => {
  const head = 'GET / HTTP/1.1\r\nCookie: first';
  const records = recordsOf([
    ...SYNS,
    { fromClient: true, offset: 0, text: head },
    { fromClient: true, offset: head.length + 100, text: 'last\r\nHost: a\r\n\r\n' },
  ]);
  mask.apply(records);
  assert.equal(payloadsOf(records).slice(2), ['GET / HTTP/1.1\r\nCookie: *****', '****\r\nHost: a\r\n\r\n']);
});

ways('segments of a long value with holes on both sides, and without an end', () => {
  const head = 'GET / HTTP/1.1\r\nHost: a\r\nAuthoriz';
  const secret = 's'.repeat(1_398);
  const records = recordsOf([
    ...SYNS,
    { fromClient: true, offset: 0, text: head },
    { fromClient: true, offset: 2_000, text: secret },
    { fromClient: true, offset: 6_000, text: secret },
    { fromClient: true, offset: 9_000, text: `${secret}\r\n` },
    { fromClient: true, offset: 12_000, text: 'GET /2 HTTP/1.1\r\nHost: a\r\n\r\n' },
  ]);
  mask.apply(records);
  const [first, ...rest] = payloadsOf(records).slice(2);
  assert.is(first, head);
  assert.equal(rest, [stars(secret), stars(secret), `${stars(secret)}\r\n`, 'GET /2 HTTP/1.1\r\nHost: a\r\n\r\n']);
});

ways('a value that is continued behind a hole', () => {
  const head = 'GET / HTTP/1.1\r\nCookie: first';
  const records = recordsOf([
    ...SYNS,
    { fromClient: true, offset: 0, text: head },
    { fromClient: true, offset: head.length + 100, text: 'last\r\n more\r\n\tyet\r\nHost: a\r\n\r\n' },
  ]);
  mask.apply(records);
  assert.is(payloadsOf(records).at(-1), '****\r\n ****\r\n\t***\r\nHost: a\r\n\r\n');
});

ways('payload that the capture cut: what is there is masked', () => {
  const text = 'GET / HTTP/1.1\r\nCookie: first and last\r\nHost: a\r\n\r\n';
  const records = recordsOf([...SYNS, { fromClient: true, offset: 0, text, captured: 30 }]);
  mask.apply(records);
  assert.is(payloadsOf(records).at(-1), 'GET / HTTP/1.1\r\nCookie: ******');
});

ways('parts of a stream that are billions of bytes apart do not touch', () => {
  const text = 'GET / HTTP/1.1\r\nCookie: a\r\n\r\n';
  const steps = [0, 1.5e9, 3e9, 4.5e9].map((offset) => ({ fromClient: true, offset, text: 'x'.repeat(100) }));
  const records = recordsOf([...SYNS, ...steps, { fromClient: true, offset: 2 ** 32, text }]);
  mask.apply(records);
  assert.is(payloadsOf(records).at(-1), text.replace('a\r', '*\r'));
  assert.is(payloadsOf(records)[2], 'x'.repeat(100));
});

ways('2 MB are done in no time, whatever they are', () => {
  for (const line of ['x'.repeat(1400), 'Cookie: a\r\n'.repeat(120), '\n'.repeat(1400), `Cookie${' '.repeat(1394)}`]) {
    const segments = Array.from({ length: 1400 }, (_, i) => ({
      fromClient: true,
      offset: i * line.length,
      text: line,
    }));
    const begin = process.cpuUsage();
    mask.apply(recordsOf([...SYNS, ...segments]));
    const { user } = process.cpuUsage(begin);
    assert.ok(user < 5e6, `${user} µs of CPU for ${JSON.stringify(line.slice(0, 20))}…`); // quadratic would be minutes
  }
});

ways('random and truncated records never throw, and keep their length', () => {
  const random = new Random(5);
  const text = 'GET / HTTP/1.1\r\nCookie: a\r\n\r\n';
  for (let i = 0; i < 3_000; i++) {
    const records = recordsOf([...SYNS, { fromClient: true, offset: 0, text }], random.pick([4, 6]));
    for (let spoilt = random.between(1, 8); spoilt > 0; spoilt--) {
      records.bytes[random.between(0, records.bytes.length - 1)] = random.between(0, 255);
    }
    const bytes = records.bytes.subarray(0, random.between(0, records.bytes.length));
    const linkType = random.pick(Object.values(LinkType));
    mask.apply({ ...records, bytes, linkType });
  }
});

ways.run();
