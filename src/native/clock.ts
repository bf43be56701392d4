import koffi from 'koffi';

/* The clocks of clock_gettime(2), which Node shows with less than their resolution, or without saying which it is. */

const clockGetTime = koffi.load(null).func('int clock_gettime(int clock, void *time)') as (
  clock: number,
  time: Uint8Array,
) => number;

const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;
const CLOCK_THREAD_CPUTIME_ID = 3;
/** Looks at two clocks that lie this close together tell their difference well enough. */
const CLOSE_ENOUGH_US = 20;
const MOST_LOOKS = 10;

const clock = new BigInt64Array(2);
const clockBytes = new Uint8Array(clock.buffer);

/**
 * What makes a time of CLOCK_MONOTONIC one of the wall clock, in microseconds since 1970-01-01 UTC. Right to a few
 * microseconds also on a busy machine, where another program may have its turn between two looks at a clock.
 */
export function monotonicOffsetUs(): number {
  let offsetUs = 0;
  let closestUs = Number.POSITIVE_INFINITY;
  for (let looks = 0; looks < MOST_LOOKS && closestUs > CLOSE_ENOUGH_US; looks++) {
    const beforeUs = clockUs(CLOCK_MONOTONIC);
    const wallUs = clockUs(CLOCK_REALTIME);
    const gapUs = clockUs(CLOCK_MONOTONIC) - beforeUs;
    if (gapUs >= closestUs) continue;
    closestUs = gapUs;
    offsetUs = wallUs - beforeUs - gapUs / 2;
  }
  return offsetUs;
}

/** CPU time that the calling thread has used, in milliseconds; what `process.cpuUsage` says is of all threads. */
export function threadCpuMs(): number {
  return clockUs(CLOCK_THREAD_CPUTIME_ID) / 1000;
}

function clockUs(id: number): number {
  clockGetTime(id, clockBytes);
  return Number(clock[0]) * 1e6 + Number(clock[1]) / 1e3;
}
