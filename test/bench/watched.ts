import { median } from './measure.ts';
import { figures, type Measurement, measureAll, PLAIN_MIX } from './measure-load.ts';
import { type Bench, mebibytes } from './report.ts';

/** What being looked at costs is measured where nothing is shed, and when all code has run for a while. */
const EVEN_PACE = ['--pps', '300000'];
const EVEN_WARM_UP_LOOPS = 40;
const EVEN_TARGET_PACKETS = 9_000_000;

/** What being looked at by all that can look adds to the agent's work. */
export const watched: Bench = {
  name: 'watched',
  about: 'what a live page, Prometheus, Events and pcapng add to a packet',
  run: async ({ rounds, scale }) => {
    const programs = ['ring', 'watched'];
    const how = { warmUpLoops: EVEN_WARM_UP_LOOPS, pace: EVEN_PACE };
    const measurements = await measureAll(PLAIN_MIX, rounds, programs, EVEN_TARGET_PACKETS * scale, how);
    const of = (name: string, key: keyof Measurement) => figures(measurements, name, key);
    const cpu = of('ring', 'cpuSecondsPerMillion');
    const ratios = of('watched', 'cpuSecondsPerMillion').map((seconds, round) => seconds / (cpu[round] ?? 0));
    const lost = programs.flatMap((name) => of(name, 'lost'));
    return {
      title: 'Being looked at',
      method:
        `The packets of the load bench at ${EVEN_PACE[1]} a second, ${rounds} rounds of both in turn, after a warm-up of ${EVEN_WARM_UP_LOOPS} loops: ` +
        'pcapng, Events of the cluster, a live page that is open, and Prometheus every five seconds, against none of these.',
      columns: ['program', 'sent', 'lost', 'shed for s', 'packets/s', 'CPU s/million', 'from–to', 'peak RSS MiB'],
      rows: programs.map((name) => {
        const seconds = of(name, 'cpuSecondsPerMillion');
        return [
          name,
          median(of(name, 'sent')),
          of(name, 'lost').join(', '),
          of(name, 'shedSeconds').join(', '),
          Math.round(median(of(name, 'packetsPerSecond'))),
          median(seconds),
          `${Math.min(...seconds).toFixed(3)}–${Math.max(...seconds).toFixed(3)}`,
          mebibytes(median(of(name, 'peakRssBytes'))),
        ];
      }),
      verdicts: [
        {
          goal: 'at most 3 % more CPU per packet, and nothing lost',
          reached: median(ratios) <= 1.03 && lost.every((packets) => packets === 0),
          measured: `${ratios.map((ratio) => `${((ratio - 1) * 100).toFixed(1)} %`).join(', ')} more, ${lost.join(', ')} lost`,
        },
      ],
      raw: measurements,
    };
  },
};
