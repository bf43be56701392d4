/**
 * What decoding made of a frame. Everything but `tcp`, `icmp` and `dns` is counted by its reason and left alone: `truncated` means that
 * the capture cut the frame before its headers ended, `malformed` that the frame itself contradicts its protocol, or has an impossible time.
 */
export const Verdict = {
  tcp: 0,
  /** ARP, LLDP, …: no IP inside. */
  notIp: 1,
  /** IP, but neither of what is followed nor a tunnel. */
  notTcp: 2,
  /** A fragment other than the first. */
  fragment: 3,
  /** IP in IP, GRE, ESP, AH over IPv4, VXLAN, Geneve, WireGuard: the packets inside are not looked at. */
  tunnel: 4,
  truncated: 5,
  malformed: 6,
  /** A link type without a decoder. */
  unknownLink: 7,
  /** An ICMP error that quotes a TCP segment or a DNS query. */
  icmp: 8,
  /** A UDP datagram from or to port 53. */
  dns: 9,
} as const;

export type Verdict = (typeof Verdict)[keyof typeof Verdict];

/** The names of the verdicts, by their number. */
export const VERDICT_NAMES = Object.keys(Verdict) as readonly (keyof typeof Verdict)[];
