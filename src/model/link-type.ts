/**
 * Link-layer header types the agent decodes, by their number in capture files
 * (https://www.tcpdump.org/linktypes.html). Sources translate whatever they get into these.
 */
export const LinkType = {
  null: 0,
  ethernet: 1,
  rawBsd: 12,
  rawOpenBsd: 14,
  raw: 101,
  loop: 108,
  linuxSll: 113,
  ipv4: 228,
  ipv6: 229,
  nflog: 239,
  linuxSll2: 276,
} as const;

export type LinkType = (typeof LinkType)[keyof typeof LinkType];
