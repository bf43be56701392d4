import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LatencyHistogram } from '../../src/model/latency-histogram.ts';
import { Random } from '../tools/random.ts';

const test = suite('latency histogram');

test('nothing was added', () => {
  assert.ok(Number.isNaN(new LatencyHistogram().quantile(0.5)));
});

test('one latency is all quantiles, whatever it is', () => {
  for (const us of [0, 1, 15, 16, 17, 412, 65_535, 1_000_000, 2 ** 31 - 1]) {
    const histogram = new LatencyHistogram();
    histogram.add(us);
    for (const q of [0, 0.5, 0.99, 1]) assert.is(histogram.quantile(q), us);
  }
});

test('what is longer than 35 minutes counts as that', () => {
  const histogram = new LatencyHistogram();
  histogram.add(1e15);
  assert.is(histogram.quantile(1), 2 ** 31 - 1);
});

test('quantiles are at most 1/32 off', () => {
  const random = new Random(7);
  const histogram = new LatencyHistogram();
  const latencies = Array.from({ length: 20_000 }, () => Math.floor(2 ** (random.unit() * 30)));
  for (const us of latencies) histogram.add(us);
  latencies.sort((a, b) => a - b);
  for (const q of [0.01, 0.1, 0.5, 0.9, 0.99, 0.999]) {
    const exact = latencies[Math.ceil(q * latencies.length) - 1] ?? Number.NaN;
    const error = Math.abs(histogram.quantile(q) - exact);
    assert.ok(error <= Math.max(1, exact / 32), `${q}: ${histogram.quantile(q)} for ${exact}`);
  }
  assert.is(histogram.count, 20_000);
});

test.run();
