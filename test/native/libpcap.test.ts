import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { BPF_INSTRUCTION_BYTES, compilePcapFilter, runPcapFilter } from '../../src/native/libpcap.ts';

const ETHERNET = 1;
const ARP = Buffer.from(`ffffffffffff0000000000010806${'00'.repeat(28)}`, 'hex');

test('an expression becomes a program', () => {
  const program = compilePcapFilter('arp', ETHERNET);
  assert.is(program.length, 4 * BPF_INSTRUCTION_BYTES); // load, compare, accept, reject
  assert.ok(runPcapFilter(program, ARP, ARP.length));
  assert.not.ok(runPcapFilter(compilePcapFilter('ip', ETHERNET), ARP, ARP.length));
});

test('`len` is the length on the wire', () => {
  const program = compilePcapFilter('len > 1000', ETHERNET);
  assert.ok(runPcapFilter(program, ARP, 1500));
  assert.not.ok(runPcapFilter(program, ARP, 60));
});

test('an expression with an error is refused in the words of libpcap', () => {
  assert.throws(() => compilePcapFilter('tcp and and', ETHERNET), /syntax error/);
});

test.run();
