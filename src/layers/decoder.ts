import type { Frame } from '../model/frame.ts';
import type { Packet } from '../model/packet.ts';
import { readIcmp } from './icmp.ts';
import { type IpExtent, PROTOCOL_TCP, PROTOCOL_UDP, transportOffset } from './ip.ts';
import { ipOffset } from './link.ts';
import { readTcp } from './tcp.ts';
import { readUdp } from './udp.ts';
import { VERDICT_NAMES, Verdict } from './verdict.ts';

/** Times from here on (the year 2255) are not exact in a double, and no clock ever says them: the capture is corrupt. */
const TIME_LIMIT_US = 2 ** 53;

/** Decodes frames down to TCP and DNS over UDP, and ICMP errors down to what they quote; counts what it made of them. Stateless but for the counts. */
export class Decoder {
  readonly #extent: IpExtent = { end: 0 };
  readonly #counts = new Float64Array(VERDICT_NAMES.length);

  /** Fills `packet` from `frame` when the answer is `Verdict.tcp`, `Verdict.icmp` or `Verdict.dns`; otherwise `packet` is half-filled and means nothing. */
  decode(frame: Frame, packet: Packet): Verdict {
    const verdict = this.#decode(frame, packet);
    this.#counts[verdict]++;
    return verdict;
  }

  /** Frames by verdict since the start. */
  counts(): Record<string, number> {
    return Object.fromEntries(VERDICT_NAMES.map((name, verdict) => [name, this.#counts[verdict]]));
  }

  #decode(frame: Frame, packet: Packet): Verdict {
    const timeUs = frame.timeUs;
    if (!(timeUs >= 0 && timeUs < TIME_LIMIT_US)) return Verdict.malformed;
    const ip = ipOffset(frame);
    if (ip < 0) return -ip as Verdict;
    const transport = transportOffset(frame, ip, packet, this.#extent);
    if (transport < 0) return -transport as Verdict;
    packet.view = frame.view;
    packet.bytes = frame.bytes;
    const { protocol } = packet;
    const verdict =
      protocol === PROTOCOL_TCP
        ? readTcp(frame, transport, packet, this.#extent)
        : protocol === PROTOCOL_UDP
          ? readUdp(frame, transport, packet, this.#extent)
          : readIcmp(frame, transport, packet, this.#extent);
    if (verdict === Verdict.tcp || verdict === Verdict.icmp || verdict === Verdict.dns) packet.timeUs = timeUs; // the time of the last packet outlives what cannot be read
    return verdict;
  }
}
