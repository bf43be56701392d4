// TCP control bits (RFC 9293 §3.1) as plain numbers, which the bundler puts into the code that uses them (ADR 0006).
export const TCP_FIN = 0x01;
export const TCP_SYN = 0x02;
export const TCP_RST = 0x04;
export const TCP_PSH = 0x08;
export const TCP_ACK = 0x10;
export const TCP_URG = 0x20;
