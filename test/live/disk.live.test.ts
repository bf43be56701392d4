import { chmodSync, existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AgentRun, type EnvSettings } from '../lab/agent.ts';
import { Lab } from '../lab/lab.ts';
import { type EventLine, pcapNames, readEndFlows, readEvents, readFlows, readLog } from '../lab/session-files.ts';
import { Volume } from '../lab/volume.ts';
import { waitFor } from '../lab/wait.ts';
import { checkPcaps } from './pcaps.ts';

const test = suite('A disk that is full, broken, read-only or gone');
const MEBIBYTE = 1 << 20;
const RESETTING = 5_002;

/** A pod that is watched, whose agent writes to `volume`, and resets that it has to tell of. */
async function prepare(lab: Lab, volume: Volume, settings: EnvSettings, prefix: readonly string[] = []) {
  const [client, server] = [lab.pod(), lab.pod()];
  await lab.serve(server.namespace, 'reset', RESETTING);
  const env = { LOG_DIR: volume.directory('logs') };
  const all = { EVENT_THROTTLE: 'N', ...settings };
  const agent = await AgentRun.watch(lab, client, all, env, prefix);
  const directory = agent.sessionDirectory(client.hostIndex);
  await waitFor('the session', () => readLog(directory).some(({ msg }) => msg.startsWith('session started')));
  const describe = () => agent.transcript();
  return {
    agent,
    directory,
    change: (changed: EnvSettings) => agent.configure({ INTERFACE_INDEX_SNIF: client.hostIndex, ...all, ...changed }),
    /** Makes connections that are reset. */
    reset: (count = 1) => lab.traffic(client.namespace, 'reset', server.ipv4, RESETTING, count).output(),
    /** Waits until so many events are on the disk. */
    events: (count: number): Promise<EventLine[]> =>
      waitFor(
        `${count} events`,
        () => {
          const events = existsSync(directory) ? readEvents(directory) : [];
          return events.length >= count && events;
        },
        { describe },
      ),
    log: (pattern: RegExp) =>
      waitFor(`${pattern} in the log`, () => readLog(directory).find(({ msg }) => pattern.test(msg)), { describe }),
    printed: (pattern: RegExp) => agent.program.waitForOutput(pattern),
    async stop(): Promise<void> {
      const { status } = await agent.stop();
      assert.is(status, 0, agent.transcript());
      const pcaps = pcapNames(directory).map((name) => join(directory, name));
      if (pcaps.length > 0) checkPcaps(pcaps);
      assert.equal(
        readdirSync(directory).filter((name) => name.endsWith('.tmp')),
        [],
      );
    },
  };
}

/** What the last counters in the log say of what was not written. */
function lossesOf(directory: string): Record<string, unknown> {
  const counters = readLog(directory).findLast(({ msg }) => msg === 'capture counters');
  const names = ['lostLines', 'lostDumps', 'withheldLines', 'withheldDumps'];
  return Object.fromEntries(names.map((name) => [name, counters?.[name]]));
}

test('MIN_FREE_MB: pcaps stop below it, flow files below half of it, and both go on by themselves', async () => {
  await Lab.use(async (lab) => {
    const volume = Volume.inMemory(lab, 32);
    const { agent, change, directory, reset, events, log, stop } = await prepare(lab, volume, { MIN_FREE_MB: 8 });
    await reset();
    const [first] = await events(1);
    await waitFor('its pcap', () => pcapNames(directory).includes(first?.pcap ?? ''));

    volume.leave(6 * MEBIBYTE);
    await log(/^Cannot write pcaps any longer: .* fewer than 8388608/);
    await reset();
    const [, second] = await events(2);
    assert.is(second?.pcap, undefined, 'no pcap is announced');
    await waitFor('two lines of end_flows', () => readEndFlows(directory).length === 2);

    volume.leave(3 * MEBIBYTE);
    await log(/^Cannot write flow files any longer: .* fewer than 4194304/);
    await reset();
    await events(3);

    volume.leave(24 * MEBIBYTE);
    await log(/^pcaps are written again/);
    await log(/^flow files are written again/);
    await reset();
    const [, , , fourth] = await events(4);
    await waitFor('its pcap', () => pcapNames(directory).includes(fourth?.pcap ?? ''));
    change({ MIN_FREE_MB: 30 });
    await log(/^Cannot write pcaps any longer: .* fewer than 31457280/);
    await stop();
    assert.is(readFlows(directory).length, 3);
    assert.is(readEndFlows(directory).length, 3);
    assert.is(pcapNames(directory).length, 2);
    assert.equal(lossesOf(directory), { lostLines: 0, lostDumps: 0, withheldLines: 2, withheldDumps: 2 });
    assert.match(agent.program.stdout, /pcaps are written again/);
  });
});

test('a full disk: said once, what is lost is counted, and lines that waited come when there is room', async () => {
  await Lab.use(async (lab) => {
    const volume = Volume.inMemory(lab, 16);
    const { agent, directory, reset, events, printed, log, stop } = await prepare(lab, volume, { MIN_FREE_MB: 0 });
    await reset();
    await events(1);
    volume.leave(0);
    await reset(60); // more than what is left of the files' last pages
    await printed(/ error .*Cannot write .*ENOSPC/);
    volume.leave(8 * MEBIBYTE);
    await events(61);
    await log(/Cannot write .*ENOSPC/);
    await stop();
    assert.is(readEndFlows(directory).length, 61);
    assert.is(agent.program.stdout.match(/ error /g)?.length, 1, agent.program.stdout);
    const { lostLines, lostDumps } = lossesOf(directory);
    assert.is(lostLines, 0);
    assert.is(Number(lostDumps) + pcapNames(directory).length, 61);
  });
});

for (const [what, spoil, code] of [
  ['a disk that fails', (volume: Volume) => volume.breakDisk(), /EIO/],
  ['a disk that turns read-only', (volume: Volume) => volume.makeReadOnly(), /EROFS/],
] as const) {
  test(`${what}: the agent goes on, and writes new files when the disk is there again`, async () => {
    await Lab.use(async (lab) => {
      const volume = Volume.disk(lab);
      const { directory, reset, events, printed, stop } = await prepare(lab, volume, { MIN_FREE_MB: 1 });
      await reset();
      const [first] = await events(1);
      // a file that is being synced fails with EIO, whatever is wrong with the disk
      await waitFor('its pcap', () => pcapNames(directory).includes(first?.pcap ?? ''));
      spoil(volume);
      await reset();
      const [line] = await printed(/ error .*Cannot write .*/);
      assert.match(line, code);
      await reset();
      volume.replaceDisk();
      const [waiting] = await events(1);
      assert.is(waiting?.code, '00002', 'what waited is written');
      await reset();
      await events(2);
      await waitFor('a new pcap', () => pcapNames(directory).length > 0);
      await stop();
    });
  });
}

test('a directory that is removed is made again, with the right modes, under new names', async () => {
  await Lab.use(async (lab) => {
    const volume = Volume.inMemory(lab, 16);
    const { directory, reset, events, stop } = await prepare(lab, volume, { MIN_FREE_MB: 1 });
    await reset();
    await events(1);
    await waitFor('its pcap', () => pcapNames(directory).length === 1);
    rmSync(directory, { recursive: true });
    await reset();
    const [event] = await events(1);
    await waitFor('its pcap', () => pcapNames(directory).includes(event?.pcap ?? ''));
    assert.is(statSync(directory).mode & 0o777, 0o750);
    for (const name of readdirSync(directory)) assert.is(statSync(join(directory, name)).mode & 0o777, 0o640, name);
    await stop();
  });
});

test('a directory that may not be written any more: files that are open go on, pcaps are lost and counted', async () => {
  await Lab.use(async (lab) => {
    const volume = Volume.inMemory(lab, 16);
    const prefix = ['setpriv', '--bounding-set', '-dac_override', '--inh-caps', '-dac_override'];
    const { directory, reset, events, printed, stop } = await prepare(lab, volume, { MIN_FREE_MB: 1 }, prefix);
    chmodSync(directory, 0o550);
    await reset();
    await events(1);
    await printed(/ error .*Cannot write .*dump_.*EACCES/);
    chmodSync(directory, 0o750);
    await reset();
    const [, event] = await events(2);
    await waitFor('its pcap', () => pcapNames(directory).includes(event?.pcap ?? ''));
    await stop();
    assert.is(lossesOf(directory)['lostDumps'], 1);
  });
});

test.run();
