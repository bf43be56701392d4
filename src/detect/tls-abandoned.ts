import { Side } from '../model/connection.ts';
import type { NetworkEvent } from '../model/event.ts';
import type { TlsAbandoned } from '../protocols/tls/tls-signal.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import { connectionEvent } from './connection-event.ts';
import { tlsFacts, validityText } from './tls-text.ts';

/** 00021: the client closed in the middle of the TLS handshake, without an alert. Not told where bytes are missing. */
export function tlsAbandoned(signal: TlsAbandoned, connection: TrackedConnection): NetworkEvent | null {
  if (connection.lossMeanwhile || connection.hasGap || connection.oneWay) return null;
  const { session, timeUs } = signal;
  const event = connectionEvent('NO_ANSWER', connection, timeUs, {
    value: 0,
    by: Side.initiator,
    causeId: 'answer.handshake-abandoned',
    cause: `the client closed in the middle of the TLS handshake, after the server had spoken, without an alert: it does not accept the server's certificate${certificateText(signal)}, or gave up`,
  });
  return { ...event, tls: tlsFacts(session) };
}

/** The server's certificate, as far as it was seen. */
function certificateText({ session, timeUs }: TlsAbandoned): string {
  const leaf = session.serverChain?.leaf;
  if (leaf === undefined) return '';
  const validity = validityText(leaf, timeUs);
  return ` (\`${leaf.fields?.subject ?? '?'}\`${validity === '' ? '' : `, which ${validity}`})`;
}
