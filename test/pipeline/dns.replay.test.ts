import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DEFAULT_SETTINGS, type Settings } from '../../src/config/settings.ts';
import type { DnsQuestion } from '../../src/model/dns-question.ts';
import type { NetworkEvent } from '../../src/model/event.ts';
import { LinkType } from '../../src/model/link-type.ts';
import { LiveSettings } from '../../src/model/live-settings.ts';
import { engineMemory } from '../../src/model/memory-supply.ts';
import type { PacketRecords } from '../../src/model/packet-records.ts';
import { buildPipeline, type Pipeline } from '../../src/pipeline/pipeline.ts';
import { type Answered, answerBytes, dnsFrame, queryBytes, type Sent, T0_US } from '../track/dns-talk.ts';
import { type Captured, CapturedSource } from '../truth/captured.ts';
import { Conversation } from '../truth/conversation.ts';

const test = suite('DNS on its way through the pipeline');

interface Outcome {
  readonly pipeline: Pipeline;
  readonly events: NetworkEvent[];
  /** Codes of what occurred, told or not. */
  readonly occurred: string[];
  readonly questions: DnsQuestion[];
  readonly dumps: Map<string, PacketRecords>;
}

const captured = (atMs: number, bytes: Buffer): Captured => ({
  timeUs: T0_US + atMs * 1000,
  linkType: LinkType.ethernet,
  bytes,
  wireLengthBytes: bytes.length,
});
const query = (sent: Sent = {}) => captured(sent.atMs ?? 0, dnsFrame(sent, true, queryBytes(sent)));
const answer = (sent: Answered = {}) => captured(sent.atMs ?? 1, dnsFrame(sent, false, answerBytes(sent)));

/** Sends frames the whole way, and lets ten seconds pass behind them. */
function send(
  frames: readonly Captured[],
  change: Partial<Settings> = {},
  before?: (pipeline: Pipeline) => void,
): Outcome {
  const settings = new LiveSettings({ ...DEFAULT_SETTINGS, maxConnections: 100, bufferMb: 1, ...change });
  const events: NetworkEvent[] = [];
  const occurred: string[] = [];
  const questions: DnsQuestion[] = [];
  const dumps = new Map<string, PacketRecords>();
  const sink = {
    connectionBegan() {},
    connectionEnded() {},
    occurred: (name: string) => occurred.push(name),
    queryOccurred: ({ name }: NetworkEvent) => occurred.push(name),
    queryAnswered() {},
    questionEnded: (question: DnsQuestion) => questions.push(question),
    event: (event: NetworkEvent) => events.push(event),
    note() {},
  };
  const dumpSink = {
    reserveDump: () => `dump${dumps.size}`,
    writeDump: (name: string, records: PacketRecords) => dumps.set(name, records),
    releaseDump() {},
  };
  const pipeline = buildPipeline({ settings, seed: 7, memory: engineMemory, sink, dumpSink });
  before?.(pipeline);
  const source = new CapturedSource(frames);
  while (!pipeline.processor.drain(source, 1_000));
  const endUs = pipeline.processor.nowUs + 10_000_000;
  for (let us = pipeline.processor.nowUs; us < endUs; us += 100_000) while (pipeline.processor.advance(us));
  return { pipeline, events, occurred, questions, dumps };
}

/** A good lookup, by which the capture is known to see both directions. */
const good = [
  query({ name: 'first.example', port: 9, atMs: -20 }),
  answer({ name: 'first.example', port: 9, atMs: -19 }),
];
const told = ({ events }: Outcome) =>
  events.map(({ name, value, causeId, confidence }) => [name, value, causeId, confidence === undefined]);

test('no answer: told with its value, certain where both directions are seen', () => {
  const outcome = send([...good, query(), query({ port: 40_001, id: 2, atMs: 1 })]);
  assert.equal(told(outcome), [
    ['DNS_NO_ANSWER', 1, 'dns.no-answer', true],
    ['DNS_NO_ANSWER', 2, 'dns.no-answer', true],
  ]);
  const [{ connection, facts, timeUs }] = outcome.events as [NetworkEvent];
  assert.is(connection?.destinationAddress, '10.96.0.10');
  assert.is(connection?.destinationPort, 53);
  assert.is(facts?.dnsName, 'db.shop');
  assert.is(timeUs, T0_US + 2_000_000);
});

test('DNS_SECONDS and EVENTS_FOR_DNS', () => {
  const late = send([...good, query()], { dnsSeconds: 5 });
  assert.is(late.events[0]?.timeUs, T0_US + 5_000_000);
  const off = send([...good, query()], { eventsForDns: false });
  assert.equal([off.events, off.occurred], [[], []]);
});

test('where nothing of the other direction was seen, in doubt; certain once the query is repeated', () => {
  assert.equal(told(send([query()])), [['DNS_NO_ANSWER', 1, 'dns.no-answer', false]]);
  const repeated = told(send([query(), query({ atMs: 5_000 })]));
  assert.equal(repeated[1], ['DNS_NO_ANSWER', 2, 'dns.no-answer', true]);
});

test('where one direction only is seen nothing is said', () => {
  const talk = new Conversation({ serverPort: 80 }).open().ask('hello').answer('you').ask('more');
  const frames = talk.frames.filter(({ bytes }) => bytes[29] === talk.frames[0]?.bytes[29]);
  assert.equal(
    told(send([...frames, query({ atMs: 2_000 })])).filter(([name]) => name === 'DNS_NO_ANSWER'),
    [],
  );
});

test('where packets were lost since the query nothing is said', () => {
  const outcome = send([...good, query()], {}, ({ emitter }) => emitter.noteLoss(T0_US + 1));
  assert.equal(outcome.events, []);
  assert.is(outcome.questions.length, 2);
});

test('the pod that is asked is no client', () => {
  const outcome = send(
    [...good, query(), query({ id: 3, port: 7, name: 'x' }), answer({ id: 3, port: 7, name: 'x', rcode: 2 })],
    {
      podAddresses: ['10.96.0.10'],
    },
  );
  assert.equal(outcome.events, []);
});

test('the throttle thins what is told, and counts all', () => {
  const frames = Array.from({ length: 12 }, (_, i) => [
    query({ port: 41_000 + i, id: i, atMs: i * 1_000 }),
    answer({ port: 41_000 + i, id: i, rcode: 2, atMs: i * 1_000 + 1 }),
  ]).flat();
  const outcome = send(frames);
  assert.is(outcome.events.length, 4); // the 1st, 2nd, 3rd, 10th
  assert.is(outcome.occurred.length, 12);
  assert.is(send(frames, { eventThrottle: false }).events.length, 12);
});

test('the pcap has the query and the answer that tells the trouble', () => {
  const { events, dumps } = send([...good, query(), answer({ rcode: 5 })]);
  assert.is(events[0]?.pcap, 'dump0');
  assert.is(dumps.get('dump0')?.packets, 2);
  assert.is(dumps.get('dump0')?.linkType, LinkType.ethernet);
});

test('PCAP_PAYLOAD_BYTES cuts the packets of DNS too', () => {
  const whole = send([query(), answer({ rcode: 5 })]).dumps.get('dump0');
  const cut = send([query(), answer({ rcode: 5 })], { pcapPayloadBytes: 0 }).dumps.get('dump0');
  assert.is(cut?.packets, 2);
  assert.is(cut?.bytes.length, 2 * (16 + 14 + 20 + 8));
  assert.ok((whole?.bytes.length ?? 0) > (cut?.bytes.length ?? 0));
});

const framed = (bytes: Buffer) => Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);

test('over TCP: several questions in one connection, in pieces, and one that has no answer', () => {
  const talk = new Conversation({ serverPort: 53 }).open();
  const both = Buffer.concat([framed(queryBytes({})), framed(queryBytes({ id: 2, name: 'other.example' }))]);
  talk.ask(both.subarray(0, 9)).ask(both.subarray(9));
  talk.answer(framed(answerBytes({ id: 2, name: 'other.example' }))).answer(framed(answerBytes({})));
  talk.ask(framed(queryBytes({ id: 3, name: 'lost.example' })));
  const outcome = send(talk.frames);
  assert.equal(
    outcome.questions.map(({ name, rcode, isTcp }) => [name, rcode, isTcp]),
    [
      ['other.example', 0, true],
      ['db.shop', 0, true],
      ['lost.example', -1, true],
    ],
  );
  assert.equal(told(outcome).slice(0, 1), [['DNS_NO_ANSWER', 1, 'dns.no-answer', true]]);
  assert.match(outcome.events[0]?.cause ?? '', /over TCP/);
});

test('truncated over UDP, then asked again over TCP: one question', () => {
  const talk = new Conversation({ serverPort: 53 }).open().ask(framed(queryBytes({ name: 'big.example' })));
  talk.answer(framed(answerBytes({ name: 'big.example', records: 3 })));
  const startUs = talk.frames[0]?.timeUs ?? 0;
  const shift = T0_US - startUs;
  // the client of a conversation is 10.0.0.1, as that of the datagrams
  const frames = talk.frames.map((frame) => ({ ...frame, timeUs: frame.timeUs + shift }));
  const truncated = { name: 'big.example', isTruncated: true, records: 0 };
  const outcome = send([query({ name: 'big.example', atMs: -10 }), answer({ ...truncated, atMs: -9 }), ...frames]);
  assert.equal(
    outcome.questions.map(({ name, rcode, answers, queries, isTcp }) => [name, rcode, answers, queries, isTcp]),
    [['big.example', 0, 3, 2, true]],
  );
  assert.equal(outcome.events, []);
});

test('a flood of queries without an answer stays within what is told', () => {
  const frames = Array.from({ length: 20_000 }, (_, i) =>
    query({ name: `n${i}.example`, port: 1_024 + (i % 60_000), id: i & 0xffff, atMs: i / 10 }),
  );
  const outcome = send([...good, ...frames]);
  assert.ok(outcome.events.length <= 3_000, `${outcome.events.length}`);
  assert.is(outcome.questions.length, 20_001);
});

test.run();
