import { ConnectionType, EndType, Side } from '../model/connection.ts';
import type { NetworkEvent } from '../model/event.ts';
import { EventCode } from '../model/event-code.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import { connectionEvent, type EventContent, sideName } from './connection-event.ts';
import { joinDoubts } from './doubt.ts';

/** In which way an answer is missing, as the value of 00021. */
const Missing = { clientGaveUp: 0, serverClosed: 1, cutShort: 2, keepAliveRace: 3, declined: 4 } as const;

/** Who resets sooner than this after its question did not wait for an answer. */
const LEAST_PATIENCE_MS = 100;
/** A connection that rested for so long was kept for another question. */
const LEAST_IDLE_MS = 1000;
/** Where the protocol is not understood, who waited for so long probably waited for an answer. */
const CLEAR_PATIENCE_MS = 1000;
const PERHAPS = 'what was asked cannot be read: perhaps no answer was due';

/** Events that say already why there is no answer. */
const BETTER_KNOWN: ReadonlySet<string> = new Set([
  EventCode.TLS_ALERT,
  EventCode.TLS_EXCEP,
  EventCode.ICMP_ERROR,
  EventCode.PATH_MTU,
  EventCode.FOREIGN_PACKET,
]);

/**
 * 00021: a connection ended, or its client has closed, after the client had asked and the answer is missing or not
 * whole. Not told where bytes went by unseen: the answer may have been among them.
 */
export function noAnswer(connection: TrackedConnection, timeUs: number): NetworkEvent | null {
  if (!connection.mayLackAnswer) return null;
  if (connection.lossMeanwhile || connection.hasGap || connection.oneWay) return null;
  if (BETTER_KNOWN.has(connection.failure) || connection.failure === EventCode.NO_ANSWER) return null;
  if (connection.closed && connection.endType !== EndType.fin && connection.endType !== EndType.reset) return null;
  const content = missing(connection, timeUs);
  if (content === null) return null;
  const event = connectionEvent('NO_ANSWER', connection, timeUs, content);
  const isRead = content.value === Missing.declined || content.value === Missing.cutShort || isUnderstood(connection);
  if (isRead) return event;
  return { ...event, confidence: joinDoubts(event.confidence, PERHAPS) ?? PERHAPS, certain: false };
}

function missing(connection: TrackedConnection, timeUs: number): EventContent | null {
  const { firstFin } = connection;
  const resetBy = connection.closed && firstFin === -1 ? connection.endedBy : -1;
  if (connection.isMessageOpen(Side.initiator)) return null; // it broke off its own question
  const isEndedByClient = connection.isResetByInitiator || firstFin === Side.initiator;
  if (connection.isFramed && isEndedByClient) return null; // a stream may be watched for as long as it is of interest
  if (connection.declined && connection.lastSpeaker === Side.responder) return declined();
  if (connection.isLateRequest && connection.asked && firstFin === Side.responder) return keepAliveRace(connection);
  if (connection.lastSpeaker === Side.responder && connection.gaveUp && connection.askedAtFin) {
    if (connection.isResetByInitiator) return tooLate(connection);
  }
  const isOver = connection.finished(Side.responder) || connection.resetHopLimit > 0;
  if (connection.isMessageOpen(Side.responder) && (connection.lastSpeaker === Side.responder || !connection.asked)) {
    return isOver ? cutShort(connection) : null; // the rest may still come
  }
  if (connection.lastSpeaker === Side.responder) return null;
  if (!isOwedAnswer(connection)) return null;
  if (firstFin === Side.responder && connection.hungUp) {
    // a question that its FIN does not acknowledge crossed it
    const isCrossing = connection.unacknowledgedBytes(Side.initiator) > 0 && connection.restMs >= LEAST_IDLE_MS;
    return isCrossing ? keepAliveRace(connection) : serverClosed(connection, connection.waitedMs);
  }
  const sinceMs = Math.round((timeUs - connection.lastProgressUs) / 1000);
  if (resetBy === Side.responder) return serverClosed(connection, sinceMs);
  const waitedMs = firstFin === Side.initiator ? connection.waitedMs : sinceMs;
  const isPatient = waitedMs >= (isUnderstood(connection) ? LEAST_PATIENCE_MS : CLEAR_PATIENCE_MS);
  if (firstFin === Side.initiator && connection.gaveUp) {
    if (connection.closed && !isOver) return null; // the answer may still come
    return isPatient || isUnderstood(connection) ? clientGaveUp(waitedMs) : null;
  }
  return resetBy === Side.initiator && isPatient ? clientGaveUp(waitedMs) : null;
}

/** Whether what the client sent is known to ask for an answer. */
function isUnderstood(connection: TrackedConnection): boolean {
  return isUnansweredHello(connection) || (connection.connectionType === ConnectionType.http && !connection.isOpaque);
}

/** Whether the server has not said a word to a ClientHello. */
function isUnansweredHello(connection: TrackedConnection): boolean {
  const isTls = connection.connectionType === ConnectionType.tls;
  return isTls && connection.isBeginKnown(Side.initiator) && !connection.spoke(Side.responder);
}

/** Whether the client spoke last, and what it said asks for an answer, probably at least. */
function isOwedAnswer(connection: TrackedConnection): boolean {
  if (!connection.spoke(Side.initiator)) return false;
  if (connection.asked || isUnansweredHello(connection)) return true;
  // question and answer in plain text went on before
  return connection.connectionType === ConnectionType.plain && connection.spoke(Side.responder);
}

function clientGaveUp(waitedMs: number): EventContent {
  return {
    value: Missing.clientGaveUp,
    by: Side.initiator,
    causeId: 'answer.client-gave-up',
    cause: `the client waited ${seconds(waitedMs)} for an answer and closed: the server hangs, or is slower than the client's patience`,
    facts: { waitedMs },
  };
}

function tooLate(connection: TrackedConnection): EventContent {
  const { waitedMs, restMs } = connection;
  return {
    value: Missing.clientGaveUp,
    by: Side.initiator,
    causeId: 'answer.too-late',
    cause: `the answer came too late: the client waited ${seconds(waitedMs)} and closed, the server took ${seconds(restMs)}`,
    facts: { waitedMs, answeredMs: restMs },
  };
}

function serverClosed(connection: TrackedConnection, waitedMs: number): EventContent {
  const isHello = isUnansweredHello(connection);
  const what = isHello ? 'the server hung up on the ClientHello without a word' : 'the server closed without an answer';
  const why = isHello
    ? 'no TLS on this port, a proxy without a backend, or a name (SNI) or version that it does not serve'
    : 'it crashed, or it closes by rule (an idle limit, a connection limit), or a proxy found no backend';
  return {
    value: Missing.serverClosed,
    by: Side.responder,
    causeId: isHello ? 'answer.tls-refused' : 'answer.server-closed',
    cause: `${what}, ${seconds(waitedMs)} after it was asked: ${why}`,
    facts: { waitedMs },
  };
}

function cutShort(connection: TrackedConnection): EventContent {
  const by = connection.endedBy;
  const why =
    by === Side.responder
      ? 'the server or a proxy before it failed in the middle of its answer'
      : 'the client had enough of it, or a time limit of its own';
  return {
    value: Missing.cutShort,
    by,
    causeId: 'answer.cut-short',
    cause: `the answer was cut short: ${sideName(by)} ended the connection in the middle of it; ${why}`,
  };
}

function keepAliveRace(connection: TrackedConnection): EventContent {
  const idleMs = connection.restMs;
  return {
    value: Missing.keepAliveRace,
    by: Side.responder,
    causeId: 'answer.keepalive-race',
    cause: `a request was lost: the server closed the idle connection after ${seconds(idleMs)}, just when the client used it again`,
    facts: { idleMs },
  };
}

function declined(): EventContent {
  return {
    value: Missing.declined,
    by: Side.responder,
    causeId: 'answer.declined',
    cause: 'the client asked for TLS, the server does not offer it, and the client went away',
  };
}

function seconds(ms: number): string {
  return ms < 950 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 9950 ? 1 : 0).replace(/\.0$/, '')} s`;
}
