import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { constants, getPriority } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AgentRun, ENV_FILE, type EnvSettings, envFile } from '../lab/agent.ts';
import { freePort } from '../lab/free-port.ts';
import { Lab, type Pod } from '../lab/lab.ts';
import { capturesOn } from '../lab/packet-sockets.ts';
import type { LogLine } from '../lab/session-files.ts';
import { waitFor } from '../lab/wait.ts';
import { httpContent, plainContent } from '../tools/content.ts';
import { makeCapture } from '../tools/make-capture.ts';

const test = suite('Reload');
const PORT = 8080;

/** Waits for lines of a session's log. */
function logged(
  agent: AgentRun,
  { hostIndex }: Pod,
  wanted: (line: LogLine) => boolean,
  count = 1,
): Promise<LogLine[]> {
  return waitFor(
    `${count} such lines in log_notif`,
    () => {
      const lines = agent.files(hostIndex).log.filter(wanted);
      return lines.length >= count && lines;
    },
    { describe: () => agent.transcript() },
  );
}

const isChange = ({ msg }: LogLine) => msg.startsWith('settings changed');

/** Connects once, and waits until the session has written the connection down, or has had the time to. */
async function connectOnce(lab: Lab, from: Pod, to: Pod): Promise<void> {
  await lab.traffic(from.namespace, 'orderly', to.ipv4, PORT).output();
}

async function flows(agent: AgentRun, { hostIndex }: Pod, count: number): Promise<void> {
  await waitFor(`${count} flows`, () => agent.files(hostIndex).flows.length >= count, {
    describe: () => agent.transcript(),
  });
}

test('what is followed and reported changes in place; a bad value changes nothing', async () => {
  await Lab.use(async (lab) => {
    const [pod, server] = [lab.pod(), lab.pod()];
    await lab.serve(server.namespace, 'orderly', PORT);
    const agent = AgentRun.start(lab, lab.node);
    const configure = (settings: EnvSettings) =>
      agent.configure({ INTERFACE_INDEX_SNIF: pod.hostIndex, POD_NAME: 'web', ...settings });
    const directory = agent.sessionDirectory(pod.hostIndex);
    const oldDump = join(directory, 'dump_old.pcap');
    mkdirSync(directory);
    writeFileSync(oldDump, Buffer.alloc(3 << 20));
    configure({});
    await agent.capturing(pod.hostIndex);
    await connectOnce(lab, pod, server);

    const begin = Date.now();
    configure({ FOLLOW_PORT: PORT, FOLLOW_SECONDS: 1, SEARCH_HTTP_HEADER: 'X-Pepe' });
    const [change] = await logged(agent, pod, isChange);
    assert.equal(change?.['FOLLOW_PORT'], { from: '0', to: String(PORT) });
    assert.equal(change?.['SEARCH_HTTP_HEADER'], { from: '', to: 'X-Pepe' });
    assert.is(change?.['pod'], 'web');
    assert.ok(
      Date.parse(String(change?.['time'])) - begin < 5_000,
      'within a second on a machine with nothing else to do',
    );
    await connectOnce(lab, pod, server);
    await waitFor('a pcap', () => readdirSync(directory).some((name) => /^dump_10.*\.pcap$/.test(name)));

    configure({ FOLLOW_PORT: 70_000 });
    await agent.program.waitForOutput(/Cannot use FOLLOW_PORT="70000" \(.*line 3\): allowed is a whole number/);
    const [bad] = await logged(agent, pod, ({ level }) => level === 'error');
    assert.match(bad?.msg ?? '', /Cannot use FOLLOW_PORT="70000" .*: allowed is a whole number from 0 to 65535/);
    await connectOnce(lab, pod, server);
    await flows(agent, pod, 3);

    configure({ LOG_LEVEL: 'error', PCAP_FILTER: 'tcp port 9' });
    await logged(agent, pod, isChange, 2);
    await connectOnce(lab, pod, server); // outside the filter
    configure({ LOG_LEVEL: 'info', MAX_LOG_MB: 1 });
    await waitFor('the oldest file to go', () => !existsSync(oldDump));
    await connectOnce(lab, pod, server);
    await flows(agent, pod, 4);
    await agent.stop();

    const { log, flows: all, endFlows } = agent.files(pod.hostIndex);
    assert.is(log.filter(isChange).length, 3);
    assert.is(all.length, 4);
    assert.ok(
      endFlows.every(({ endType }) => endType === 0),
      'no connection was cut',
    );
    for (const kind of ['flows_', 'end_flows_', 'netwevents_', 'log_notif_']) {
      assert.is(readdirSync(directory).filter((name) => name.startsWith(kind)).length, 1, `one ${kind} file`);
    }
  });
});

test('the thread that reads packets goes before the others', async () => {
  await Lab.use(async (lab) => {
    const { program } = AgentRun.start(lab, lab.node);
    await program.waitForOutput(/Nothing to monitor yet/);
    const others = readdirSync(`/proc/${program.pid}/task`).map(Number);
    others.splice(others.indexOf(program.pid), 1);
    assert.is(getPriority(program.pid), constants.priority.PRIORITY_ABOVE_NORMAL);
    const workers = others.filter((thread) => getPriority(thread) === getPriority());
    assert.ok(workers.length > 0, 'those that compile and collect stay where they were');
  });
});

test('files come, change their interface, collide, and go; the directory too', async () => {
  await Lab.use(async (lab) => {
    const [one, two] = [lab.pod(), lab.pod()];
    await lab.serve(two.namespace, 'orderly', PORT);
    const HEALTH_PORT = String(await freePort());
    const agent = AgentRun.start(lab, lab.node, { HEALTH_PORT });
    const ready = () => lab.node.run('curl', '-sS', `http://127.0.0.1:${HEALTH_PORT}/readyz`);
    await agent.program.waitForOutput(/Nothing to monitor yet/);
    assert.is(ready(), 'ready\n');

    agent.configure({ INTERFACE_INDEX_SNIF: one.hostIndex });
    await agent.capturing(one.hostIndex);
    await connectOnce(lab, one, two);
    await flows(agent, one, 1);

    agent.configure({ INTERFACE_INDEX_SNIF: one.hostIndex }, '.second');
    await agent.program.waitForOutput(
      /Cannot use .*searchpod\.second: .*dlltagent_searchpod already monitors interface/,
    );
    assert.match(ready(), /^not ready\n.*searchpod: capturing.*\n.*searchpod\.second: refused/);

    agent.configure({ INTERFACE_INDEX_SNIF: two.hostIndex });
    await agent.capturing(two.hostIndex);
    await agent.capturing(one.hostIndex);
    await waitFor('the second file to be taken up', () => /^ready/.test(ready()), { describe: ready });
    await logged(agent, one, ({ msg }) => msg === 'settings changed, for which a new capture has to begin');
    await connectOnce(lab, one, two);
    await flows(agent, one, 2);
    await flows(agent, two, 1);

    rmSync(join(agent.configDirectory, ENV_FILE));
    await logged(agent, two, ({ msg }) => /this session ends: its env file .*searchpod was removed/.test(msg));
    await waitFor('the capture to end', () => !capturesOn(agent.program.pid, two.hostIndex));

    rmSync(agent.configDirectory, { recursive: true });
    await agent.program.waitForOutput(/Cannot read the directory .*; the sessions go on as they are/);
    await connectOnce(lab, one, two);
    await flows(agent, one, 3);
    agent.makeConfigDirectory();
    agent.configure({ INTERFACE_INDEX_SNIF: two.hostIndex });
    await agent.capturing(two.hostIndex);
    await logged(agent, one, ({ msg }) => /searchpod\.second was removed/.test(msg));
    assert.is((await agent.stop()).status, 0);
  });
});

test('saved in place and as a ConfigMap, as well as by renaming', async () => {
  await Lab.use(async (lab) => {
    const pod = lab.pod();
    const agent = await AgentRun.watch(lab, pod);
    const path = join(agent.configDirectory, ENV_FILE);
    for (const [n, save] of [
      (text: string) => writeFileSync(path, text),
      (text: string) => writeFileSync(path, text, { flag: 'r+' }),
      (text: string) => agent.publish(text),
      (text: string) => agent.publish(text),
    ].entries()) {
      save(envFile({ INTERFACE_INDEX_SNIF: pod.hostIndex, FOLLOW_PORT: 1_001 + n }));
      const lines = await logged(agent, pod, isChange, n + 1);
      assert.equal(lines[n]?.['FOLLOW_PORT'], { from: String(n === 0 ? 0 : 1_000 + n), to: String(1_001 + n) });
    }
    await agent.stop();
  });
});

test('100,000 packets/s: changes of what is followed lose no packet and no flow line', async () => {
  await Lab.use(async (lab) => {
    const pod = lab.pod();
    for (const where of [pod.namespace, lab.node]) where.set('net/ipv6/conf/all/disable_ipv6', 1);
    const capture = join(lab.directory, 'load.pcap');
    const made = makeCapture(capture, { connections: 500, contents: [httpContent, plainContent] });
    const loops = Math.ceil(300_000 / made.packets);
    const settings = { INTERFACE_INDEX_SNIF: pod.hostIndex, RING_MB: 384 }; // room for all of them, whoever stalls
    const agent = await AgentRun.watch(lab, pod, settings);
    const options = ['-i', 'eth0', '--pps', '100000', '--no-flow-stats', '--unique-ip', '--loop', String(loops)];
    const replay = lab.start(pod.namespace, ['tcpreplay', ...options, capture]);
    for (let n = 1; replay.running; n++) {
      agent.configure({
        ...settings,
        FOLLOW_PORT: 5_000 + n,
        SEARCH_HTTP_HEADER: n % 2 === 0 ? '' : `X-Pepe-${n}`,
        STALE_SECONDS: 100 - n,
      });
      await logged(agent, pod, isChange, n);
    }
    const sent = Number((await replay.output()).match(/Actual: (\d+) packets/)?.[1]);
    const allEnded = () => agent.files(pod.hostIndex).endFlows.length >= made.connections * loops;
    await waitFor('all ends', allEnded, { timeoutMs: 30_000, intervalMs: 200 });
    await agent.stop();
    const { log, flows: lines } = agent.files(pod.hostIndex);
    const counters = log.findLast(({ msg }) => msg === 'capture counters');
    assert.is(counters?.['received'], sent);
    assert.is(counters?.['kernelDrops'], 0);
    assert.is(counters?.['lostLines'], 0);
    assert.is(lines.length, made.connections * loops);
    assert.ok(log.filter(isChange).length >= 2, 'it changed while packets came');
  });
});

test.run();
