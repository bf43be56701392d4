import { type Connection, Side } from '../model/connection.ts';
import { type NetworkEvent, summarize } from '../model/event.ts';
import type { TlsViolation } from '../protocols/tls/tls-signal.ts';
import type { Cause } from './connection-event.ts';
import { joinDoubts } from './doubt.ts';
import { tlsFacts } from './tls-text.ts';

/** 00005: what came where TLS was begun is not TLS. `doubt` is what is in doubt about the connection itself. */
export function tlsException(signal: TlsViolation, connection: Connection, doubt?: string): NetworkEvent {
  const confidence = joinDoubts(doubt);
  return {
    name: 'TLS_EXCEP',
    timeUs: signal.timeUs,
    value: signal.value,
    ...causeOf(signal),
    connection: summarize(connection),
    by: signal.side,
    ...(confidence === undefined ? {} : { confidence }),
    tls: tlsFacts(signal.session),
  };
}

function causeOf({ side, violation, value, text, session }: TlsViolation): Cause {
  const who = side === Side.initiator ? 'the client' : 'the server';
  const begun = session.version !== 0; // a ServerHello was there: both ends do speak TLS
  const quoted = text === '' ? '' : ` (it begins with \`${text}\`)`;
  const corrupt = 'corrupted bytes, a faulty implementation, or something in between that meddles';
  if (side === Side.responder && !begun && (violation === 'version' || violation === 'length')) {
    return {
      causeId: 'tls.exception.other-protocol',
      cause: `the answer to the ClientHello is not TLS, or of a version that does not exist (${value}): TLS spoken to a port of another protocol, or ${corrupt}`,
    };
  }
  switch (violation) {
    case 'http':
      return {
        causeId: 'tls.exception.http',
        cause:
          side === Side.responder
            ? `HTTP was answered where TLS was begun: TLS spoken to a plain-text port${quoted}`
            : `${who} spoke plain HTTP where TLS was begun${quoted}`,
      };
    case 'recordType':
      if (side === Side.responder && !begun) {
        return text === ''
          ? {
              causeId: 'tls.exception.other-protocol',
              cause: `the answer to the ClientHello is not TLS: the first byte is ${value}. TLS spoken to a port of another protocol`,
            }
          : {
              causeId: 'tls.exception.plain-text',
              cause: `plain text was answered where TLS was begun: TLS spoken to a plain-text port${quoted}`,
            };
      }
      return {
        causeId: 'tls.exception.corrupt',
        cause: `${who} sent a record of type ${value}, which does not exist${quoted}: ${corrupt}`,
      };
    case 'version':
      return {
        causeId: 'tls.exception.corrupt',
        cause: `${who} named a TLS version that does not exist (${value}): ${corrupt}`,
      };
    case 'length':
      return {
        causeId: 'tls.exception.corrupt',
        cause: `${who} sent a length that cannot be (${value} bytes): ${corrupt}`,
      };
    case 'handshakeOrder':
      return {
        causeId: 'tls.exception.message-order',
        cause: `${who} sent a handshake message out of order (type ${value}): a faulty implementation, or both ends speak different protocols`,
      };
  }
}
