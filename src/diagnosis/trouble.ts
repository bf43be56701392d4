import { PodSide, Side } from '../model/connection.ts';
import type { EventLine } from './event-line.ts';

/**
 * What is wrong, as people see it. Events of different codes may tell of the same trouble: a SYN that is repeated and
 * the handshake that then stays incomplete, a stillness after three minutes and after ten.
 */
export type TroubleKind =
  | 'unanswered'
  | 'halfOpen'
  | 'refused'
  | 'reset'
  | 'manyResets'
  | 'stuck'
  | 'idle'
  | 'tlsAlert'
  | 'tlsClosed'
  | 'notTls'
  | 'gone';

/** How bad it is: somebody is not served; it may be a sign of that; it is worth knowing. Worst first. */
export type Severity = 'broken' | 'suspect' | 'note';

export const SEVERITIES: readonly Severity[] = ['broken', 'suspect', 'note'];

/** The trouble an event tells of; null for one that tells of none (00003). */
export function troubleOf(event: EventLine): TroubleKind | null {
  switch (event.name) {
    case 'TCP_SYN_RETRANS':
      return 'unanswered';
    case 'TCP_PARTIAL_CONNECTION':
      return event.value === 0 ? 'unanswered' : 'halfOpen';
    case 'TCP_SYN_RESET':
      return 'refused';
    case 'TCP_RESET':
      return 'reset';
    case 'TCP_RESET_ABNORMAL':
      return 'manyResets';
    case 'TCP_ESTABLISHED_STALE':
    case 'TCP_ESTABLISHED_STALE2':
      return event.value === 0 ? 'idle' : 'stuck';
    case 'TLS_ALERT':
      return alertDescription(event.value) === 0 ? 'tlsClosed' : 'tlsAlert';
    case 'TLS_EXCEP':
      return 'notTls';
    case 'VIF_DISAPPEARED':
      return 'gone';
    default:
      return null;
  }
}

/** The description of a TLS alert (RFC 8446 §6), out of the value of 00004. */
export function alertDescription(value: number): number {
  return value & 0xff;
}

/** How bad what an event tells is, when it is certain. */
export function severityOf(event: EventLine, kind: TroubleKind): Severity {
  switch (kind) {
    case 'unanswered':
      return event.name === 'TCP_PARTIAL_CONNECTION' && event.podSide !== PodSide.responder ? 'broken' : 'suspect';
    case 'stuck':
      return event.name === 'TCP_ESTABLISHED_STALE2' ? 'broken' : 'suspect';
    case 'reset':
      return event.by === Side.initiator ? 'suspect' : 'broken';
    case 'halfOpen':
      return event.podSide === PodSide.responder ? 'suspect' : 'broken';
    case 'refused':
    case 'manyResets':
    case 'tlsAlert':
    case 'notTls':
    case 'gone':
      return 'broken';
    case 'idle':
    case 'tlsClosed':
      return 'note';
  }
}

/** What the cause of an event adds that stands for others. */
const FLOOD = /; a flood: .*$/;

/**
 * The part of an event's cause that tells its trouble from another of the same kind at the same place: without the
 * numbers that change from one event to the next. Empty where events of one kind are always one trouble.
 */
export function variantOf({ cause }: EventLine, kind: TroubleKind): string {
  const usual = cause.replace(FLOOD, '');
  switch (kind) {
    case 'unanswered':
    case 'refused':
    case 'idle':
    case 'gone':
      return '';
    case 'stuck':
      return usual.replace(/for \d+ s/, '');
    case 'manyResets':
      return usual.replace(/^\d+/, '');
    default:
      return usual;
  }
}

/** The trouble in a few words; `where` is the server's address and port, or the interface. */
export function titleOf(kind: TroubleKind, severity: Severity, by: Side | null, where: string): string {
  const who = by === null ? 'One side' : by === Side.initiator ? 'The client' : 'The server';
  switch (kind) {
    case 'unanswered':
      return severity === 'broken' ? `Nobody answers at ${where}` : `SYNs to ${where} are answered late or not at all`;
    case 'halfOpen':
      return `Handshakes with ${where} stay half done`;
    case 'refused':
      return `Connection refused by ${where}`;
    case 'reset':
      return `${who} resets connections: ${where}`;
    case 'manyResets':
      return `Very many resets: ${where}`;
    case 'stuck':
      return `Connections hang: ${where}`;
    case 'idle':
      return `Idle connections: ${where}`;
    case 'tlsAlert':
      return `TLS fails: ${where}`;
    case 'tlsClosed':
      return `TLS is closed during the handshake: ${where}`;
    case 'notTls':
      return `What should be TLS is not: ${where}`;
    case 'gone':
      return `The interface ${where} is gone`;
  }
}
