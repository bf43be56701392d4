import { DnsFigures } from '../../src/model/dns-figures.ts';
import { LatencyBuckets } from '../../src/model/latency-buckets.ts';
import { MEMORY_USES, type MemoryFigures, type MemoryUse } from '../../src/model/memory-room.ts';
import type { SessionFigures } from '../../src/model/session-figures.ts';

function latencies(...us: readonly number[]): LatencyBuckets {
  const buckets = new LatencyBuckets();
  for (const latency of us) buckets.add(latency);
  return buckets;
}

/** What a session counted. */
export function sampleFigures(): SessionFigures {
  return {
    podName: 'web-0',
    podNamespace: 'shop',
    interfaceName: 'veth1',
    events: new Map([['TCP_RESET', 3]]),
    severities: { broken: 2, suspicious: 1, 'worth knowing': 0 },
    connectionsBegun: 12,
    connectionsEnded: [4, 0, 3, 0, 2, 0],
    halfOpen: 1,
    handshakes: latencies(90, 100, 101, 20_000_000),
    tlsHandshakes: latencies(),
    firstBytes: latencies(700),
    dns: new DnsFigures(),
    roundTrips: [latencies(40), latencies(300, 300)],
    retransmissions: [3, 5],
    answers: { '2xx': 7, '5xx': 1 },
    packets: 100,
    bytes: 6400,
    kernelDrops: 7,
    agentDrops: 0,
    table: { used: 12, limit: 1000 },
    evicted: 0,
    shedStep: 2,
    history: { used: 4096, limit: 8192 },
    disk: { used: 1, limit: 2 },
    lostLines: 0,
    lostDumps: 1,
    withheldLines: 0,
    withheldDumps: 3,
    refusedDumps: 2,
    memory: { usedBytes: uses({ rings: 4096 }), gaveWay: uses({ packets: 3 }) },
  };
}

function uses(some: Partial<Record<MemoryUse, number>>): Record<MemoryUse, number> {
  const none = Object.fromEntries(MEMORY_USES.map((use) => [use, 0])) as Record<MemoryUse, number>;
  return { ...none, ...some };
}

/** How an agent's memory is used. */
export function sampleMemory(): MemoryFigures {
  return { limitBytes: 1 << 29, programBytes: 1 << 27, usedBytes: uses({ table: 1024 }), gaveWay: uses({}) };
}
