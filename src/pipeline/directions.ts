import { Phase } from '../track/phase.ts';
import type { Tracker } from '../track/tracker.ts';

/** Open connections that are looked at. */
const LOOKED_AT = 64;

/** Which directions of the traffic the capture sees, as open connections tell; `unknown` where there are none that do. */
export function directionsOf(tracker: Tracker): 'both' | 'one' | 'unknown' {
  let isOne = false;
  let isBoth = false;
  tracker.visitOpen(
    (connection) => {
      if (connection.phase !== Phase.established) return;
      if (!connection.oneWay) isBoth = true;
      else if (connection.initiatorBytes > 0 && connection.responderBytes > 0) isOne = true;
    },
    0,
    LOOKED_AT,
  );
  return isBoth ? 'both' : isOne ? 'one' : 'unknown';
}
