/*
 * Measures the bare loop over a source, without anything behind it:
 *
 *   node build/bench/sources.js ring [SECONDS] [RING_MB]   frames over a veth pair, sent by tcpreplay
 *   node build/bench/sources.js cap [SECONDS]              the same with the package cap
 *   node build/bench/sources.js file [FRAMES]              a capture file in the page cache
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openFileSource } from '../src/capture/file-source.ts';
import { openSource } from '../src/capture/open-source.ts';
import type { PacketSource } from '../src/capture/packet-source.ts';
import { Frame } from '../src/model/frame.ts';
import { withLab } from '../test/capture/lab.ts';
import { pcapFile, recordsOf, tcpFrame } from '../test/tools/capture-bytes.ts';

/** Frames read between two turns of the event loop, as a session does it. */
const BATCH_FRAMES = 4096;

/** Frames of mixed lengths, 470 bytes in the mean. */
function mixedFrames(count: number): Buffer[] {
  const lengths = [0, 0, 0, 100, 500, 1400, 0, 1300];
  return Array.from({ length: count }, (_, i) => tcpFrame(1000 + (i % 60_000), Buffer.alloc(lengths[i % 8] ?? 0)));
}

/** Reads to the end, or until `stop` is true; gives a number that depends on every frame. */
async function readBare(source: PacketSource, stop: () => boolean): Promise<number> {
  const frame = new Frame();
  let sum = 0;
  while ((await source.ready()) === 'readable' && !stop()) {
    let left = BATCH_FRAMES;
    while (left-- > 0 && source.next(frame)) sum = (sum + frame.view.getUint16(frame.start + 12)) | 0;
    if (left < 0) await new Promise(setImmediate);
  }
  return sum;
}

function report(what: string, source: PacketSource, cpu: NodeJS.CpuUsage, wallMs: number): void {
  const { frames, kernelDrops, agentDrops } = source.counters();
  const cpuSeconds = (cpu.user + cpu.system) / 1e6;
  console.log(
    `${what}: ${frames} frames in ${(wallMs / 1e3).toFixed(2)} s (${Math.round(frames / wallMs)}k/s), ` +
      `CPU ${((cpuSeconds / frames) * 1e6).toFixed(3)} s per million frames (user ${(cpu.user / frames).toFixed(3)}), ` +
      `dropped by the kernel ${kernelDrops}, by the source ${agentDrops}, ` +
      `RSS ${(process.memoryUsage.rss() / 2 ** 20).toFixed(0)} MiB`,
  );
}

async function benchLive(backend: 'ring' | 'cap', seconds: number, ringMb: number): Promise<void> {
  await withLab(async (lab) => {
    const file = lab.file(pcapFile(recordsOf(mixedFrames(20_000))));
    const { source } = openSource(backend, { interfaceIndex: lab.hostIndex, side: 'host', ringMb });
    const args = ['-q', '-K', '--topspeed', '--loop', '1000000', '-i', lab.podName, file];
    const sender = spawn('ip', ['netns', 'exec', lab.namespace, 'tcpreplay', ...args], { stdio: 'ignore' });
    const exited = once(sender, 'exit');
    await source.ready();
    const cpu = process.cpuUsage();
    const begin = performance.now();
    await readBare(source, () => performance.now() - begin > seconds * 1e3);
    report(source.description, source, process.cpuUsage(cpu), performance.now() - begin);
    sender.kill('SIGKILL');
    await exited;
    source.close();
  });
}

async function benchFile(count: number): Promise<void> {
  await withLab(async (lab) => {
    const frames = mixedFrames(8);
    const records = recordsOf(Array.from({ length: count }, (_, i) => frames[i & 7] as Buffer));
    const file = lab.file(pcapFile(records));
    records.length = 0;
    for (let round = 0; round < 3; round++) {
      const source = await openFileSource(file);
      const cpu = process.cpuUsage();
      const begin = performance.now();
      await readBare(source, () => false);
      report(`file, round ${round + 1}`, source, process.cpuUsage(cpu), performance.now() - begin);
      source.close();
    }
  });
}

const [what, amount, ringMb] = process.argv.slice(2);
if (what === 'ring' || what === 'cap') await benchLive(what, Number(amount ?? 5), Number(ringMb ?? 16));
else if (what === 'file') await benchFile(Number(amount ?? 2_000_000));
else console.log('Say what to measure: ring, cap or file');
