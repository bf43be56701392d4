/**
 * Time a packet takes in the packet history, and the memory.
 *
 *     node build/test/bench/history.js [BUDGET_MB]
 *
 * "blocks": the source copies blocks of a packet ring into the history's store, which is part of the figure; "own": it
 * hands out frames in memory of its own.
 */
import { PacketHistory } from '../../src/history/packet-history.ts';
import { Frame } from '../../src/model/frame.ts';

const MB = 1024 * 1024;
const BLOCK_BYTES = MB / 2;
/** What the kernel puts in front of an Ethernet frame in a ring block. */
const FRAME_HEADERS_BYTES = 82;
const budgetBytes = Number(process.argv[2] ?? 128) * MB;
const ring = new Uint8Array(16 * MB).fill(0x5a);
const ringView = new DataView(ring.buffer);

interface Load {
  readonly frameBytes: number;
  readonly connections: number;
  /** Packets of a connection until it ends; all of them when missing. */
  readonly packetsEach?: number;
}

function run(name: string, { frameBytes, connections, packetsEach }: Load, source: 'blocks' | 'own'): void {
  const history = new PacketHistory({ maxConnections: connections, budgetBytes });
  const { store } = history;
  const packets = Math.min(8e6, Math.floor(4e9 / frameBytes));
  const rssBefore = process.memoryUsage().rss;
  const frame = new Frame();
  const stepBytes = (FRAME_HEADERS_BYTES + frameBytes + 15) & ~15;
  let ringAt = 0;
  let at = 0;
  let end = 0;
  const begin = process.cpuUsage();
  for (let i = 0; i < packets; i++) {
    if (at + stepBytes > end) {
      at = source === 'blocks' ? store.take(BLOCK_BYTES) : ringAt;
      if (source === 'blocks') store.bytes.set(ring.subarray(ringAt, ringAt + BLOCK_BYTES), at);
      frame.bytes = source === 'blocks' ? store.bytes : ring;
      frame.view = source === 'blocks' ? store.view : ringView;
      end = at + BLOCK_BYTES;
      ringAt = (ringAt + BLOCK_BYTES) % ring.length;
    }
    frame.start = at + FRAME_HEADERS_BYTES;
    frame.end = frame.start + frameBytes;
    frame.wireLengthBytes = frameBytes;
    frame.timeUs = 1_700_000_000_000_000 + i;
    const slot = i % connections;
    if (packetsEach !== undefined && Math.floor(i / connections) % packetsEach === 0) history.drop(slot);
    history.keep(slot, frame);
    at += stepBytes;
  }
  const { user, system } = process.cpuUsage(begin);
  const { moved, kept } = history.counters();
  const rss = process.memoryUsage().rss;
  console.log(
    `${name.padEnd(52)} ${source.padEnd(6)} ${(((user + system) * 1e3) / packets).toFixed(0).padStart(5)} ns/packet, ` +
      `moved ${((100 * moved) / kept).toFixed(0)} %, memory ${(history.memoryBytes / MB).toFixed(0)} MB, ` +
      `RSS ${(rss / MB).toFixed(0)} MB (${((rss - rssBefore) / MB).toFixed(0)} more)`,
  );
}

for (const source of ['blocks', 'own'] as const) {
  run('200 connections of 40 packets of 800 bytes', { frameBytes: 800, connections: 200, packetsEach: 40 }, source);
  run('1 connection, frames of 1,514 bytes', { frameBytes: 1514, connections: 1 }, source);
  run('200 connections, frames of 1,514 bytes', { frameBytes: 1514, connections: 200 }, source);
  run('200 connections, frames of 65,000 bytes', { frameBytes: 65_000, connections: 200 }, source);
  run('100,000 connections, frames of 100 bytes', { frameBytes: 100, connections: 100_000 }, source);
  const short = { frameBytes: 600, connections: 100_000, packetsEach: 10 };
  run('100,000 connections of ten packets of 600 bytes', short, source);
  run('100,000 connections, frames of 1,514 bytes', { frameBytes: 1514, connections: 100_000 }, source);
}
