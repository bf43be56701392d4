import type { CauseId } from '../model/cause-id.ts';
import { EventCode, type EventName } from '../model/event-code.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';

/** Kinds of trouble that a connection may have ended by, those that tell least of its reason first. */
const BY_WEIGHT: readonly EventName[] = [
  'TCP_ESTABLISHED_STALE',
  'TCP_SYN_RETRANS',
  'TCP_LOSS',
  'TCP_ZERO_WINDOW',
  'HTTP_ERROR',
  'HALF_CLOSED',
  'TCP_ESTABLISHED_STALE2',
  'TCP_RESET',
  'TCP_PARTIAL_CONNECTION',
  'NO_ANSWER',
  'TLS_EXCEP',
  'TCP_SYN_RESET',
  'TLS_ALERT',
  'PATH_MTU',
  'ICMP_ERROR',
  'FOREIGN_PACKET',
];

const WEIGHTS: ReadonlyMap<string, number> = new Map(BY_WEIGHT.map((name, weight) => [EventCode[name], weight + 1]));

/** Causes of events that leave a connection as healthy as it was. */
const HARMLESS: ReadonlySet<CauseId> = new Set<CauseId>([
  'tcp.stale.idle',
  'tcp.stale.one-way',
  'tcp.reset.after-answer',
  'tls.alert.close-notify',
]);

/** Notes on a connection what kind of trouble it had; what tells more of the reason stands above what tells less. */
export function noteFailure(connection: TrackedConnection, name: EventName, causeId: CauseId): void {
  const code = EventCode[name];
  const weight = WEIGHTS.get(code);
  if (weight === undefined || HARMLESS.has(causeId) || causeId.startsWith('tls.warning.')) return;
  if (weight > (WEIGHTS.get(connection.failure) ?? 0)) connection.failure = code;
}
