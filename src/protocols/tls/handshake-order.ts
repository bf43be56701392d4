import { Side } from '../../model/connection.ts';
import { HandshakeType } from './tls-constants.ts';

/**
 * The place of each message in a handshake up to TLS 1.2 (RFC 5246 §7.3, RFC 4680, RFC 6066 §8), by side; a side's messages
 * come in rising order. 0: this side does not send it.
 */
export function placeOf(side: Side, type: number): number {
  const server = side === Side.responder;
  switch (type) {
    case HandshakeType.clientHello:
      return server ? 0 : 1;
    case HandshakeType.serverHello:
      return server ? 1 : 0;
    case HandshakeType.supplementalData:
      return 2;
    case HandshakeType.certificate:
      return 3;
    case HandshakeType.certificateUrl:
      return server ? 0 : 3;
    case HandshakeType.certificateStatus:
      return server ? 4 : 0;
    case HandshakeType.serverKeyExchange:
      return server ? 5 : 0;
    case HandshakeType.certificateRequest:
      return server ? 6 : 0;
    case HandshakeType.serverHelloDone:
      return server ? 7 : 0;
    case HandshakeType.newSessionTicket:
      return server ? 8 : 0;
    case HandshakeType.clientKeyExchange:
      return server ? 0 : 4;
    case HandshakeType.certificateVerify:
      return server ? 0 : 5;
    default:
      return 0;
  }
}
