import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab, Pod } from '../lab/lab.ts';
import type { Program } from '../lab/program.ts';

/** What the pod's search list is made of, as Kubernetes makes it. */
export const SEARCH = ['web.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'corp.example'];

/** Gives a pod a resolv.conf(5) of its own; what `ip netns exec` starts sees it. */
export function useResolvers(lab: Lab, { namespace }: Pod, addresses: readonly string[], options = 'ndots:5'): void {
  const directory = join('/etc/netns', namespace.name);
  mkdirSync(directory, { recursive: true });
  lab.defer(() => rmSync(directory, { recursive: true, force: true }));
  const servers = addresses.map((address) => `nameserver ${address}\n`).join('');
  writeFileSync(join(directory, 'resolv.conf'), `${servers}search ${SEARCH.join(' ')}\noptions ${options}\n`);
}

/**
 * Starts dnsmasq in a pod: `good.test` and all below it has an IPv4 address, `both.test` one of each kind, `big.test` an
 * answer that no datagram of 512 bytes takes; what it does not know does not exist.
 */
export async function startDnsmasq(lab: Lab, { namespace }: Pod): Promise<Program> {
  const texts = Array.from({ length: 20 }, (_, i) => `--txt-record=big.test,${'x'.repeat(100)}${i}`);
  const program = lab.start(namespace, [
    ...['dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--port=53', '--local-ttl=0'],
    ...['--user=root', '--address=/good.test/192.0.2.1', '--host-record=both.test,192.0.2.2,2001:db8::2'],
    ...['--host-record=db.store.svc.cluster.local,192.0.2.3', '--local=/#/', ...texts],
  ]);
  await program.waitForListener(53);
  return program;
}

/** Starts unbound in a pod: it refuses `refused.test`, fails for `failing.corp`, and knows `good.test`. */
export async function startUnbound(lab: Lab, { namespace }: Pod): Promise<Program> {
  const path = join(lab.directory, 'unbound.conf');
  writeFileSync(
    path,
    `server:
  interface: 0.0.0.0
  access-control: 0.0.0.0/0 allow
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "${lab.directory}"
  pidfile: ""
  use-syslog: no
  module-config: "iterator"
  local-zone: "refused.test." refuse
  local-zone: "good.test." redirect
  local-data: "good.test. A 192.0.2.1"
forward-zone:
  name: "failing.corp"
  forward-addr: 127.0.0.1@9
`,
  );
  const program = lab.start(namespace, ['unbound', '-d', '-c', path]);
  await program.waitForListener(53);
  return program;
}
