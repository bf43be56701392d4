/**
 * Bytes a second through the packet history, and the memory it takes.
 *
 *     node build/test/bench/history.js [BUDGET_MB]
 */
import { PacketHistory } from '../../src/history/packet-history.ts';
import { Frame } from '../../src/model/frame.ts';

const MB = 1024 * 1024;
const budgetBytes = Number(process.argv[2] ?? 128) * MB;
const ring = new Uint8Array(16 * MB).fill(0x5a);
const frame = new Frame();
frame.bytes = ring;
frame.view = new DataView(ring.buffer);

function run(name: string, frameBytes: number, connections: number, churn: boolean): void {
  const history = new PacketHistory({ maxConnections: Math.max(connections, 1), budgetBytes });
  const packets = Math.min(8e6, Math.floor(6e9 / frameBytes));
  const rssBefore = process.memoryUsage().rss;
  let at = 0;
  const begin = process.hrtime.bigint();
  for (let i = 0; i < packets; i++) {
    if (at + frameBytes > ring.length) at = i & 15;
    frame.start = at;
    frame.end = at + frameBytes;
    frame.wireLengthBytes = frameBytes;
    frame.timeUs = 1_700_000_000_000_000 + i;
    const slot = i % connections;
    if (churn && Math.floor(i / connections) % 10 === 0) history.drop(slot);
    history.keep(slot, frame);
    at += frameBytes;
  }
  const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
  const rss = process.memoryUsage().rss;
  process.stdout.write(
    `${name.padEnd(44)} ${(history.counters.keptBytes / seconds / 1e9).toFixed(2)} GB/s  ` +
      `${((seconds * 1e9) / packets).toFixed(0)} ns/packet  pool ${(history.memoryBytes / MB).toFixed(0)} MB  ` +
      `RSS ${(rss / MB).toFixed(0)} MB (${((rss - rssBefore) / MB).toFixed(0)} more)\n`,
  );
}

run('1 connection, frames of 1,514 bytes', 1514, 1, false);
run('200 connections, frames of 1,514 bytes', 1514, 200, false);
run('200 connections, frames of 65,000 bytes', 65_000, 200, false);
run('100,000 connections, frames of 100 bytes', 100, 100_000, false);
run('100,000 connections, ten frames of 600 bytes each', 600, 100_000, true);
run('100,000 connections, frames of 1,514 bytes', 1514, 100_000, false);
