import { everyStep } from '../model/every-step.ts';
import { DescriptorWatch } from './descriptor-watch.ts';
import { HEADER_BYTES, messages, messageType, NetlinkSocket } from './netlink.ts';
import { IFINFOMSG_BYTES, NETLINK_ROUTE } from './rtnetlink.ts';

/* Numbers are those of linux/rtnetlink.h. */
const RTMGRP_LINK = 1;
const RTM_NEWLINK = 16;
const IFINFOMSG_CHANGE_OFFSET = 12;
/** Of `ifi_change`, when an interface came into being or into this namespace: all of it is new. */
const ALL = 0xffff_ffff;

/**
 * Tells when a network interface appears in the network namespace that the agent is in, in the event loop
 * (rtnetlink(7)). To be closed: it keeps the process alive.
 */
export class LinkWatch {
  readonly #buffer = new Uint8Array(32_768);
  readonly #view = new DataView(this.#buffer.buffer);
  readonly #onAppeared: () => void;
  #socket: NetlinkSocket | null = null;
  #watch: DescriptorWatch | null = null;

  /** `onAppeared` is called once for those that are seen at a time. */
  constructor(onAppeared: () => void) {
    this.#onAppeared = onAppeared;
  }

  /** Begins to watch the network namespace that the thread is in now. Throws `SystemError`. */
  start(): void {
    const socket = new NetlinkSocket(NETLINK_ROUTE, 'watch for network interfaces', RTMGRP_LINK);
    const watch = new DescriptorWatch(socket.fd, (readable) => {
      if (this.#hasAppeared(socket) || !readable) this.#onAppeared(); // an error: messages were lost, ENOBUFS
      watch.start();
    });
    this.#socket = socket;
    this.#watch = watch;
    try {
      watch.start();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Idempotent. */
  close(): void {
    const [socket, watch] = [this.#socket, this.#watch];
    this.#socket = null;
    this.#watch = null;
    everyStep(
      () => watch?.close(),
      () => socket?.close(),
    );
  }

  /** Takes in all that is there. */
  #hasAppeared(socket: NetlinkSocket): boolean {
    const take = () => socket.receive(this.#buffer);
    let found = false;
    try {
      for (let lengthBytes = take(); lengthBytes > 0; lengthBytes = take()) {
        for (const at of messages(this.#view, lengthBytes)) found ||= this.#isNewLink(at, lengthBytes);
      }
    } catch {
      return true; // messages were lost, which reading says once
    }
    return found;
  }

  #isNewLink(at: number, lengthBytes: number): boolean {
    if (messageType(this.#view, at) !== RTM_NEWLINK) return false;
    if (at + HEADER_BYTES + IFINFOMSG_BYTES > lengthBytes) return false;
    return this.#view.getUint32(at + HEADER_BYTES + IFINFOMSG_CHANGE_OFFSET, true) === ALL;
  }
}
