import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AGENT } from '../lab/agent.ts';
import { readEvents, readFlows } from '../lab/session-files.ts';
import { assertGolden } from '../tools/golden.ts';
import { makeScenario } from './make-scenario.ts';
import { SCENARIOS } from './scenarios.ts';

const test = suite('golden replays');
const directory = mkdtempSync(join(tmpdir(), 'dllt-golden-'));
test.after(() => rmSync(directory, { recursive: true, force: true }));

const FILES = ['flows', 'end_flows', 'netwevents'];
/** What the agent does not hold back: the scenarios are small. */
const SETTINGS = 'EVENT_THROTTLE=N\nNO_EVENT_HTTP_CLIENT_RESET=N\nPOD_NAME=web\nPOD_NAMESPACE=shop\nPOD_IP=10.0.0.1\n';

/** Replays a capture; gives the directory with the files. */
function replay(capture: string, name: string): string {
  const out = join(directory, name);
  const env = join(directory, 'settings');
  writeFileSync(env, SETTINGS);
  const { status, stderr } = spawnSync(process.execPath, [AGENT, 'replay', capture, '--out', out, '--env', env], {
    encoding: 'utf8',
  });
  assert.is(status, 0, stderr);
  return out;
}

function read(out: string, kind: string): string {
  return readdirSync(out)
    .filter((name) => name.startsWith(`${kind}_2`))
    .sort()
    .map((name) => readFileSync(join(out, name), 'utf8'))
    .join('');
}

for (const scenario of SCENARIOS) {
  const capture = join(directory, `${scenario.name}.pcap`);
  writeFileSync(capture, makeScenario(scenario));

  test(`${scenario.name}: ${scenario.about}`, () => {
    const out = replay(capture, scenario.name);
    for (const kind of FILES) assertGolden(`${scenario.name}/${kind}.txt`, read(out, kind));
  });

  test(`${scenario.name}: the report`, () => {
    const call = { encoding: 'utf8', cwd: directory, env: { PATH: process.env['PATH'], COLUMNS: '100' } } as const;
    const { stdout, stderr } = spawnSync(process.execPath, [AGENT, 'report', scenario.name], call);
    assert.is(stderr, '');
    assertGolden(`${scenario.name}/report.txt`, stdout);
  });

  test(`${scenario.name}: a second replay gives the same files`, () => {
    const again = replay(capture, `${scenario.name}-again`);
    const first = join(directory, scenario.name);
    assert.equal(readdirSync(again).sort(), readdirSync(first).sort());
    for (const kind of FILES) assert.is(read(again, kind), read(first, kind));
  });

  test(`${scenario.name}: tshark counts the same`, () => {
    const out = join(directory, scenario.name);
    const events = readEvents(out);
    const fields = ['tcp.stream', 'tcp.flags.syn', 'tcp.flags.ack', 'tcp.flags.reset', 'tcp.analysis.retransmission'];
    const { stdout, status } = spawnSync(
      'tshark',
      ['-r', capture, '-T', 'fields', ...fields.flatMap((name) => ['-e', name])],
      {
        encoding: 'utf8',
      },
    );
    assert.is(status, 0);
    const rows = stdout
      .trim()
      .split('\n')
      .map((line) => line.split('\t'));
    const isSet = (field: string | undefined) => field === '1' || field === 'True';
    const began = new Set(rows.filter(([, , , reset]) => !isSet(reset)).map(([stream]) => stream));
    // a connection that goes on after it was let go is another one here
    const goesOn = scenario.name === 'stale' ? 1 : 0;
    assert.is(readFlows(out).length, began.size + goesOn, 'connections');
    const repeated = rows.filter(([, syn, ack, , again]) => isSet(syn) && !isSet(ack) && isSet(again)).length;
    assert.is(events.filter((event) => event.code === '00001').length, Math.min(repeated, 3), 'repeated SYNs');
    const reset = new Set(
      rows.filter(([stream, , , rst]) => isSet(rst) && began.has(stream)).map(([stream]) => stream),
    );
    const closed = scenario.name === 'refused-and-reset' ? 1 : 0; // one of the resets comes after a FIN
    const resets = events.filter((event) => event.code === '00002' || event.code === '00009');
    assert.is(resets.length, reset.size - closed, 'resets');
  });
}

test.run();
