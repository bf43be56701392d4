import { isIPv4, isIPv6 } from 'node:net';
import { type Connection, Side } from '../model/connection.ts';

/** A range of addresses: words in network order, signed; the first is all of an IPv4 address. */
export interface Network {
  readonly ipVersion: 4 | 6;
  readonly words: readonly number[];
  readonly masks: readonly number[];
}

/** Not the internet: private, shared (CGNAT), link-local, loopback, unspecified (RFC 6890, RFC 4193, RFC 4291). */
const LOCAL_NETWORKS = parseNetworks([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '::/127',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
]);

/**
 * Reads networks in CIDR notation; an address alone is a network of one. Throws an Error that names the first that
 * cannot be used.
 */
export function parseNetworks(cidrs: readonly string[]): readonly Network[] {
  return cidrs.map((cidr) => {
    const [address, prefix, ...rest] = cidr.trim().split('/');
    const ipVersion = isIPv4(address) ? 4 : isIPv6(address) && !address.includes('%') ? 6 : null;
    const addressBits = ipVersion === 4 ? 32 : 128;
    const prefixBits = prefix === undefined ? addressBits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
    if (ipVersion === null || rest.length > 0 || !(prefixBits <= addressBits)) {
      throw new Error(`Cannot use the network "${cidr}": write it as 10.0.0.0/8 or fd00::/8`);
    }
    const masks = Array.from({ length: addressBits / 32 }, (_, word) => maskWord(prefixBits - 32 * word));
    const words = ipVersion === 4 ? [ipv4Word(address)] : ipv6Words(address);
    return { ipVersion, masks, words: words.map((word, i) => word & masks[i]) };
  });
}

/** Whether who opened the connection is on the internet: on no local network and on none of `ownNetworks`. */
export function isFromInternet(connection: Connection, ownNetworks: readonly Network[]): boolean {
  const ipVersion = embedsIpv4(connection) ? 4 : connection.ipVersion;
  const firstWord = ipVersion === connection.ipVersion ? 0 : 3;
  return !(
    containsInitiator(LOCAL_NETWORKS, connection, ipVersion, firstWord) ||
    containsInitiator(ownNetworks, connection, ipVersion, firstWord)
  );
}

function containsInitiator(
  networks: readonly Network[],
  connection: Connection,
  ipVersion: number,
  firstWord: number,
): boolean {
  for (const { ipVersion: version, words, masks } of networks) {
    if (version !== ipVersion) continue;
    let inside = true;
    for (let i = 0; inside && i < words.length; i++) {
      inside = (connection.addressWord(Side.initiator, firstWord + i) & masks[i]) === words[i];
    }
    if (inside) return true;
  }
  return false;
}

/** An IPv4-mapped address, ::ffff:0:0/96 (RFC 4291 §2.5.5.2). */
function embedsIpv4(connection: Connection): boolean {
  return (
    connection.ipVersion === 6 &&
    connection.addressWord(Side.initiator, 0) === 0 &&
    connection.addressWord(Side.initiator, 1) === 0 &&
    connection.addressWord(Side.initiator, 2) === 0xffff
  );
}

/** The mask of a word whose first `bits` bits count. */
function maskWord(bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? -1 : -1 << (32 - bits);
}

function ipv4Word(address: string): number {
  const [a, b, c, d] = address.split('.').map(Number);
  return (a << 24) | (b << 16) | (c << 8) | d;
}

function ipv6Words(address: string): number[] {
  const dotted = /[^:]+\.[^:]+$/.exec(address)?.[0];
  const word = dotted === undefined ? 0 : ipv4Word(dotted) >>> 0;
  const text =
    dotted === undefined
      ? address
      : `${address.slice(0, -dotted.length)}${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}`;
  const [head, tail] = text.split('::').map((part) => (part === '' ? [] : part.split(':')));
  const groups = tail === undefined ? head : [...head, ...Array(8 - head.length - tail.length).fill('0'), ...tail];
  const values = groups.map((group) => Number.parseInt(group, 16));
  return [0, 2, 4, 6].map((i) => (values[i] << 16) | values[i + 1]);
}
