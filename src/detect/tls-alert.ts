import type { CauseId } from '../model/cause-id.ts';
import { type Connection, Side } from '../model/connection.ts';
import { type NetworkEvent, summarize } from '../model/event.ts';
import type { TlsAlert } from '../protocols/tls/tls-signal.ts';
import { joinDoubts } from './doubt.ts';
import { alertCause } from './tls-alert-cause.ts';
import { alertName } from './tls-alert-name.ts';
import { tlsFacts } from './tls-text.ts';

/** 00004: an alert, read or concluded. `doubt` is what is in doubt about the connection itself. */
export function tlsAlert(signal: TlsAlert, connection: Connection, doubt?: string): NetworkEvent {
  const confidence = joinDoubts(signal.confidence, doubt);
  const certain = signal.certain && doubt === undefined;
  return {
    name: 'TLS_ALERT',
    timeUs: signal.timeUs,
    value: signal.value,
    causeId: causeIdOf(signal),
    cause: alertCause(signal),
    connection: summarize(connection),
    by: signal.side,
    ...(confidence === undefined ? {} : { confidence, certain }),
    tls: tlsFacts(signal.session, { alert: alertName(signal.description) }),
  };
}

/** Returns the identifier of an alert's cause: by its name, and whether it was a mere warning. */
function causeIdOf({ value, description }: TlsAlert): CauseId {
  const name = alertName(description).replaceAll('_', '-');
  return value >> 8 === 1 && description !== 0 ? `tls.warning.${name}` : `tls.alert.${name}`;
}

/** Whether it is a plain close_notify (RFC 8446 §6.1): worth no pcap, and with the client of port 443 often no event. */
function isCloseNotify(signal: TlsAlert): boolean {
  return signal.description === 0;
}

/** Whether `NO_EVENT_HTTPS_CLIENT_SSL_SHUTDOWN` speaks of this alert: the client of port 443, when it is the pod. */
export function isHttpsClientShutdown(signal: TlsAlert, connection: Connection): boolean {
  const local = connection.podSide !== Side.responder; // the pod, or nobody knows
  return isCloseNotify(signal) && signal.side === Side.initiator && connection.responderPort === 443 && local;
}
