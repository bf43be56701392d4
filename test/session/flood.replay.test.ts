import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AGENT } from '../lab/agent.ts';
import { type EventLine, readEvents } from '../lab/session-files.ts';
import { plainContent } from '../tools/content.ts';
import { type CaptureOptions, makeCapture } from '../tools/make-capture.ts';

const test = suite('floods');
const directory = mkdtempSync(join(tmpdir(), 'dllt-flood-'));
test.after(() => rmSync(directory, { recursive: true, force: true }));

/** Connections beside the flood, of which each is reset, and has to be told. */
const REAL = 60;
/** What a flood may take of the event file, for each kind of event: its allowance of 1,000, and 100 a second. */
const MOST_LINES = 4_500;

interface Flood extends Partial<CaptureOptions> {
  readonly connections: number;
  /** The events that it causes, and how many of them. */
  readonly wanted: Readonly<Record<string, number>>;
}

const FLOODS: Readonly<Record<string, Flood>> = {
  'SYNs from random sources': { attack: 'syn', connections: 60_000, wanted: { '00006': 60_000 } },
  'RSTs, half of them out of nowhere': { attack: 'rst', connections: 40_000, wanted: { '00002': 20_000 } },
  'ClientHellos, and then nothing': {
    attack: 'hello',
    connections: 20_000,
    wanted: { '00007': 20_000, '00008': 20_000 },
  },
  'a scan of all ports': { attack: 'scan', connections: 65_535, wanted: { '00009': 65_535 } },
};

function replay(flood: Flood, settings: string): EventLine[] {
  const [capture, out, env] = ['capture.pcap', 'out', 'settings'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  rmSync(out, { recursive: true, force: true });
  makeCapture(capture, {
    shape: 'flood',
    realConnections: REAL,
    resets: 1,
    contents: [plainContent],
    tailSeconds: 700,
    ...flood,
  });
  writeFileSync(env, settings);
  const { status, stderr } = spawnSync(process.execPath, [AGENT, 'replay', capture, '--out', out, '--env', env], {
    encoding: 'utf8',
  });
  assert.is(status, 0, stderr);
  return readEvents(out);
}

const byAttacker = ({ srcIP }: EventLine) => srcIP.startsWith('11.');

for (const [name, flood] of Object.entries(FLOODS)) {
  test(`${name}: told and summed up, within bounds, and everybody else is told of`, () => {
    const events = replay(flood, 'POD_IP=10.200.0.2\n');
    for (const [code, count] of Object.entries(flood.wanted)) {
      const told = events.filter((event) => event.code === code && byAttacker(event));
      assert.ok(told.length <= MOST_LINES, `${told.length} lines of ${code}`);
      const suppressed = told.reduce((sum, event) => sum + (event.suppressed ?? 0), 0);
      assert.is(told.length + suppressed, count, `${code}: what is told and what is summed up are all of them`);
      const summary = told.find((event) => event.suppressed !== undefined);
      assert.match(summary?.cause ?? '', /a flood: \d+ more of these within \d+ s are not told/);
    }
    const real = events.filter((event) => event.code === '00002' && !byAttacker(event));
    assert.ok(real.length > REAL / 2, `${real.length} real resets`); // 00002 is thinned by its own rule too
    assert.ok(real.every((event) => event.suppressed === undefined));
    assert.ok(
      real.every((event) => event.pcap !== undefined),
      'with their pcaps',
    );
  });
}

test('EVENT_THROTTLE=N: nothing is held back', () => {
  const events = replay({ attack: 'syn', connections: 5_000, wanted: {} }, 'EVENT_THROTTLE=N\n');
  assert.is(events.filter(({ code }) => code === '00006').length, 5_000);
  assert.ok(events.every(({ suppressed }) => suppressed === undefined));
});

test.run();
