import { Side } from '../../model/connection.ts';
import type { TlsPreamble } from './tls-preamble.ts';
import { LdapPreamble, MysqlPreamble, PostgresPreamble } from './tls-preamble-binary.ts';
import { ConnectPreamble, LinePreamble, XmppPreamble } from './tls-preamble-text.ts';

/** The preamble a connection's first bytes may belong to; null when TLS cannot follow from them. */
export function beginPreamble(side: Side, bytes: Uint8Array, start: number, end: number): TlsPreamble | null {
  const first = bytes[start] as number;
  if (side === Side.responder) {
    if (MysqlPreamble.begins(bytes, start, end)) return new MysqlPreamble();
    return LinePreamble.byGreeting(bytes, start, end);
  }
  if (first === 0x3c) return new XmppPreamble(); // <
  if (first === 0x30) return new LdapPreamble(); // a SEQUENCE
  if (first === 0x43 && ConnectPreamble.begins(bytes, start, end)) return new ConnectPreamble();
  if (PostgresPreamble.begins(bytes, start, end)) return new PostgresPreamble();
  return null;
}
