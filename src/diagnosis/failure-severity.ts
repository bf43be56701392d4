import { PodSide } from '../model/connection.ts';
import { EventCode, type EventName } from '../model/event-code.ts';
import { defaultCauseId } from './default-cause.ts';
import { type Severity, severityOf } from './severity.ts';

/** Returns how bad it is that a connection had a kind of trouble, where no more is known than its code. */
export function severityOfFailure(code: string): Severity {
  const name = (Object.keys(EventCode) as EventName[]).find((candidate) => EventCode[candidate] === code);
  if (name === undefined) return 'worth knowing';
  const causeId = defaultCauseId(name, 1);
  return severityOf({ code: EventCode[name], causeId, by: null, podSide: PodSide.unknown, certain: true });
}
