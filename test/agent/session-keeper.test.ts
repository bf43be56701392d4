import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CapturePlaceResolver } from '../../src/agent/capture-place-resolver.ts';
import { InterfaceClaims } from '../../src/agent/interface-claims.ts';
import { PodInterfaceLookup } from '../../src/agent/pod-interface-lookup.ts';
import { SessionKeeper } from '../../src/agent/session-keeper.ts';
import { Pulse } from '../../src/capture/pulse.ts';
import { planMemory } from '../../src/config/memory-plan.ts';
import { DEFAULT_SETTINGS } from '../../src/config/settings.ts';
import { ProcessKnowledge } from '../../src/process/process-knowledge.ts';
import { AgentMemory } from '../../src/session/agent-memory.ts';
import { waitFor } from '../lab/wait.ts';

interface Context {
  directory: string;
}

const test = suite<Context>('agent/session-keeper');

test.before.each((context) => {
  context.directory = mkdtempSync(join(tmpdir(), 'dllt-keeper-'));
});
test.after.each(({ directory }) => rmSync(directory, { recursive: true }));

test('a pod that is waited for is looked for less and less often, and at once when an interface appears', async ({
  directory,
}) => {
  const [script, searches] = ['find.sh', 'searches'].map((name) => join(directory, name));
  writeFileSync(searches, '');
  writeFileSync(script, `#!/bin/sh\necho >> ${searches}\necho Cannot find the pod >&2\nexit 1\n`, { mode: 0o755 });
  const count = () => readFileSync(searches, 'utf8').length;
  const lines: string[] = [];
  const keeper = new SessionKeeper('/etc/dllt/dlltagent_searchpod', {
    console: { out: (line) => lines.push(line), error: (line) => lines.push(line) },
    claims: new InterfaceClaims(() => undefined),
    locator: new CapturePlaceResolver(new PodInterfaceLookup(script)),
    shared: {
      logDirectory: directory,
      knowledge: new ProcessKnowledge(),
      feed: null,
      memory: new AgentMemory(planMemory(512)),
      pulse: new Pulse(),
    },
  });
  keeper.assign({ settings: { ...DEFAULT_SETTINGS, interfaceIndex: 'auto', podUid: 'u-1' }, complaints: [] });
  const begunMs = performance.now();
  const ended = keeper.run();
  try {
    await waitFor('five searches', () => count() === 5, { timeoutMs: 60_000 });
    const waitedMs = performance.now() - begunMs;
    assert.ok(waitedMs > 3_400, `half a second, one and two passed in between, not ${waitedMs} ms`);
    const beforeMs = performance.now();
    keeper.onInterfaceAppeared();
    await waitFor('the sixth search', () => count() === 6);
    assert.ok(performance.now() - beforeMs < 4_000, 'or it would have been looked anyway');
    assert.equal(lines, ['Waiting for the pod u-1: Cannot find the pod (/etc/dllt/dlltagent_searchpod)'], 'told once');
  } finally {
    keeper.end('the test is over');
    await ended;
  }
});

test.run();
