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
  readonly #socket = new NetlinkSocket(NETLINK_ROUTE, 'watch for network interfaces', RTMGRP_LINK);
  readonly #buffer = new Uint8Array(32_768);
  readonly #view = new DataView(this.#buffer.buffer);
  readonly #watch: DescriptorWatch;

  /** `onAppeared` is called once for those that are seen at a time. Throws `SystemError`. */
  constructor(onAppeared: () => void) {
    this.#watch = new DescriptorWatch(this.#socket.fd, (readable) => {
      if (this.#hasAppeared() || !readable) onAppeared(); // an error: messages were lost, ENOBUFS
      this.#watch.start();
    });
  }

  close(): void {
    this.#watch.close();
    this.#socket.close();
  }

  /** Takes in all that is there. */
  #hasAppeared(): boolean {
    let found = false;
    try {
      for (let lengthBytes = this.#take(); lengthBytes > 0; lengthBytes = this.#take()) {
        for (const at of messages(this.#view, lengthBytes)) found ||= this.#isNewLink(at, lengthBytes);
      }
    } catch {
      return true; // messages were lost, which reading says once
    }
    return found;
  }

  #take(): number {
    return this.#socket.receive(this.#buffer);
  }

  #isNewLink(at: number, lengthBytes: number): boolean {
    if (messageType(this.#view, at) !== RTM_NEWLINK) return false;
    if (at + HEADER_BYTES + IFINFOMSG_BYTES > lengthBytes) return false;
    return this.#view.getUint32(at + HEADER_BYTES + IFINFOMSG_CHANGE_OFFSET, true) === ALL;
  }
}
