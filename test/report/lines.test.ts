import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseEndFlowLine } from '../../src/diagnosis/end-flow-line.ts';
import { parseEventLine } from '../../src/diagnosis/event-line.ts';
import { UNKNOWN_PROCESS } from '../../src/model/process.ts';
import { safeText } from '../../src/model/safe-text.ts';
import { appendEndFlow } from '../../src/output/end-flow-file.ts';
import { LineBuffer } from '../../src/output/line-buffer.ts';
import { LineSplitter, MAX_LINE_CHARACTERS, readLastLines, readLines } from '../../src/report/read-lines.ts';
import { wrap } from '../../src/report/wrap.ts';
import { sampleConnection } from '../output/sample-connection.ts';
import { makeScratch, removeScratch } from '../output/scratch.ts';

const test = suite('lines of the agent');
test.after.each(removeScratch);

/** Of end_flows before `latency4`. */
const OLD_COLUMNS = 21;

for (const [name, text, want] of [
  ['an escape sequence', 'a\u001b[2Jb', 'a\\u{1b}[2Jb'],
  ['a new line and a bell', 'a\n\u0007b', 'a\\u{a}\\u{7}b'],
  ['C1 control', 'a\u009b2Jb', 'a\\u{9b}2Jb'],
  ['right to left', 'a\u202eb', 'a\\u{202e}b'],
  ['half a character', 'a\ud800b', 'a\\u{d800}b'],
  ['other alphabets', 'CN=Größe 試験 🙂', 'CN=Größe 試験 🙂'],
] as const) {
  test(`safe text: ${name}`, () => assert.is(safeText(text), want));
}

test('safe text is cut', () => {
  assert.is(safeText('x'.repeat(100_000)).length, 601);
});

test('wrap: at spaces, never in a command', () => {
  assert.equal(wrap('one two three', 7), ['one two', 'three']);
  assert.equal(wrap('see `kubectl get pods -A`, and then', 10), ['see', '`kubectl get pods -A`,', 'and then']);
  assert.equal(wrap('an odd ` is no command at all', 11), ['an odd ` is', 'no command', 'at all']);
  assert.equal(wrap('', 10), ['']);
});

test('lines in pieces; one without end takes no memory', () => {
  const splitter = new LineSplitter();
  assert.equal(splitter.split('one\ntw'), ['one']);
  assert.equal(splitter.split('o\n\nthr'), ['two', '']);
  for (let i = 0; i < 8; i++) assert.equal(splitter.split('x'.repeat(MAX_LINE_CHARACTERS / 4)), []);
  assert.equal(splitter.split('the rest\nfour\n'), ['four']);
});

test('what is half-written is left out', async () => {
  const path = join(makeScratch(), 'file');
  writeFileSync(path, 'one\ntwo\nthr');
  const read: string[] = [];
  for await (const lines of readLines(path)) read.push(...lines);
  assert.equal(read, ['one', 'two']);
  assert.equal(await readLastLines(path), ['one', 'two']);
  appendFileSync(path, `${'x'.repeat(100_000)}\nlast\n`);
  assert.equal(await readLastLines(path), ['last']);
  assert.equal(await readLastLines(`${path}.gone`), []);
});

const line = (change: object) =>
  JSON.stringify({ code: '00009', timemillis: '1700000000123', timemicros: '456', srcIP: '10.0.0.1', ...change });

test('an event: what is missing or of another kind does no harm', () => {
  const event = parseEventLine(line({ dstPort: {}, cause: ['x'], tls: 'x', extra: null, pid: 'x' }));
  assert.equal(
    [event?.name, event?.timeUs, event?.sourceAddress],
    ['TCP_SYN_RESET', 1_700_000_000_123_456, '10.0.0.1'],
  );
  assert.equal([event?.destinationPort, event?.cause, event?.by], [0, '', null]);
  for (const damaged of ['', '{', 'null', '[]', '7', line({ code: '00099' }), line({ timemillis: 'x' })]) {
    assert.is(parseEventLine(damaged), null, damaged);
  }
});

test('an event: only the name of a dump is taken for a pcap', () => {
  for (const pcap of ['../../etc/passwd', 'dump_../x.pcap', 'dump_1.pcap; rm -rf', 'x.pcap', 'dump_1.pcap\n']) {
    assert.is(parseEventLine(line({ pcap }))?.pcap, '', pcap);
  }
  const pcap = 'dump_2001-db8--1_fd00--1_40000_8080_2023_11_14_22_13_20_001.pcap';
  assert.is(parseEventLine(line({ pcap }))?.pcap, pcap);
});

test('a connection that ended: as the agent writes it, whatever the process is called', () => {
  const buffer = new LineBuffer();
  appendEndFlow(buffer, sampleConnection({ failure: '00021', process: { ...UNKNOWN_PROCESS, pid: 17, name: 'a,"b' } }));
  const text = buffer.bytes.toString('utf8', 0, buffer.length);
  const want = {
    sourceAddress: '192.168.7.200',
    sourcePort: 40_222,
    destinationAddress: '10.96.0.1',
    destinationPort: 8443,
    beginUs: 1_700_000_000_123_456,
    endUs: 1_700_000_001_000_007,
    answeredSyn: true,
    handshakeUs: 447,
    tlsUs: 2048,
    firstByteUs: 731,
    bytesTo: 1517,
    bytesFrom: 48_230,
    endType: 0,
    endedBy: 1,
    certain: true,
    process: 'a__b (pid 17)',
    retransmittedTo: 1,
    retransmittedFrom: 2,
    rttToUs: 5,
    rttFromUs: 6,
    httpErrors: 9,
    failure: '00021',
  };
  assert.equal(parseEndFlowLine(text), want);
  assert.equal(parseEndFlowLine(`${text},17,more`), want);
  const fields = text.split(',');
  const firstOf = (count: number) => parseEndFlowLine(fields.slice(0, count).join(','));
  const none = { retransmittedTo: 0, retransmittedFrom: 0, rttToUs: 0, rttFromUs: 0, httpErrors: 0 };
  assert.equal(firstOf(OLD_COLUMNS), { ...want, ...none, firstByteUs: 0, failure: '' }, 'a line of an older agent');
  const old = [...fields.slice(0, OLD_COLUMNS + 1), '00021'].join(',');
  assert.equal(parseEndFlowLine(old), { ...want, ...none }, 'a line of an agent before these columns');
  for (let count = 0; count < OLD_COLUMNS; count++) assert.is(firstOf(count), null);
  assert.is(parseEndFlowLine(text.replace('8443', 'x')), null);
});

test.run();
