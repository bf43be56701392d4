import { Side } from '../model/connection.ts';
import type { EventFacts } from '../model/event.ts';
import { Phase } from '../track/phase.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import { type Cause, sideName } from './connection-event.ts';

/** Keep-alive probes in a row whose silence tells more than one that was lost. */
const SEVERAL_KEEP_ALIVES = 2;
/** Shorter rests are no idle limit of anybody. */
const IDLE_LIMIT_MS = 30_000;

/** Why a connection was reset, and what is known besides. */
export interface ResetCause extends Cause {
  readonly facts?: EventFacts;
}

/** Returns why probably: what is known of the time before the RST goes before what is usual. */
export function resetCause(connection: TrackedConnection, by: Side, timeUs: number): ResetCause {
  return (
    keepAliveCause(connection, by, timeUs) ??
    middleboxCause(connection, by) ??
    handshakeCause(connection, by) ??
    idleCause(connection, by, timeUs) ??
    answerCause(connection, by)
  );
}

function keepAliveCause(connection: TrackedConnection, by: Side, timeUs: number): ResetCause | null {
  const keepAlives = connection.unansweredKeepAlives(by);
  if (keepAlives < SEVERAL_KEEP_ALIVES) return null;
  const idleMs = Math.round((timeUs - connection.lastProgressUs) / 1000);
  const other = sideName(by === Side.initiator ? Side.responder : Side.initiator);
  return {
    causeId: 'tcp.reset.keepalive-unanswered',
    cause: `${other} had not answered ${keepAlives} keep-alives (no byte for ${Math.round(idleMs / 1000)} s), so the kernel of ${sideName(by)} gave up: ${other} is gone, or something in between has forgotten the connection`,
    facts: { keepAlives, idleMs },
  };
}

/** The packets of one host take the same way, so their hop limits are the same. */
function middleboxCause(connection: TrackedConnection, by: Side): ResetCause | null {
  const usual = connection.hopLimit(by);
  const now = connection.resetHopLimit;
  if (usual === 0 || now === 0 || usual === now) return null;
  const who = sideName(by);
  return {
    causeId: 'tcp.reset.middlebox',
    cause: `the RST came with another TTL (${now}) than the packets of ${who} (${usual}): probably something on the way sent it (a firewall, a load balancer, a NAT gateway), not ${who} itself`,
  };
}

function handshakeCause(connection: TrackedConnection, by: Side): ResetCause | null {
  if (connection.phase !== Phase.synAcked) return null;
  return by === Side.initiator
    ? {
        causeId: 'tcp.reset.handshake-by-client',
        cause:
          'the client reset the connection before its handshake was complete: a port scan or a probe, or a client that gave up while it was connecting',
      }
    : {
        causeId: 'tcp.reset.handshake-by-server',
        cause: 'the server reset the connection before its handshake was complete: its backlog is full, or it crashed',
      };
}

function idleCause(connection: TrackedConnection, by: Side, timeUs: number): ResetCause | null {
  if (!connection.spoke(Side.initiator) && !connection.spoke(Side.responder)) return null;
  const sinceMs = Math.round((timeUs - connection.lastProgressUs) / 1000);
  const isUsedAgain = connection.lastSpeaker !== by && connection.restMs >= IDLE_LIMIT_MS;
  if (!isUsedAgain && (sinceMs < IDLE_LIMIT_MS || connection.lastSpeaker === Side.initiator)) return null;
  const idleMs = isUsedAgain ? connection.restMs : sinceMs;
  const rested = `the connection had rested ${Math.round(idleMs / 1000)} s`;
  return {
    causeId: 'tcp.reset.idle-limit',
    cause: isUsedAgain
      ? `${rested} and was reset when it was used again: an idle limit of ${sideName(by)}, or of something on the way that forgot it`
      : `${rested}, then ${sideName(by)} reset it: an idle limit, or the end of its process`,
    facts: { idleMs },
  };
}

function answerCause(connection: TrackedConnection, by: Side): ResetCause {
  const who = sideName(by);
  const other = by === Side.initiator ? Side.responder : Side.initiator;
  if (!connection.spoke(Side.initiator) && !connection.spoke(Side.responder)) {
    return {
      causeId: 'tcp.reset.unused',
      cause: `${who} reset the connection before a byte was sent: a probe that only tests the port, a refused negotiation, or a crash`,
    };
  }
  if (connection.spoke(other) && !connection.spoke(by)) {
    return {
      causeId: 'tcp.reset.unanswered',
      cause: `${who} reset the connection without having answered: it refused what it was sent, or crashed`,
    };
  }
  if (by === Side.initiator && isAnswered(connection)) {
    return {
      causeId: 'tcp.reset.after-answer',
      cause:
        'the client reset the connection after everything it asked was answered: a way to close quickly, or unread data when it closed',
    };
  }
  return {
    causeId: 'tcp.reset.aborted',
    cause: `${who} reset the connection: a crash or a kill of its process, unread data when it closed, or an HTTP peer's way of closing`,
  };
}

/** Whether the responder spoke last, to the end of its message, or the initiator has acknowledged all of it. */
function isAnswered(connection: TrackedConnection): boolean {
  if (!connection.spoke(Side.initiator) || connection.lastSpeaker !== Side.responder || connection.asked) return false;
  return (
    connection.isAnswerWhole ||
    (!connection.isMessageOpen(Side.responder) && connection.unacknowledgedBytes(Side.responder) === 0)
  );
}
