import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PodSide } from '../../src/model/connection.ts';
import type { DnsQuestion } from '../../src/model/dns-question.ts';
import { DnsFile } from '../../src/output/dns-file.ts';
import { makeScratch, removeScratch } from './scratch.ts';

const test = suite('dns files');
test.after(removeScratch);

const QUESTION: DnsQuestion = {
  clientAddress: '10.0.0.7',
  clientPort: 40_222,
  resolverAddress: '10.96.0.10',
  resolverPort: 53,
  podSide: PodSide.initiator,
  name: 'db.shop',
  candidate: 'db.shop.svc.cluster.local',
  type: 'A',
  firstUs: 1_700_000_000_000_012,
  rcode: 0,
  answers: 2,
  matches: 2,
  latencyUs: 1_517,
  queries: 3,
  candidates: 2,
  isTcp: false,
  isHalfAnswered: false,
  isForeign: false,
};

test('a header, and a line for each question; what would end a field or a line is not in a name', async () => {
  const directory = makeScratch();
  const file = new DnsFile({ directory });
  file.write(QUESTION);
  file.write({
    ...QUESTION,
    name: '=1,2\n',
    resolverAddress: 'fd00::a',
    type: 'TYPE65280',
    rcode: -1,
    answers: 0,
    latencyUs: -1,
  });
  await file.file.close();
  const [name = ''] = readdirSync(directory);
  assert.match(name, /^dns_2023_11_14_22_13_20\.log$/);
  assert.is(
    readFileSync(join(directory, name), 'utf8'),
    '#time,clientPort,resolver,name,type,rcode,answers,latency,queries,candidates\n' +
      '1700000000.000012,40222,10.96.0.10,db.shop,A,0,2,1517,3,2\n' +
      '1700000000.000012,40222,fd00::a,_1_2_,TYPE65280,-1,0,-1,3,2\n',
  );
});

test.run();
