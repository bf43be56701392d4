import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { formatIpv4, formatIpv6 } from '../../src/model/address.ts';
import { LineBuffer } from '../../src/output/line-buffer.ts';

function written(write: (buffer: LineBuffer) => void): string {
  const buffer = new LineBuffer(1); // so that every append has to grow it
  write(buffer);
  return buffer.toString();
}

/** Numbers that look random and are the same each time (Park and Miller's generator). */
function* randomWords(seed: number): Generator<number, never> {
  let state = seed;
  for (;;) {
    state = (state * 48_271) % 2_147_483_647;
    yield state;
  }
}

const numbers = suite('numbers');

const NUMBERS: readonly (readonly [number, string])[] = [
  [Number.NaN, '0'],
  [Number.POSITIVE_INFINITY, '0'],
  [Number.NEGATIVE_INFINITY, '0'],
  [2 ** 53, '0'],
  [-0.5, '0'],
  [-1, '-1'],
  [-12.9, '-12'],
  [12.9, '12'],
  [-2_147_483_648, '-2147483648'],
  [-(2 ** 53) + 1, '-9007199254740991'],
  [2 ** 53 - 1, '9007199254740991'],
  [0xffff_ffff, '4294967295'],
  [3_000_000_000.75, '3000000000'],
];

for (const [value, want] of NUMBERS) {
  numbers(`${value} is written ${want}`, () =>
    assert.is(
      written((buffer) => buffer.integer(value)),
      want,
    ),
  );
}

numbers('as String does, around every power of ten', () => {
  for (let power = 1; power <= 1e15; power *= 10) {
    for (const value of [power - 1, power, power + 1, power * 7, power * 9]) {
      assert.is(
        written((buffer) => buffer.integer(value)),
        String(value),
      );
    }
  }
});

numbers.run();

const addresses = suite('addresses');

addresses('IPv4 as the model writes it', () => {
  const words = randomWords(1);
  for (const word of [0, 0xffff_ffff, 0x0a00_0007, -1, 0x7f00_0001, 0x6401_0a63]) {
    assert.is(
      written((buffer) => buffer.ipv4(word)),
      formatIpv4(word),
    );
  }
  for (let i = 0; i < 1000; i++) {
    const word = words.next().value * 2;
    assert.is(
      written((buffer) => buffer.ipv4(word)),
      formatIpv4(word),
    );
  }
});

addresses('IPv6 as the model writes it: each pattern of zero groups, and short groups', () => {
  const words = randomWords(2);
  for (let pattern = 0; pattern < 256; pattern++) {
    for (const shift of [0, 4, 8, 12]) {
      const groups = Array.from({ length: 8 }, (_, i) =>
        pattern & (1 << i) ? (words.next().value & 0xffff) >> shift : 0,
      );
      const [a, b, c, d] = [0, 2, 4, 6].map((i) => groups[i] * 0x1_0000 + groups[i + 1]);
      assert.is(
        written((buffer) => buffer.ipv6(a, b, c, d)),
        formatIpv6(a, b, c, d),
      );
    }
  }
});

addresses('IPv6 that holds IPv4 stays dotted', () => {
  assert.is(
    written((buffer) => buffer.ipv6(0, 0, 0xffff, 0x0a00_0007)),
    '::ffff:10.0.0.7',
  );
});

addresses.run();

const texts = suite('texts');

texts('a field cannot end its column or its line', () => {
  assert.is(
    written((buffer) => buffer.field('a,b"c\'d\ne\r\tñ€.-()')),
    'a_b_c_d_e____.-()',
  );
});

texts('a field begins no formula of a spreadsheet, and keeps its length', () => {
  for (const first of '=+-@') {
    assert.is(
      written((buffer) => buffer.field(`${first}cmd|' /C x'!A1`)),
      '_cmd|_ /C x_!A1',
    );
  }
  assert.is(
    written((buffer) => buffer.field('a=b-c')),
    'a=b-c',
  );
  assert.is(
    written((buffer) => buffer.field('')),
    '',
  );
});

texts('any text is written as UTF-8', () => {
  const text = 'ñ€😀\ud800x'.repeat(1000);
  assert.is(
    written((buffer) => buffer.text(text)),
    Buffer.from(text).toString(),
  );
});

texts('a line is dropped by setting the length back', () => {
  const buffer = new LineBuffer();
  buffer.ascii('kept');
  buffer.newLine();
  const end = buffer.length;
  buffer.ascii('dropped');
  buffer.comma();
  buffer.length = end;
  assert.is(buffer.toString(), 'kept\n');
});

texts.run();
