import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConnectionType, EndType, Side } from '../../src/model/connection.ts';
import { END_FLOW_HEADER } from '../../src/model/flow-columns.ts';
import { appendEndFlow, EndFlowFile } from '../../src/output/end-flow-file.ts';
import { appendFlow, FLOW_HEADER, FlowFile } from '../../src/output/flow-file.ts';
import { isFromInternet, parseNetworks } from '../../src/output/internet.ts';
import { LineBuffer } from '../../src/output/line-buffer.ts';
import { INITIATOR_WORDS, RESPONDER_WORDS, sampleConnection } from './sample-connection.ts';
import { makeScratch, readAll, removeScratch } from './scratch.ts';

const PROCESS = { pid: 20_413, ppid: 1, uid: 1000, name: 'nginx', commandLine: 'nginx: master process' };
const IPV6_WORDS = [
  [0x20010db8, 0, 0, 0x11],
  [0xfd000000, 0, 0, 1],
];

const lines = suite('lines');

lines('the headers are those of the contract', () => {
  assert.is(
    FLOW_HEADER,
    '#srcIP,srcPort,dstIP,dstPort,pid,ppid,uid,processName,beginSec,beginUsec,fromInternet,interface',
  );
  assert.is(
    END_FLOW_HEADER,
    '#srcIP,srcPort,dstIP,dstPort,beginSec,beginUsec,endSec,endUsec,latency1,latency2,latency3,dataFrom,dataTo,connType,endType,evtSrc,quality,pid,ppid,uid,processName,latency4,retransmittedTo,retransmittedFrom,outOfOrderTo,outOfOrderFrom,rttToUs,rttFromUs,zeroWindowToMs,zeroWindowFromMs,httpErrors,srcName,dstName,failure',
  );
});

const CASES = [
  {
    name: 'IPv4, process unknown',
    connection: sampleConnection(),
    flow: '192.168.7.200,40222,10.96.0.1,8443,-1,-1,-1,?,1700000000,123456,0,veth1a2b',
    endFlow:
      '192.168.7.200,40222,10.96.0.1,8443,1700000000,123456,1700000001,7,412,35,2048,48230,1517,1,0,1,1,-1,-1,-1,?,731,1,2,3,4,5,6,7,8,9,,,',
  },
  {
    name: 'IPv6 from the internet, process known, in doubt',
    connection: sampleConnection({ ipVersion: 6, process: PROCESS, certain: false }, IPV6_WORDS),
    flow: '2001:db8::11,40222,fd00::1,8443,20413,1,1000,nginx,1700000000,123456,1,veth1a2b',
    endFlow:
      '2001:db8::11,40222,fd00::1,8443,1700000000,123456,1700000001,7,412,35,2048,48230,1517,1,0,1,0,20413,1,1000,nginx,731,1,2,3,4,5,6,7,8,9,,,',
  },
  {
    name: 'more bytes than 32 bits count, nothing else seen, reset by src',
    connection: sampleConnection({
      initiatorPort: 0,
      responderPort: 65_535,
      synAckLatencyUs: 0,
      ackLatencyUs: 0,
      tlsLatencyUs: 0,
      firstByteLatencyUs: 0,
      initiatorBytes: 5_000_000_000,
      responderBytes: 2 ** 53 - 1,
      connectionType: ConnectionType.unknown,
      endType: EndType.reset,
      endedBy: Side.initiator,
    }),
    flow: '192.168.7.200,0,10.96.0.1,65535,-1,-1,-1,?,1700000000,123456,0,veth1a2b',
    endFlow:
      '192.168.7.200,0,10.96.0.1,65535,1700000000,123456,1700000001,7,0,0,0,9007199254740991,5000000000,0,2,0,1,-1,-1,-1,?,0,1,2,3,4,5,6,7,8,9,,,',
  },
  {
    name: 'a name that would break the line; times of a whole second and with a fraction',
    connection: sampleConnection({
      process: { ...PROCESS, name: 'a,"b"\nc' },
      beginUs: 1_700_000_000_000_000,
      endUs: 1_700_000_000_999_999.5,
    }),
    flow: '192.168.7.200,40222,10.96.0.1,8443,20413,1,1000,a__b__c,1700000000,0,0,veth1a2b',
    endFlow:
      '192.168.7.200,40222,10.96.0.1,8443,1700000000,0,1700000000,999999,412,35,2048,48230,1517,1,0,1,1,20413,1,1000,a__b__c,731,1,2,3,4,5,6,7,8,9,,,',
  },
];

for (const { name, connection, flow, endFlow } of CASES) {
  lines(name, () => {
    const line = new LineBuffer();
    appendFlow(line, connection, [], 'veth1a2b');
    assert.is(line.toString(), flow);
    line.length = 0;
    appendEndFlow(line, connection);
    assert.is(line.toString(), endFlow);
  });
}

lines.run();

const internet = suite('fromInternet');

const own = parseNetworks(['198.51.100.0/24', '2001:db8:aaaa::/48', '203.0.113.7']);
const ORIGINS: readonly (readonly [string, boolean])[] = [
  ['8.8.8.8', true],
  ['0.0.0.0', false],
  ['10.255.0.1', false],
  ['11.0.0.1', true],
  ['100.63.255.255', true],
  ['100.64.0.1', false],
  ['100.127.255.255', false],
  ['100.128.0.0', true],
  ['127.8.8.8', false],
  ['169.254.1.1', false],
  ['172.15.255.255', true],
  ['172.16.0.0', false],
  ['172.31.255.255', false],
  ['172.32.0.0', true],
  ['192.167.255.255', true],
  ['192.168.0.1', false],
  ['198.51.100.9', false],
  ['198.51.101.9', true],
  ['203.0.113.7', false],
  ['203.0.113.8', true],
  ['2001:db8::1', true],
  ['2001:db8:aaaa:1::1', false],
  ['2001:db8:aaab::1', true],
  ['::', false],
  ['::1', false],
  ['::2', true],
  ['fe80::1', false],
  ['febf::1', false],
  ['fc00::1', false],
  ['fdff::1', false],
  ['2a00::1', true],
  ['::ffff:10.0.0.1', false],
  ['::ffff:8.8.8.8', true],
  ['::ffff:198.51.100.9', false],
];

for (const [address, want] of ORIGINS) {
  internet(`${address} is ${want ? '' : 'not '}on the internet`, () => {
    const [{ ipVersion, words }] = parseNetworks([address]);
    const unsigned = words.map((word) => word >>> 0);
    assert.is(isFromInternet(sampleConnection({ ipVersion }, [unsigned, RESPONDER_WORDS]), own), want);
  });
}

internet('own networks that cannot be used are named', () => {
  for (const bad of ['10.0.0.0/33', '10.0.0/8', 'fd00::/129', '10.0.0.0/8/8', '10.0.0.0/', 'x', '', 'fe80::1%eth0']) {
    assert.throws(() => parseNetworks([bad]), `Cannot use the network "${bad}": write it as 10.0.0.0/8 or fd00::/8`);
  }
});

internet.run();

const files = suite('files');
files.after.each(removeScratch);

files('are named by the time of their first line and have a header', async () => {
  const directory = makeScratch();
  const flows = new FlowFile({ directory }, 'veth1a2b', []);
  const ends = new EndFlowFile({ directory });
  const connection = sampleConnection({}, [INITIATOR_WORDS, RESPONDER_WORDS]);
  flows.write(connection);
  flows.write(connection);
  ends.write(connection);
  await Promise.all([flows.file.close(), ends.file.close()]);
  assert.equal(await readAll(directory), {
    'end_flows_2023_11_14_22_13_21.log': `${END_FLOW_HEADER}\n${CASES[0].endFlow}\n`,
    'flows_2023_11_14_22_13_20.log': `${FLOW_HEADER}\n${CASES[0].flow}\n${CASES[0].flow}\n`,
  });
});

files('turn over after 30,000 lines', async () => {
  const directory = makeScratch();
  const flows = new FlowFile({ directory }, 'veth1a2b', []);
  for (let i = 0; i < 60_001; i++) flows.write(sampleConnection());
  await flows.file.close();
  const found = await readAll(directory);
  assert.equal(
    Object.entries(found).map(([name, text]) => [name, text.split('\n').length - 2]),
    [
      ['flows_2023_11_14_22_13_20.log', 30_000],
      ['flows_2023_11_14_22_13_20_001.log', 30_000],
      ['flows_2023_11_14_22_13_20_002.log', 1],
    ],
  );
  assert.ok(Object.values(found).every((text) => text.startsWith(`${FLOW_HEADER}\n`)));
  assert.is(flows.file.counters.lostLines, 0);
  assert.is(flows.file.counters.writtenLines, 60_001);
});

files.run();
