import type { SpawnOptions } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Namespace, removeAbandonedNamespaces } from './namespace.ts';
import type { Program } from './program.ts';

const TRAFFIC = fileURLToPath(new URL('./traffic.js', import.meta.url));

/** A network namespace that stands for a pod, and its veth pair to the node. */
export interface Pod {
  readonly namespace: Namespace;
  readonly ipv4: string;
  readonly ipv6: string;
  /** Addresses of the node's end: the pod's gateways. */
  readonly nodeIpv4: string;
  readonly nodeIpv6: string;
  /** The veth's end on the node, where an agent on the node listens. */
  readonly hostInterface: string;
  readonly hostIndex: number;
}

/** What an address without a host answers to: nothing, though its neighbour is known and the SYN goes out. */
const NOBODY_MAC = '02:00:00:00:00:fa';

/**
 * A small network of namespaces: a node and its pods, each on a veth pair of its own, routed by the node. Addresses are
 * 10.77.N.2 (10.78.0.2 after 256 pods) and fd00:77:N::2 for pod N, .1 and ::1 for the node. `Lab.use` removes all of it, whatever happens.
 */
export class Lab {
  /** Temporary directory that goes with the lab. */
  readonly directory = mkdtempSync(join(tmpdir(), 'dllt-lab-'));
  /** The node: it forwards between the pods. */
  readonly node: Namespace;
  readonly #cleanups: (() => void)[] = [];
  #pods = 0;

  private constructor() {
    this.#cleanups.push(() => rmSync(this.directory, { recursive: true, force: true }));
    removeAbandonedNamespaces();
    this.node = this.namespace('node');
    this.node.set('net/ipv4/ip_forward', 1);
    this.node.set('net/ipv6/conf/all/forwarding', 1);
  }

  /** Builds a lab, hands it to `body`, and removes it: also when `body` throws or the process is told to stop. */
  static async use<T>(body: (lab: Lab) => Promise<T>): Promise<T> {
    if (process.geteuid?.() !== 0) throw new Error('Cannot make network namespaces: run this as root');
    const lab = new Lab();
    const close = () => lab.#close();
    const stop = (signal: NodeJS.Signals) => {
      close();
      process.exit(signal === 'SIGINT' ? 130 : 143);
    };
    process.once('exit', close);
    process.once('SIGINT', stop).once('SIGTERM', stop);
    try {
      return await body(lab);
    } finally {
      process.off('exit', close);
      process.off('SIGINT', stop).off('SIGTERM', stop);
      close();
    }
  }

  /** Something to undo when the lab is removed; last come, first undone. Has to be synchronous. */
  defer(cleanup: () => void): void {
    this.#cleanups.push(cleanup);
  }

  /** A namespace that goes with the lab. */
  namespace(role: string): Namespace {
    const namespace = new Namespace(role);
    this.#cleanups.push(() => namespace.remove());
    return namespace;
  }

  /** A pod with `eth0` up and routed. */
  pod(): Pod {
    const number = this.#pods++;
    const namespace = this.namespace('pod');
    const hostInterface = `veth${process.pid.toString(16)}p${number}`;
    const network = `10.${77 + (number >> 8)}.${number & 255}`;
    const [ipv4, nodeIpv4] = [`${network}.2`, `${network}.1`];
    const [ipv6, nodeIpv6] = [`fd00:77:${number}::2`, `fd00:77:${number}::1`];
    this.#vethPair(hostInterface, namespace);
    for (const [where, link, addresses] of [
      [this.node, hostInterface, [`${nodeIpv4}/24`, `${nodeIpv6}/64`]],
      [namespace, 'eth0', [`${ipv4}/24`, `${ipv6}/64`]],
    ] as const) {
      for (const address of addresses) where.run('ip', 'address', 'add', address, 'dev', link);
      where.run('ip', 'link', 'set', link, 'up');
    }
    this.node.waitUntilUp(hostInterface);
    namespace.waitUntilUp('eth0');
    namespace.run('ip', '-4', 'route', 'add', 'default', 'via', nodeIpv4);
    namespace.run('ip', '-6', 'route', 'add', 'default', 'via', nodeIpv6);
    const hostIndex = this.node.indexOf(hostInterface);
    return { namespace, ipv4, ipv6, nodeIpv4, nodeIpv6, hostInterface, hostIndex };
  }

  /** A veth pair without addresses: `link` on the node, `eth0` in `peer`. */
  #vethPair(link: string, peer: Namespace): void {
    this.node.run('ip', 'link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', peer.name);
  }

  /**
   * An address in the pod's network where nobody is, but whose neighbour is known: connecting to it puts SYNs on the
   * wire that nobody answers.
   */
  blackHole(pod: Pod): string {
    const address = pod.ipv4.replace(/\d+$/, '250');
    const options = ['lladdr', NOBODY_MAC, 'dev', 'eth0', 'nud', 'permanent'];
    pod.namespace.run('ip', 'neighbour', 'replace', address, ...options);
    return address;
  }

  /** Makes the pod deaf to SYN-ACKs from a port: its handshakes stay half-open after the answer. */
  dropSynAcks(pod: Pod, port: number): void {
    const match = ['-p', 'tcp', '--sport', String(port), '--tcp-flags', 'SYN,ACK', 'SYN,ACK', '-j', 'DROP'];
    for (const command of ['iptables', 'ip6tables']) pod.namespace.run(command, '-w', '-A', 'INPUT', ...match);
  }

  /** Starts a program in a namespace; it ends with the lab at the latest. */
  start(where: Namespace, argv: readonly string[], options?: SpawnOptions): Program {
    const program = where.spawn(argv, options);
    this.#cleanups.push(() => program.running && program.child.kill('SIGKILL'));
    return program;
  }

  /** Starts a traffic maker (`traffic.ts`) in a namespace. */
  traffic(where: Namespace, ...args: (string | number)[]): Program {
    return this.start(where, [process.execPath, TRAFFIC, ...args.map(String)]);
  }

  /** Starts a server of `traffic.ts` and waits until it listens. */
  async serve(where: Namespace, mode: string, port: number): Promise<Program> {
    const server = this.traffic(where, 'serve', mode, port);
    await server.waitForListener(port);
    return server;
  }

  #close(): void {
    for (const cleanup of this.#cleanups.splice(0).reverse()) {
      try {
        cleanup();
      } catch (error) {
        console.error(`Cannot clean up: ${error instanceof Error ? error.message : error}`);
      }
    }
  }
}
