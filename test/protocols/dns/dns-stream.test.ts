import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DnsStream } from '../../../src/protocols/dns/dns-stream.ts';
import { StreamBudget } from '../../../src/protocols/stream/stream-budget.ts';

const test = suite('DNS messages over TCP');

const framed = (...texts: readonly string[]) =>
  Buffer.concat(
    texts.map((text) => Buffer.concat([Buffer.from([text.length >> 8, text.length & 0xff]), Buffer.from(text)])),
  );

function reader(budgetBytes = 1 << 20) {
  const budget = new StreamBudget(budgetBytes);
  const seen: string[] = [];
  const stream = new DnsStream(budget, (bytes, start, end) =>
    seen.push(Buffer.from(bytes.subarray(start, end)).toString()),
  );
  return { budget, seen, stream };
}

const BYTES = framed('one', '', 'three and more', 'x'.repeat(300));
const WANT = ['one', '', 'three and more', 'x'.repeat(300)];

for (const size of [1, 2, 3, 5, 100, BYTES.length]) {
  test(`in pieces of ${size} bytes`, () => {
    const { budget, seen, stream } = reader();
    for (let at = 0; at < BYTES.length; at += size) stream.data(BYTES, at, Math.min(at + size, BYTES.length), 0);
    assert.equal(seen, WANT);
    assert.is(budget.usedBytes, 0);
  });
}

test('behind a gap, and without memory, nothing more is read', () => {
  const lost = reader();
  lost.stream.data(BYTES, 0, 8, 0);
  lost.stream.gap();
  lost.stream.data(BYTES, 0, BYTES.length, 0);
  assert.ok(lost.stream.isLost);
  assert.equal(lost.seen, ['one', '']);
  assert.is(lost.budget.usedBytes, 0);
  const poor = reader(100);
  poor.stream.data(framed('x'.repeat(99)), 0, 50, 0);
  assert.ok(poor.stream.isLost);
});

test('what is held is given back', () => {
  const { budget, stream } = reader();
  stream.data(framed('x'.repeat(1000)), 0, 50, 0);
  assert.is(budget.usedBytes, 1002);
  stream.release();
  assert.is(budget.usedBytes, 0);
});

test.run();
