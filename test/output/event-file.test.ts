import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PodSide, Side } from '../../src/model/connection.ts';
import { type NetworkEvent, summarize } from '../../src/model/event.ts';
import { EventCode, type EventName } from '../../src/model/event-code.ts';
import { EventFile, formatEvent } from '../../src/output/event-file.ts';
import { sampleConnection } from './sample-connection.ts';
import { makeScratch, readAll, removeScratch } from './scratch.ts';

const ORIGIN = { interfaceName: 'veth1a2b', podName: 'web-7c9f4', podNamespace: 'shop' };
const CONNECTION = summarize(sampleConnection());
const ALERT: NetworkEvent = {
  name: 'TLS_ALERT',
  timeUs: 1_700_000_000_123_456,
  value: 560,
  causeId: 'tls.alert.unknown-ca',
  cause: 'the client does not know the CA',
  connection: CONNECTION,
  by: Side.initiator,
};
const ENDS = '"srcIP":"192.168.7.200","dstIP":"10.96.0.1"';
const NOBODY = '"if":"veth1a2b","pid":"-1","cmd":"","processName":""';
const TIME = '"timemillis":"1700000000123","timemicros":"456"';
const ISO = '"time":"2023-11-14T22:13:20.123456Z"';
const POD = '"pod":"web-7c9f4","namespace":"shop"';

const CASES: readonly { readonly name: string; readonly event: NetworkEvent; readonly want: string }[] = [
  {
    name: 'an alert: keys and their order',
    event: ALERT,
    want: `{${ENDS},"nodeIP":0,"srcPort":40222,"dstPort":8443,"code":"00004","value":560,"quality":1,${NOBODY},${TIME},"latency":412,"extra":{"LatencyLocal":35,"evtSrc":0},${ISO},"name":"TLS_ALERT","cause":"the client does not know the CA",${POD},"causeId":"tls.alert.unknown-ca"}`,
  },
  {
    name: 'the pod is dst: the latencies change places; a known process; all that may be known more',
    event: {
      ...ALERT,
      name: 'TCP_RESET',
      value: 3,
      by: Side.responder,
      connection: {
        ...CONNECTION,
        podSide: PodSide.responder,
        midstream: true,
        process: { pid: 7, ppid: 1, uid: 0, name: 'nginx', commandLine: 'nginx: "worker"\n' },
      },
      confidence: 'the capture began later',
      tls: { version: 'TLS 1.3', serverName: 'a.example' },
      facts: { waitedMs: 5000 },
      pcap: 'dump_a.pcap',
    },
    want: `{${ENDS},"nodeIP":1,"srcPort":40222,"dstPort":8443,"code":"00002","value":3,"quality":0,"if":"veth1a2b","pid":"7","cmd":"nginx: \\"worker\\"\\n","processName":"nginx",${TIME},"latency":35,"extra":{"LatencyLocal":412,"evtSrc":1,"waitedMs":5000},${ISO},"name":"TCP_RESET","cause":"the client does not know the CA",${POD},"causeId":"tls.alert.unknown-ca","tls":{"version":"TLS 1.3","serverName":"a.example"},"pcap":"dump_a.pcap","midstream":true,"confidence":"the capture began later"}`,
  },
  {
    name: 'nobody knows where the pod is; nobody did it',
    event: {
      name: 'TCP_SYN_RETRANS',
      timeUs: 1_700_000_000_000_007,
      value: 1,
      causeId: 'tcp.syn.no-answer',
      cause: 'c',
      connection: { ...CONNECTION, podSide: PodSide.unknown, synAckLatencyUs: 0, ackLatencyUs: 0 },
    },
    want: `{${ENDS},"nodeIP":2,"srcPort":40222,"dstPort":8443,"code":"00001","value":1,"quality":1,${NOBODY},"timemillis":"1700000000000","timemicros":"7","latency":0,"extra":{"LatencyLocal":0},"time":"2023-11-14T22:13:20.000007Z","name":"TCP_SYN_RETRANS","cause":"c",${POD},"causeId":"tcp.syn.no-answer"}`,
  },
  {
    name: 'no connection at all: the same types',
    event: {
      name: 'VIF_DISAPPEARED',
      timeUs: ALERT.timeUs,
      value: 5,
      causeId: 'interface.gone',
      cause: 'gone',
      connection: null,
    },
    want: `{"srcIP":"","dstIP":"","nodeIP":2,"srcPort":0,"dstPort":0,"code":"00011","value":5,"quality":1,${NOBODY},${TIME},"latency":0,"extra":{"LatencyLocal":0},${ISO},"name":"VIF_DISAPPEARED","cause":"gone",${POD},"causeId":"interface.gone"}`,
  },
];

const format = suite('format');

for (const { name, event, want } of CASES) format(name, () => assert.is(formatEvent(event, ORIGIN), want));

format('each name has its code', () => {
  for (const [name, code] of Object.entries(EventCode)) {
    const event = JSON.parse(formatEvent({ ...ALERT, name: name as EventName }, ORIGIN));
    assert.equal([event.name, event.code], [name, code]);
  }
});

const QUALITIES: readonly (readonly [boolean | undefined, string | undefined, number])[] = [
  [undefined, undefined, 1],
  [undefined, 'why', 0],
  [true, 'why', 1],
  [false, undefined, 0],
  [false, 'why', 0],
];

for (const [certain, confidence, want] of QUALITIES) {
  format(`quality is ${want} when certain is ${certain} and confidence is ${confidence}`, () => {
    const event = {
      ...ALERT,
      ...(certain === undefined ? {} : { certain }),
      ...(confidence === undefined ? {} : { confidence }),
    };
    assert.is(JSON.parse(formatEvent(event, ORIGIN)).quality, want);
  });
}

format('a broken time does not throw', () => {
  for (const timeUs of [Number.NaN, Number.POSITIVE_INFINITY, -1, 1.8e19]) {
    assert.type(JSON.parse(formatEvent({ ...ALERT, timeUs }, ORIGIN)).time, 'string');
  }
});

format.run();

const file = suite('file');
file.after.each(removeScratch);

file('an event comes to the disk by itself, as a line of its own', async () => {
  const directory = makeScratch();
  let written: () => void = () => undefined;
  const done = new Promise<void>((resolve) => {
    written = resolve;
  });
  const events = new EventFile({ directory, onWritten: () => written() }, ORIGIN);
  events.write({ ...ALERT, cause: 'two\nlines' });
  await done;
  const found = await readAll(directory);
  assert.equal(Object.keys(found), ['netwevents_2023_11_14_22_13_20.log']);
  const text = found['netwevents_2023_11_14_22_13_20.log'];
  assert.is(text.indexOf('\n'), text.length - 1);
  assert.is(JSON.parse(text).cause, 'two\nlines');
  await events.file.close();
});

file('turns over after 10 MB', async () => {
  const directory = makeScratch();
  const events = new EventFile({ directory }, ORIGIN);
  const cause = 'x'.repeat(1_000_000);
  for (let i = 0; i < 11; i++) {
    events.write({ ...ALERT, cause, timeUs: ALERT.timeUs + i * 1_000_000 });
    await events.file.flush();
  }
  await events.file.close();
  const found = await readAll(directory);
  assert.equal(
    Object.entries(found).map(([name, text]) => [name, text.split('\n').length - 1]),
    [
      ['netwevents_2023_11_14_22_13_20.log', 10],
      ['netwevents_2023_11_14_22_13_30.log', 1],
    ],
  );
});

file.run();
