import { median } from './measure.ts';
import {
  CONNECTIONS,
  figures,
  type Measurement,
  type Mix,
  measureAll,
  PLAIN_MIX,
  PROGRAMS,
  TLS_MIX,
  TOP_SPEED,
} from './measure-load.ts';
import { type Bench, type BenchResult, type BenchSettings, mebibytes } from './report.ts';

const TARGET_PACKETS = 3_000_000;
const WARM_UP_LOOPS = 5;

async function run(mix: Mix, { rounds, scale, programs }: BenchSettings): Promise<BenchResult> {
  const selected = programs.length > 0 ? programs : Object.keys(PROGRAMS);
  const how = { warmUpLoops: WARM_UP_LOOPS, pace: TOP_SPEED };
  const measurements = await measureAll(mix, rounds, selected, TARGET_PACKETS * scale, how);

  const of = (name: string, key: keyof Measurement) => figures(measurements, name, key);
  const cpuOf = (name: string) => median(of(name, 'cpuSecondsPerMillion'));
  const reference = cpuOf('tcpdump');
  const rows = selected.map((name) => {
    const cpu = of(name, 'cpuSecondsPerMillion');
    return [
      name,
      median(of(name, 'sent')),
      Math.round(median(of(name, 'lost'))),
      `${((100 * median(of(name, 'lost'))) / median(of(name, 'sent'))).toFixed(2)} %`,
      of(name, 'shedSeconds').join(', '),
      Math.round(median(of(name, 'packetsPerSecond'))),
      median(cpu),
      `${Math.min(...cpu).toFixed(3)}–${Math.max(...cpu).toFixed(3)}`,
      cpuOf(name) / reference,
      mebibytes(median(of(name, 'peakRssBytes'))),
    ];
  });
  const verdicts = selected.includes('ring')
    ? [
        {
          goal: 'ring: no packet lost above 250,000 packets/s',
          reached:
            of('ring', 'lost').every((lost) => lost === 0) && Math.min(...of('ring', 'packetsPerSecond')) > 250_000,
          measured: `${of('ring', 'lost').join(', ')} lost`,
        },
        {
          goal: `ring: CPU per packet at most ${mix.ratioLimit} times that of tcpdump`,
          reached: cpuOf('ring') <= mix.ratioLimit * reference,
          measured: `${cpuOf('ring').toFixed(3)} against ${reference.toFixed(3)} s per million`,
        },
      ]
    : [];
  if (selected.includes('ring') && selected.includes('ebpf')) {
    verdicts.push({
      goal: 'ring: with eBPF at most 5 % more CPU per packet',
      reached: cpuOf('ebpf') <= 1.05 * cpuOf('ring'),
      measured: `${cpuOf('ebpf').toFixed(3)} against ${cpuOf('ring').toFixed(3)} s per million`,
    });
  }
  return {
    title: 'Live load: the same packets to every program',
    method:
      `tcpreplay -K --topspeed --unique-ip of ${CONNECTIONS} connections (${mix.about}) over a veth pair, ${rounds} rounds, programs in turn, ` +
      `medians. CPU is user and system time of the program and its children while the packets came and until it rested, per ` +
      `million packets seen, after a warm-up of ${WARM_UP_LOOPS} loops. tcpdump and tshark write to /dev/null with their default ` +
      'buffers and the filter tcp; the agent does everything and writes its files. Shed for: seconds of each round in which it did less (ADR 0015).',
    columns: [
      'program',
      'sent',
      'lost',
      'lost %',
      'shed for s',
      'packets/s',
      'CPU s/million',
      'from–to',
      'ratio to tcpdump',
      'peak RSS MiB',
    ],
    rows,
    verdicts,
    raw: measurements,
  };
}

/** The agent on its two sources against tcpdump and tshark, on one veth, with the same packets. */
export const load: Bench = {
  name: 'load',
  about: 'live load against tcpdump and tshark',
  run: (settings) => run(PLAIN_MIX, settings),
};

/** The same with packets in which the agent has more to read. */
export const loadTls: Bench = {
  name: 'load-tls',
  about: 'live load, half of it TLS, with a header search',
  run: (settings) => run(TLS_MIX, settings),
};
