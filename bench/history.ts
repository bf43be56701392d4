import { PacketHistory } from '../src/history/packet-history.ts';
import { Frame } from '../src/model/frame.ts';
import { type Bench, type BenchResult, type BenchSettings, formatNumber, mebibytes } from './report.ts';

const MB = 1024 * 1024;
const BLOCK_BYTES = MB / 2;
/** What the kernel puts in front of an Ethernet frame in a ring block. */
const FRAME_HEADERS_BYTES = 82;
const BUDGET_BYTES = 128 * MB;
const RING_BYTES = 16 * MB;
const TOTAL_BYTES = 4e9;
const MOST_PACKETS = 8e6;
/** What the issue asks of large frames. */
const LIMIT_GB_PER_SECOND = 1;

/** "blocks": the source copies blocks of a packet ring into the history's store; "own": frames in memory of its own. */
type Source = 'blocks' | 'own';

interface Load {
  readonly name: string;
  readonly frameBytes: number;
  readonly connections: number;
  /** Packets of a connection until it ends; all of them when missing. */
  readonly packetsEach?: number;
}

interface Measurement extends Load {
  readonly source: Source;
  readonly nsPerPacket: number;
  readonly gigabytesPerSecond: number;
  readonly movedShare: number;
  readonly memoryBytes: number;
}

const LARGE_FRAMES: Load = { name: '200 connections, frames of 65,000 bytes', frameBytes: 65_000, connections: 200 };
const LOADS: readonly Load[] = [
  { name: '200 connections of 40 packets of 800 bytes', frameBytes: 800, connections: 200, packetsEach: 40 },
  { name: '1 connection, frames of 1,514 bytes', frameBytes: 1514, connections: 1 },
  { name: '200 connections, frames of 1,514 bytes', frameBytes: 1514, connections: 200 },
  LARGE_FRAMES,
  { name: '100,000 connections, frames of 100 bytes', frameBytes: 100, connections: 100_000 },
  { name: '100,000 connections of ten packets of 600 bytes', frameBytes: 600, connections: 100_000, packetsEach: 10 },
  { name: '100,000 connections, frames of 1,514 bytes', frameBytes: 1514, connections: 100_000 },
];

function measure(load: Load, source: Source, scale: number): Measurement {
  const { frameBytes, connections, packetsEach } = load;
  const ring = new Uint8Array(RING_BYTES).fill(0x5a);
  const ringView = new DataView(ring.buffer);
  const history = new PacketHistory({ maxConnections: connections, budgetBytes: BUDGET_BYTES });
  const { store } = history;
  const packets = Math.floor(scale * Math.min(MOST_PACKETS, TOTAL_BYTES / frameBytes));
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
  const seconds = (user + system) / 1e6;
  return {
    ...load,
    source,
    nsPerPacket: (seconds * 1e9) / packets,
    gigabytesPerSecond: (packets * frameBytes) / seconds / 1e9,
    movedShare: moved / kept,
    memoryBytes: history.memoryBytes,
  };
}

async function run({ scale }: BenchSettings): Promise<BenchResult> {
  const measurements = (['blocks', 'own'] as const).flatMap((source) =>
    LOADS.map((load) => measure(load, source, scale)),
  );
  const large = measurements.filter(({ name }) => name === LARGE_FRAMES.name);
  const slowest = Math.min(...large.map(({ gigabytesPerSecond }) => gigabytesPerSecond));
  const most = Math.max(...measurements.map(({ memoryBytes }) => memoryBytes));
  return {
    title: 'Packet history',
    method:
      'Frames of one size to connections in turn, in this process, CPU time of all threads. blocks: the source copies ' +
      'whole blocks of a packet ring into the history, which is part of the figure; own: frames in memory of the source.',
    columns: ['load', 'source', 'ns/packet', 'GB/s', 'moved %', 'memory MiB'],
    rows: measurements.map(({ name, source, nsPerPacket, gigabytesPerSecond, movedShare, memoryBytes }) => [
      name,
      source,
      Math.round(nsPerPacket),
      gigabytesPerSecond,
      Math.round(100 * movedShare),
      mebibytes(memoryBytes),
    ]),
    verdicts: [
      {
        goal: `at least ${LIMIT_GB_PER_SECOND} GB/s of frames of ${LARGE_FRAMES.frameBytes.toLocaleString('en-US')} bytes`,
        reached: slowest >= LIMIT_GB_PER_SECOND,
        measured: `${formatNumber(slowest)} GB/s`,
      },
      {
        goal: `never more memory than BUFFER_MB, ${mebibytes(BUDGET_BYTES)} MiB`,
        reached: most <= BUDGET_BYTES,
        measured: `${mebibytes(most)} MiB`,
      },
    ],
    raw: measurements,
  };
}

/** Bytes a second through the packets kept for pcaps, and the memory they take. */
export const history: Bench = { name: 'history', about: 'packets kept for pcaps: speed and memory', run };
