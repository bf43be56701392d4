import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Agent } from '../../src/agent/agent.ts';
import { waitFor } from '../lab/wait.ts';
import { type Holdings, holdings, sameHoldings } from '../tools/holdings.ts';

interface Context {
  directory: string;
  before: Holdings;
}

const test = suite<Context>('agent/agent');

/** An agent that reads its env files in `directory`, and looks for pods with a program that finds none. */
function agentIn(directory: string, lines: string[] = [], error = (line: string) => void lines.push(line)): Agent {
  return new Agent(
    {
      configDirectory: join(directory, 'config'),
      logDirectory: join(directory, 'logs'),
      healthPort: 0,
      healthAddresses: [],
      isPageServed: true,
      pageToken: '',
      memoryMb: 512,
    },
    '/bin/false',
    { out: () => undefined, error },
  );
}

async function runUntil(agent: Agent, isReached: () => boolean): Promise<boolean> {
  const ended = agent.run();
  await waitFor('what the agent is to reach', isReached);
  agent.stop();
  return ended;
}

test.before(async (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'dllt-agent-'));
  context.directory = directory;
  mkdirSync(join(directory, 'config'));
  writeFileSync(join(directory, 'config/dlltagent_searchpod'), 'INTERFACE_INDEX_SNIF=auto\nPOD_UID=u-1\n');
  for (let n = 0; n < 2; n++) {
    const agent = agentIn(directory);
    await runUntil(agent, () => agent.sessions()[0]?.state === 'waiting');
  }
  // the last search was killed, and the handle of the watch closes with the event loop
  const transient = ['ProcessWrap', 'FSEventWrap'];
  await waitFor('rest', () => !holdings().resources.some((kind) => transient.includes(kind)));
  context.before = holdings();
});
test.after(({ directory }) => rmSync(directory, { recursive: true }));

test('an agent that has not run holds nothing, and can be closed', async ({ directory, before }) => {
  const agent = agentIn(directory);
  await sameHoldings(before, 'not run');
  await Promise.all([agent.close(), agent.close()]);
  await sameHoldings(before, 'closed');
});

test('nothing is left of one that was stopped', async ({ directory, before }) => {
  const agent = agentIn(directory);
  assert.is(await runUntil(agent, () => agent.sessions()[0]?.state === 'waiting'), true);
  await sameHoldings(before, 'stopped');
});

test('nothing is left of one that has nothing to begin with', async ({ directory, before }) => {
  const lines: string[] = [];
  const agent = agentIn(join(directory, 'nowhere'), lines);
  assert.is(await agent.run(), false);
  assert.match(lines[0] ?? '', /^Cannot /);
  await sameHoldings(before, 'nothing to begin with');
});

test('one that fails on the way ends its sessions', async ({ directory, before }) => {
  const config = join(directory, 'config');
  let isBroken = false;
  const agent = agentIn(directory, [], () => {
    if (isBroken) throw new Error('broken: console');
  });
  const ended = agent.run().catch((error: Error) => error.message);
  await waitFor('a session', () => agent.sessions()[0]?.state === 'waiting');
  isBroken = true;
  writeFileSync(join(config, 'dlltagent_searchpod'), 'POD_UID=u-1\nINTERFACE_INDEX_SNIF=none\n');
  assert.is(await ended, 'broken: console');
  await sameHoldings(before, 'failed');
});

test.run();
