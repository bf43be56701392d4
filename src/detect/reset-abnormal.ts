import type { Side } from '../model/connection.ts';
import type { NetworkEvent } from '../model/event.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import { connectionEvent, sideName } from './connection-event.ts';
import type { ResetCount } from './reset-counters.ts';

/**
 * 00010: more than `mostResets` resets from one address and port within a sliding window; told again at ten times as
 * many, and afresh once the window has been quiet.
 */
export function resetAbnormal(
  connection: TrackedConnection,
  by: Side,
  count: ResetCount,
  mostResets: number,
  windowSeconds: number,
  timeUs: number,
): NetworkEvent | null {
  const recent = count.recent.size;
  if (recent <= mostResets) {
    count.abnormalAt = 0;
    return null;
  }
  if (recent < count.abnormalAt) return null;
  count.abnormalAt = recent * 10;
  const cause = `${recent} resets from ${sideName(by)}'s address and port within ${windowSeconds} s: misconfiguration, a failing application, or an attack`;
  return connectionEvent('TCP_RESET_ABNORMAL', connection, timeUs, {
    value: recent,
    causeId: 'tcp.reset.many',
    cause,
    facts: { windowSeconds },
  });
}
