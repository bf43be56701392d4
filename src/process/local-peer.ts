import { isIPv4 } from 'node:net';
import { InetDiag } from '../native/inet-diag.ts';

/** Both ends of a connection as a server sees them. */
export interface ServedConnection {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
}

/**
 * User id of the process at the other end of a connection over loopback, if that has its socket in this very network
 * namespace; null for one elsewhere (`route_localnet`), or that has closed its end, and where the kernel cannot be asked.
 */
export function userOfLocalPeer(served: ServedConnection): number | null {
  const [peer, own] = [wordsOf(served.remoteAddress), wordsOf(served.localAddress)];
  if (peer === null || own === null || peer.length !== own.length) return null;
  let diag: InetDiag;
  try {
    diag = new InetDiag();
  } catch {
    return null;
  }
  try {
    diag.begin(peer.length === 1 ? 4 : 6);
    for (let word = 0; word < peer.length; word++) {
      diag.setLocalWord(word, peer[word] ?? 0);
      diag.setRemoteWord(word, own[word] ?? 0);
    }
    diag.setLocalPort(served.remotePort ?? 0);
    diag.setRemotePort(served.localPort ?? 0);
    // a socket that no process has any more, as in TIME_WAIT, is told as root's
    return diag.inode('connection') > 0 ? diag.user : null;
  } catch {
    return null;
  } finally {
    diag.close();
  }
}

/** The words of an IPv4 address, or of IPv6's one loopback address, in network order. */
function wordsOf(address = ''): readonly number[] | null {
  const text = address.replace(/^::ffff:(?=\d+\.)/i, '');
  if (isIPv4(text)) return [text.split('.').reduce((word, part) => word * 256 + Number(part), 0)];
  return text === '::1' ? [0, 0, 0, 1] : null;
}
