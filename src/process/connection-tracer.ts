import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { everyStep } from '../model/every-step.ts';
import type { SeenConnection, SocketOwner } from '../model/seen-connection.ts';
import { BpfRing } from '../native/bpf-ring.ts';
import { monotonicOffsetUs } from '../native/clock.ts';
import { DescriptorWatch } from '../native/descriptor-watch.ts';
import { BpfObject, readEntry, removeEntry, setEntry } from '../native/libbpf.ts';
import { namespaceOf, OWNER_BYTES, RECORD_BYTES, readOwner, readRecord } from './connection-record.ts';

/** The program as clang builds it, beside the bundle (scripts/build-ebpf.sh). */
const OBJECT = fileURLToPath(new URL('./connections.bpf.o', import.meta.url));
const KERNEL_TYPES = '/sys/kernel/btf/vmlinux';

/** RING_BYTES of connections.bpf.c. */
const RING_BYTES = 1 << 20;
/** Without packets the ring is read this often. */
const POLL_MS = 100;

/** Is told of the connections of one network namespace. */
export type SeenListener = (seen: SeenConnection) => void;

interface Running {
  readonly object: BpfObject;
  readonly ring: BpfRing;
  readonly ringWatch: DescriptorWatch;
  readonly timer: NodeJS.Timeout;
  readonly watched: number;
  readonly connecting: number;
  readonly lost: number;
}

/**
 * The eBPF program that sees who opens and who serves connections: in the kernel for as long as somebody watches a
 * network namespace, one for all of them.
 */
export class ConnectionTracer {
  readonly #listeners = new Map<number, Set<SeenListener>>();
  readonly #key = new Uint8Array(8);
  readonly #keyView = new DataView(this.#key.buffer);
  readonly #owner = new Uint8Array(OWNER_BYTES);
  #running: Running | null = null;

  /** Begins to tell of a namespace's connections. Throws one line that says what is missing. */
  watch(namespace: number, listener: SeenListener): void {
    const running = this.#running ?? start(() => this.poll());
    this.#running = running;
    const listeners = this.#listeners.get(namespace);
    if (listeners !== undefined) {
      listeners.add(listener);
      return;
    }
    this.#keyView.setUint32(0, namespace, true);
    if (!setEntry(running.watched, this.#key, Uint8Array.of(1))) {
      this.#stopWhenIdle();
      throw new Error('Cannot watch one more network namespace with eBPF: there are too many');
    }
    this.#listeners.set(namespace, new Set([listener]));
  }

  /** Ends what `watch` began. */
  unwatch(namespace: number, listener: SeenListener): void {
    const listeners = this.#listeners.get(namespace);
    if (listeners === undefined || this.#running === null) return;
    this.poll();
    listeners.delete(listener);
    if (listeners.size > 0) return;
    this.#listeners.delete(namespace);
    this.#keyView.setUint32(0, namespace, true);
    removeEntry(this.#running.watched, this.#key);
    this.#stopWhenIdle();
  }

  /** Tells what was seen since the last time; cheap when that is nothing. To be called before packets are read. */
  poll(): void {
    const running = this.#running;
    if (running === null || !running.ring.hasRecords) return;
    const offsetUs = monotonicOffsetUs();
    running.ring.read((view, offset, lengthBytes) => {
      if (lengthBytes < RECORD_BYTES) return;
      const listeners = this.#listeners.get(namespaceOf(view, offset));
      if (listeners === undefined) return;
      const seen = readRecord(view, offset, offsetUs);
      for (const listener of listeners) listener(seen);
    });
  }

  /** Who called connect() on the socket of that cookie, as sock_diag tells it, and still waits for the answer. */
  connecting(cookie: Uint8Array): SocketOwner | null {
    const running = this.#running;
    if (running === null || !readEntry(running.connecting, cookie, this.#owner)) return null;
    return readOwner(new DataView(this.#owner.buffer), 0);
  }

  /** Records the ring had no room for, since the program was loaded. */
  get lost(): number {
    if (this.#running === null) return 0;
    const count = new BigUint64Array(1);
    this.#key.fill(0);
    readEntry(this.#running.lost, this.#key, new Uint8Array(count.buffer));
    return Number(count[0]);
  }

  #stopWhenIdle(): void {
    if (this.#running === null || this.#listeners.size > 0) return;
    const { object, ring, ringWatch, timer } = this.#running;
    this.#running = null;
    clearInterval(timer);
    everyStep(
      () => ringWatch.close(),
      () => ring.close(),
      () => object.close(),
    );
  }
}

function start(poll: () => void): Running {
  if (!existsSync(OBJECT)) throw new Error(`Cannot use eBPF: ${OBJECT} is missing; build it with clang: npm run build`);
  if (!existsSync(KERNEL_TYPES)) {
    throw new Error('Cannot use eBPF: this kernel does not tell its types (BTF); it needs CONFIG_DEBUG_INFO_BTF');
  }
  const object = new BpfObject(OBJECT);
  let ring: BpfRing | null = null;
  try {
    const map = object.map('records');
    const maps = { watched: object.map('watched'), connecting: object.map('connecting'), lost: object.map('lost') };
    for (const program of ['state_changed', 'bytes_read']) object.attach(program);
    ring = new BpfRing(map, RING_BYTES);
    // only woken when the ring is half full
    const ringWatch = new DescriptorWatch(map, poll);
    ringWatch.start();
    return { object, ring, ringWatch, timer: setInterval(poll, POLL_MS), ...maps };
  } catch (error) {
    ring?.close();
    object.close();
    throw error;
  }
}
