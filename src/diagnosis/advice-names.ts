import { isIP } from 'node:net';
import type { EventLine } from './event-line.ts';

/** Hints fit for a shell: whatever could mean something else to one is replaced by a placeholder. */
export interface AdviceNames {
  /** The server's address. */
  readonly address: string;
  /** The server's address and port as curl and openssl take them. */
  readonly server: string;
  readonly port: number;
  /** `web-7c9f4 -n shop`. */
  readonly pod: string;
  /** ` -servername shop.example`, or nothing. */
  readonly serverName: string;
}

export function adviceNames(event: EventLine): AdviceNames {
  const address = shellAddress(event.destinationAddress, 'ADDRESS');
  const port = event.destinationPort;
  const isName = (text: string) => /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(text);
  const name = isName(event.podName) ? event.podName : 'POD';
  const namespace = isName(event.podNamespace) ? ` -n ${event.podNamespace}` : '';
  return {
    address,
    server: isIP(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`,
    port,
    pod: `${name}${namespace}`,
    serverName: isName(event.serverName) ? ` -servername ${event.serverName}` : '',
  };
}

/** An address, or a placeholder for what is none. */
export function shellAddress(text: string, placeholder: string): string {
  return isIP(text) === 0 ? placeholder : text;
}

/** A command that tells whose an address is in the cluster. */
export function whoHas(address: string): string {
  return `\`kubectl get pods,services,endpointslices -A -o wide | grep -Fw ${address}\``;
}
