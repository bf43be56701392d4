import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import koffi from 'koffi';
import { test } from 'uvu';
import type { PacketSource, SourceState } from '../../src/capture/packet-source.ts';
import { Frame } from '../../src/model/frame.ts';
import { interfaceIndex } from '../../src/native/libc.ts';
import { waitUntilUp } from '../lab/link-up.ts';
import { pcapFile, recordsOf } from '../tools/capture-bytes.ts';

/** `test`, where there are the rights to make network namespaces; elsewhere the tests are skipped. */
export const live: (name: string, body: () => Promise<void>) => void =
  process.getuid?.() === 0 ? test : (name) => console.log(`skipped (needs root): ${name}`);

let labs = 0;

/** Runs a program to its end; throws with what it said when it fails. */
export function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: 'pipe' });
}

/**
 * A veth pair, one end here and one in a network namespace of its own, with nobody on it but the test: no addresses,
 * so no neighbour discovery either. Taken down by `close()`.
 */
export class Lab {
  readonly hostName: string;
  readonly podName: string;
  readonly namespace: string;
  readonly hostIndex: number;
  readonly #directory: string;
  #files = 0;

  constructor() {
    const id = `${process.pid}n${labs++}`;
    this.namespace = `dllt${id}`;
    this.hostName = `dh${id}`;
    this.podName = `dp${id}`;
    this.#directory = mkdtempSync(join(tmpdir(), 'dllt-lab-'));
    run('ip', 'netns', 'add', this.namespace);
    try {
      run('ip', 'link', 'add', this.hostName, 'type', 'veth', 'peer', 'name', this.podName, 'netns', this.namespace);
      run('ip', 'link', 'set', this.hostName, 'addrgenmode', 'none', 'up');
      this.inPod('ip', 'link', 'set', this.podName, 'addrgenmode', 'none', 'up');
      this.inPod('ip', 'link', 'set', 'lo', 'up');
      this.waitUntilUp();
    } catch (error) {
      this.close();
      throw error;
    }
    this.hostIndex = interfaceIndex(this.hostName);
  }

  /** Path of the pod's network namespace. */
  get namespacePath(): string {
    return `/run/netns/${this.namespace}`;
  }

  /** Index of an interface inside the pod. */
  podIndex(name: string): number {
    return Number(this.inPod('cat', `/sys/class/net/${name}/ifindex`));
  }

  /** Waits until both ends are up. */
  waitUntilUp(): void {
    const state = (name: string) => `/sys/class/net/${name}/operstate`;
    waitUntilUp(this.hostName, () => run('cat', state(this.hostName)));
    waitUntilUp(this.podName, () => this.inPod('cat', state(this.podName)));
  }

  /** Runs a program inside the pod's network namespace. */
  inPod(program: string, ...args: string[]): string {
    return run('ip', 'netns', 'exec', this.namespace, program, ...args);
  }

  /** Sends frames out of an end of the pair (or another interface of the pod) as fast as they go. */
  send(from: 'host' | 'pod', frames: readonly Uint8Array[], podName = this.podName): void {
    const file = this.file(pcapFile(recordsOf(frames)));
    if (from === 'host') run('tcpreplay', '-q', '--topspeed', '-i', this.hostName, file);
    else this.inPod('tcpreplay', '-q', '--topspeed', '-i', podName, file);
  }

  /** Writes a file that goes away with the lab. */
  file(content: Uint8Array): string {
    const path = join(this.#directory, `${this.#files++}.pcap`);
    writeFileSync(path, content);
    return path;
  }

  close(): void {
    for (const args of [
      ['link', 'del', this.hostName],
      ['netns', 'del', this.namespace],
    ]) {
      try {
        run('ip', ...args);
      } catch {
        // already gone: some tests delete it themselves
      }
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** Runs a test body with a lab, and takes the lab down whatever happens. */
export async function withLab(body: (lab: Lab) => Promise<void>): Promise<void> {
  const lab = new Lab();
  try {
    await body(lab);
  } finally {
    lab.close();
  }
}

/** An interface without a link header, whose other end is this process. It goes away with `close()`. */
export interface Tun {
  readonly name: string;
  /** Lets an IP packet come in through the interface. */
  receive(packet: Uint8Array): void;
  close(): void;
}

/** Makes a tun interface (networking/tuntap of the kernel's documentation) and sets it up. */
export function openTun(): Tun {
  const ioctl = koffi.load(null).func('int ioctl(int fd, unsigned long request, void *argument)');
  const TUNSETIFF = 0x400454ca;
  const IFF_TUN_NO_PI = 0x1001;
  const name = `dt${process.pid}n${labs++}`;
  const request = Buffer.alloc(40); // struct ifreq
  request.write(name);
  request.writeUInt16LE(IFF_TUN_NO_PI, 16);
  const fd = openSync('/dev/net/tun', 'r+');
  if (ioctl(fd, TUNSETIFF, request) !== 0) throw new Error('Cannot make a tun interface');
  run('ip', 'link', 'set', name, 'addrgenmode', 'none', 'up');
  return {
    name,
    receive: (packet) => writeSync(fd, packet),
    close: () => closeSync(fd),
  };
}

/** What is kept of a frame. */
export interface SeenFrame {
  readonly bytes: Buffer;
  readonly wireLengthBytes: number;
  readonly timeUs: number;
  readonly linkType: number;
  readonly direction: number;
  readonly vlanTci: number;
  readonly vlanTpid: number;
}

/** Copies what the source lends. */
export function keep(frame: Frame): SeenFrame {
  const { start, end, wireLengthBytes, timeUs, linkType, direction, vlanTci, vlanTpid } = frame;
  const bytes = Buffer.from(frame.bytes.subarray(start, end));
  return { bytes, wireLengthBytes, timeUs, linkType, direction, vlanTci, vlanTpid };
}

/** Reads until `count` frames are there, or the source has no more. Rejects when the kernel drops some meanwhile. */
export async function collect(source: PacketSource, count: number): Promise<SeenFrame[]> {
  const frame = new Frame();
  const seen: SeenFrame[] = [];
  const dropped = source.counters().kernelDrops;
  while (seen.length < count) {
    if (source.next(frame)) seen.push(keep(frame));
    else if ((await source.ready()) !== 'readable') break;
    else if (source.counters().kernelDrops > dropped)
      throw new Error('Cannot collect all frames: the kernel dropped some');
  }
  return seen;
}

/** Reads all frames until the source says something else than 'readable', which is given back. */
export async function drain(source: PacketSource): Promise<{ seen: SeenFrame[]; state: SourceState }> {
  const frame = new Frame();
  const seen: SeenFrame[] = [];
  while (true) {
    while (source.next(frame)) seen.push(keep(frame));
    const state = await source.ready();
    if (state !== 'readable') return { seen, state };
  }
}
