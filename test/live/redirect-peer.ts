import { join, resolve } from 'node:path';
import type { Lab, Pod } from '../lab/lab.ts';
import { run } from '../lab/program.ts';

const SOURCE = resolve('test/live/redirect-peer.bpf.c');

/** Lets IPv4 packets from one pod to another pass by the node's end of the latter's veth pair (bpf_redirect_peer). */
export function bypassNodeEnd(lab: Lab, from: Pod, to: Pod): void {
  const object = join(lab.directory, `to-${to.hostInterface}.o`);
  const address = to.ipv4.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
  const mac = to.namespace.run('cat', '/sys/class/net/eth0/address').trim();
  const bytes = mac.split(':').map((byte) => `0x${byte}`);
  const defines = [`-DPOD_IPV4=${address}`, `-DPOD_MAC=${bytes}`, `-DPOD_INDEX=${to.hostIndex}`];
  const headers = `-I/usr/include/${run(['uname', '-m']).trim()}-linux-gnu`;
  run(['clang', '-O2', '-g', '-target', 'bpf', headers, ...defines, '-c', SOURCE, '-o', object]);
  const filter = ['ingress', 'bpf', 'direct-action', 'object-file', object, 'section', 'tc'];
  lab.node.run('tc', 'qdisc', 'add', 'dev', from.hostInterface, 'clsact');
  lab.node.run('tc', 'filter', 'add', 'dev', from.hostInterface, ...filter);
}
