import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentRun } from '../lab/agent.ts';
import { freePort } from '../lab/free-port.ts';
import { Lab, type Pod } from '../lab/lab.ts';
import { MemoryGroup } from '../lab/memory-group.ts';
import type { Program } from '../lab/program.ts';
import { readLog } from '../lab/session-files.ts';
import { httpContent, plainContent, tlsContent } from '../tools/content.ts';
import { makeCapture } from '../tools/make-capture.ts';

const MIB = 1 << 20;
const NOBODY = 5_004;
const SAMPLE_MS = 50;
/** How long an event of a victim may take. */
const SOON_MS = 5_000;
const PACKETS_PER_SECOND = 50_000;

/** How much the agent goes through. */
export interface MemoryScene {
  readonly name: string;
  readonly limitMib: number;
  readonly sessions: number;
  /** Sources of the SYN flood of each session. */
  readonly syns: number;
  /** Ports that are tried in each session. */
  readonly ports: number;
  /** TLS connections that begin and never go on, and as many resets. */
  readonly alerts: number;
  /** Ordinary traffic of each session, in MB. */
  readonly trafficMb: number;
  /** Sessions that are attacked at the same time. */
  readonly atOnce: number;
}

/** What a scene showed. */
export interface MemoryReport {
  readonly name: string;
  readonly limitMib: number;
  readonly seconds: number;
  readonly survived: boolean;
  readonly killedByKernel: number;
  /** Resident memory of the process, capture rings included, at its highest. */
  readonly peakResidentMib: number;
  /** Without what is mapped and shared: program files and rings. */
  readonly peakAnonymousMib: number;
  /** What the control group was charged for at its highest, without page cache. */
  readonly peakChargedMib: number;
  readonly lastResidentMib: number;
  /** The victims' events that came in time. */
  readonly told: number;
  readonly asked: number;
  readonly kernelDrops: number;
  /** What the agent itself says of its memory, from its metrics. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** A sidecar, a node agent under attack, and a node agent with much to do. */
export const SCENES: readonly MemoryScene[] = [
  {
    name: 'sidecar',
    limitMib: 512,
    sessions: 1,
    syns: 1_000_000,
    ports: 200_000,
    alerts: 100_000,
    trafficMb: 80,
    atOnce: 1,
  },
  {
    name: 'flooded',
    limitMib: 2_048,
    sessions: 8,
    syns: 1_000_000,
    ports: 0,
    alerts: 0,
    trafficMb: 0,
    atOnce: 2,
  },
  { name: 'busy', limitMib: 2_048, sessions: 20, syns: 0, ports: 0, alerts: 0, trafficMb: 80, atOnce: 2 },
];

/** The highest of what is looked at again and again. */
class Peaks {
  residentMib = 0;
  anonymousMib = 0;
  chargedMib = 0;
  lastResidentMib = 0;
  readonly #timer: NodeJS.Timeout;

  constructor({ program }: AgentRun, group: MemoryGroup) {
    this.#timer = setInterval(() => {
      if (!program.running) return;
      try {
        this.#look(program, group);
      } catch {
        // it has just ended
      }
    }, SAMPLE_MS);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look({ pid }: Program, group: MemoryGroup): void {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const mib = (key: string) => Number(status.match(new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm'))?.[1] ?? 0) / 1024;
    this.lastResidentMib = mib('VmRSS');
    this.residentMib = Math.max(this.residentMib, mib('VmHWM'), this.lastResidentMib);
    this.anonymousMib = Math.max(this.anonymousMib, mib('RssAnon'));
    this.chargedMib = Math.max(this.chargedMib, group.usage().unreclaimableBytes / MIB);
  }
}

/** Lets an agent in a memory control group go through a scene. */
export async function memory(scene: MemoryScene): Promise<MemoryReport> {
  return Lab.use(async (lab) => {
    const group = new MemoryGroup(lab, scene.limitMib * MIB);
    const pods = Array.from({ length: scene.sessions }, () => lab.pod());
    const victim = lab.pod();
    const captures = makeCaptures(lab, scene);
    const HEALTH_PORT = String(await freePort());
    const agent = AgentRun.start(lab, lab.node, { HEALTH_PORT, UI: 'Y', UI_TOKEN: 'x' }, group.prefix);
    group.admit(agent.program);
    pods.forEach(({ hostIndex, ipv4 }, i) => {
      agent.configure({ INTERFACE_INDEX_SNIF: hostIndex, POD_IP: ipv4, MAX_LOG_MB: 256, MAX_PCAPS: 500 }, `.${i}`);
    });
    for (const { hostIndex } of pods) await agent.capturing(hostIndex, 60_000);
    const peaks = new Peaks(agent, group);
    const begin = performance.now();
    let asked = 0;
    let told = 0;
    const ask = async (pod: Pod) => {
      if (!agent.program.running) return;
      asked++;
      await lab.traffic(pod.namespace, 'refused', victim.ipv4, NOBODY, 1).output();
      const seen = ({ code, dstPort }: { code: string; dstPort: number }) => code === '00009' && dstPort === NOBODY;
      told += await agent.events(pod.hostIndex, seen, 1, SOON_MS).then(
        () => 1,
        () => 0,
      );
    };
    try {
      for (const capture of captures) {
        for (let first = 0; first < pods.length && agent.program.running; first += scene.atOnce) {
          const attacked = pods.slice(first, first + scene.atOnce);
          const loads = attacked.map((pod) => lab.start(pod.namespace, replayArgv(capture)));
          await sleep(500);
          await Promise.all(attacked.map(ask));
          await Promise.all(loads.map((load) => load.output()));
        }
      }
      await sleep(2_000);
    } finally {
      peaks.close();
    }
    const { running } = agent.program;
    const metrics = running
      ? memoryMetrics(lab.node.run('curl', '-sS', `http://127.0.0.1:${HEALTH_PORT}/metrics`))
      : {};
    const { kills } = group.usage();
    const { status } = await agent.stop();
    return {
      name: scene.name,
      limitMib: scene.limitMib,
      seconds: Math.round((performance.now() - begin) / 1_000),
      survived: running && kills === 0 && status === 0,
      killedByKernel: kills,
      peakResidentMib: Math.round(peaks.residentMib),
      peakAnonymousMib: Math.round(peaks.anonymousMib),
      peakChargedMib: Math.round(peaks.chargedMib),
      lastResidentMib: Math.round(peaks.lastResidentMib),
      told,
      asked,
      kernelDrops: dropsOf(agent, pods),
      metrics,
    };
  });
}

function makeCaptures(lab: Lab, { syns, ports, alerts, trafficMb }: MemoryScene): readonly string[] {
  const made: string[] = [];
  const path = (name: string) => {
    made.push(join(lab.directory, `${name}.pcap`));
    return made[made.length - 1] ?? '';
  };
  const flood = { shape: 'flood', realConnections: 0 } as const;
  if (trafficMb > 0) {
    const contents = [tlsContent, httpContent, plainContent];
    // about 8 KB a connection
    makeCapture(path('traffic'), { connections: Math.ceil((trafficMb * 1e6) / 8_000), contents, resets: 0.05 });
  }
  if (syns > 0) makeCapture(path('syn'), { ...flood, attack: 'syn', connections: syns });
  if (ports > 0) makeCapture(path('scan'), { ...flood, attack: 'scan', connections: ports });
  if (alerts > 0) {
    makeCapture(path('hello'), { ...flood, attack: 'hello', connections: alerts });
    makeCapture(path('rst'), { ...flood, attack: 'rst', connections: alerts });
  }
  return made;
}

function replayArgv(capture: string): readonly string[] {
  return ['tcpreplay', '-i', 'eth0', '-K', '--pps', `${PACKETS_PER_SECOND}`, '--no-flow-stats', capture];
}

/** What the agent says of its memory: the sum over its sessions of each metric. */
function memoryMetrics(text: string): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const [, name = '', labels = '', value] of text.matchAll(/^(dlltagent_memory\w*)(\{[^}]*\})? (\S+)$/gm)) {
    const use = labels.match(/use="(\w+)"/)?.[1];
    const key = use === undefined ? name : `${name} ${use}`;
    sums[key] = (sums[key] ?? 0) + Number(value);
  }
  return sums;
}

function dropsOf(agent: AgentRun, pods: readonly Pod[]): number {
  const drops = pods.map(({ hostIndex }) => {
    const counters = readLog(agent.sessionDirectory(hostIndex)).findLast(({ msg }) => msg === 'capture counters');
    return Number(counters?.['kernelDrops'] ?? 0);
  });
  return drops.reduce((sum, one) => sum + one, 0);
}
