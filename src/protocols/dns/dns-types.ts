/** Types of records that the agent tells apart (IANA "Domain Name System Parameters"). */
export const DnsType = { a: 1, ptr: 12, aaaa: 28, svcb: 64, https: 65 } as const;

const NAMES: ReadonlyMap<number, string> = new Map([
  [1, 'A'],
  [2, 'NS'],
  [5, 'CNAME'],
  [6, 'SOA'],
  [12, 'PTR'],
  [15, 'MX'],
  [16, 'TXT'],
  [28, 'AAAA'],
  [33, 'SRV'],
  [35, 'NAPTR'],
  [43, 'DS'],
  [48, 'DNSKEY'],
  [64, 'SVCB'],
  [65, 'HTTPS'],
  [255, 'ANY'],
  [257, 'CAA'],
]);

/** The mnemonic of a type; `TYPE` and its number where there is none (RFC 3597 §5). */
export function dnsTypeName(type: number): string {
  return NAMES.get(type) ?? `TYPE${type}`;
}
