import type { Connection } from '../model/connection.ts';
import { type NetworkEvent, summarize } from '../model/event.ts';
import type { TlsCompleted } from '../protocols/tls/tls-signal.ts';
import { joinDoubts } from './doubt.ts';
import { alpnText, sniText, tlsFacts, validityText, versionName } from './tls-text.ts';

/** 00003: the handshake of a TLS session is complete. `doubt` is what is in doubt about the connection itself. */
export function tlsEstablished(signal: TlsCompleted, connection: Connection, doubt?: string): NetworkEvent {
  const { session } = signal;
  const confidence = joinDoubts(signal.confidence, doubt);
  return {
    name: 'TCP_IS_TLS',
    timeUs: signal.timeUs,
    value: session.version,
    causeId: 'tls.established',
    cause: cause(signal),
    connection: summarize(connection),
    ...(confidence === undefined ? {} : { confidence }),
    tls: tlsFacts(session, signal.handshakeUs > 0 ? { handshakeUs: Math.round(signal.handshakeUs) } : {}),
  };
}

function cause({ session, timeUs }: TlsCompleted): string {
  const alpn = alpnText(session);
  const how = session.resumed ? ' (an earlier session taken up)' : '';
  const from = session.startedFrom === '' ? '' : `, begun from ${session.startedFrom}`;
  const leaf = session.serverChain?.leaf;
  const validity = leaf === undefined ? '' : validityText(leaf, timeUs);
  return [
    `${versionName(session.version)} with ${session.cipherSuiteName}${how}${from}`,
    sniText(session),
    alpn === '' ? '' : `; ALPN ${alpn}`,
    leaf === undefined || validity === ''
      ? ''
      : `; the server's certificate \`${leaf.fields?.subject ?? '?'}\` ${validity}`,
  ].join('');
}
