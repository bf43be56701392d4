import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { WorkBudget } from '../../src/limits/work-budget.ts';
import { ConnectionTracer } from '../../src/process/connection-tracer.ts';
import { ProcessFacts, readIdentity } from '../../src/process/process-facts.ts';
import { waitFor } from '../lab/wait.ts';

test('a process is described as /proc does', () => {
  const own = readIdentity(process.pid);
  assert.is(own?.pid, process.pid);
  assert.is(own?.ppid, process.ppid);
  assert.is(own?.uid, process.getuid?.());
  assert.is(own?.name, readFileSync('/proc/self/comm', 'utf8').trimEnd());
  assert.match(own?.commandLine ?? '', /process-facts\.test\.js/);
  assert.is(readIdentity(2 ** 22 + 1), null);
});

test('the same process is the same object', () => {
  const facts = new ProcessFacts();
  const first = facts.of(process.pid, 0);
  assert.is(facts.of(process.pid, 10), first);
  assert.is(facts.of(process.pid, 5_000), first, 'read again, and unchanged');
  assert.is(facts.of(2 ** 22 + 1, 0), null);
});

for (const [what, program, name] of [
  ['another program', 'exec sleep 600', 'sleep'],
  ['the same program with other arguments', 'exec sh -c "read y; :" other', 'sh'],
] as const) {
  test(`a process that calls exec is ${what} at once`, async () => {
    const child = spawn('sh', ['-c', `read x; ${program}`], { stdio: ['pipe', 'ignore', 'ignore'] });
    const pid = child.pid ?? 0;
    const facts = new ProcessFacts();
    const before = await waitFor('the shell', () => {
      const identity = facts.of(pid, 0);
      return identity?.commandLine.includes('read x') && identity;
    });
    assert.is(before.name, 'sh');
    assert.is(facts.of(pid, 1), before);
    child.stdin.write('\n');
    await waitFor('exec', () => readIdentity(pid)?.commandLine.includes('read x') === false);
    const after = facts.of(pid, 1);
    assert.is(after?.name, name);
    assert.not.match(after?.commandLine ?? '', /read x/);
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.is(facts.of(pid, 1), null);
  });
}

test('a process that the kernel told of has its command line only while it lives', () => {
  const facts = new ProcessFacts();
  const name = readFileSync('/proc/self/comm', 'utf8').trimEnd();
  const pidNamespace = statSync('/proc/self/ns/pid').ino;
  const owner = {
    startedNs: 1,
    tgid: process.pid,
    pid: process.pid,
    parent: 1,
    uid: 0,
    innerPid: process.pid,
    pidNamespace,
    threadName: 'thread',
    name,
  };
  const living = facts.ofOwner(owner);
  assert.match(living.commandLine, /process-facts\.test\.js/);
  assert.is(facts.ofOwner({ ...owner, pid: 1, threadName: 'other' }), living);
  const other = facts.ofOwner({ ...owner, startedNs: 2, name: 'gone', innerPid: 7 });
  assert.equal(other, { pid: process.pid, podPid: 7, ppid: 1, uid: 0, name: 'gone', commandLine: '' });
});

test('a budget is saved up to its burst and can be overdrawn once', () => {
  const budget = new WorkBudget(0.1, 50);
  assert.ok(budget.allows(0));
  budget.spend(60);
  assert.not(budget.allows(0));
  assert.not(budget.allows(100));
  assert.ok(budget.allows(101));
  budget.spend(1);
  assert.ok(budget.allows(10_000));
  budget.spend(50);
  assert.not(budget.allows(10_000), 'what was saved ends with the burst');
  assert.is(budget.spentMs, 111);
});

test('without the compiled program eBPF says what to do', () => {
  assert.throws(
    () => new ConnectionTracer().watch(1, () => undefined),
    /^Cannot use eBPF: .*connections\.bpf\.o is missing; build it with clang: npm run build$/,
  );
});

test.run();
