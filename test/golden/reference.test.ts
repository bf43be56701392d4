import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { diagnose } from '../../src/report/read-session.ts';
import { findSessions } from '../../src/report/session-files.ts';
import { makeScratch, removeScratch } from '../output/scratch.ts';
import { endFlowLine, eventLine, SampleSession, T0_US } from '../report/sample-files.ts';
import { type ReferenceSamples, referenceTables, untoldRows, withTables } from '../tools/reference.ts';

const test = suite('docs/REFERENCE.md');
test.after(removeScratch);

const PATH = join(process.cwd(), 'docs/REFERENCE.md');

async function samples(): Promise<ReferenceSamples> {
  const sample = new SampleSession(makeScratch());
  sample.events(eventLine());
  sample.endFlows(endFlowLine(T0_US));
  sample.questions('1700000000.000000,40001,10.96.0.10,api.example.com,A,0,1,900,3,3\n');
  const [files] = await findSessions([sample.directory]);
  if (files === undefined) throw new Error('there is no session');
  const session = await diagnose(files, { sinceUs: 0, nowUs: T0_US });
  const { findings, services, resolvers, costlyNames } = session;
  return {
    session,
    finding: findings[0] ?? {},
    service: services[0] ?? {},
    resolver: resolvers[0] ?? {},
    nameCost: costlyNames[0] ?? {},
  };
}

const linesOnlyIn = (text: string, other: string) => {
  const others = new Set(other.split('\n'));
  return text.split('\n').filter((line) => !others.has(line));
};

test('its tables are what the code has, and every row is explained', async () => {
  const tables = referenceTables(await samples());
  const document = readFileSync(PATH, 'utf8');
  const want = withTables(document, tables);
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(PATH, want);
  else assert.equal(linesOnlyIn(document, want), linesOnlyIn(want, document), 'npm run golden prints the tables anew');
  assert.equal(untoldRows(want, tables), []);
});

test.run();
