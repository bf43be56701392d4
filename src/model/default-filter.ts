/** The capture filter (pcap-filter(7)) when nobody asked for another. */
export const DEFAULT_FILTER = 'tcp or icmp or icmp6 or udp port 53';
