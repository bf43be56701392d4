/** Where a server listens: an address as `server.listen` takes it. */
export interface ListenAddress {
  readonly host: string;
  readonly ipv6Only: boolean;
}

/** `::` however it is written. */
const ANY_IPV6 = /^(?=.*:)[0:]+$/;
const ANY_IPV4 = '0.0.0.0';

/**
 * The addresses to listen on, each once, without those that another one takes in: `0.0.0.0` takes in all of IPv4, `::`
 * all there are.
 */
export function listenAddresses(addresses: readonly string[]): ListenAddress[] {
  if (addresses.some((address) => ANY_IPV6.test(address))) return [{ host: '::', ipv6Only: false }];
  const hasAnyIpv4 = addresses.includes(ANY_IPV4);
  const wanted = addresses.filter((address) => !hasAnyIpv4 || address === ANY_IPV4 || address.includes(':'));
  return [...new Set(wanted)].map((host) => ({ host, ipv6Only: host.includes(':') }));
}

/** An address on which the agent cannot answer. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  /** That of the system, e.g. `EADDRINUSE`. */
  readonly code: string;

  constructor(address: string, port: number, code: string) {
    super(`Cannot answer health checks on ${address}, port ${port}: ${code}; ${adviceFor(code)}`);
    this.code = code;
  }
}

function adviceFor(code: string): string {
  switch (code) {
    case 'EADDRNOTAVAIL':
      return 'this machine has no such address: change HEALTH_ADDRESS or POD_IP';
    case 'EAFNOSUPPORT':
      return 'this machine has no IPv6: use HEALTH_ADDRESS=0.0.0.0 for all addresses';
    case 'EACCES':
      return 'a port below 1024 needs CAP_NET_BIND_SERVICE; change HEALTH_PORT';
    default:
      return 'change HEALTH_PORT';
  }
}
