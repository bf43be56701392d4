import { type Connection, Side } from '../model/connection.ts';

/** Hash of a server: address and port of a responder, 32 bits. */
export function serverHash(connection: Connection): number {
  let hash = Math.imul(connection.responderPort ^ 0x5bd1e995, 0x9e3779b1);
  const words = connection.ipVersion === 4 ? 1 : 4;
  for (let i = 0; i < words; i++) {
    hash = Math.imul(hash ^ connection.addressWord(Side.responder, i), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash | 0;
}
