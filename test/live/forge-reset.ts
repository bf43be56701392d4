/**
 * Forges the RST of a server: waits for a segment with payload from a port, and sends a RST with its addresses and a
 * sequence number so many bytes beyond its end. Run as a program: `forge-reset.js INTERFACE PORT BYTES`; says `listening`
 * and `sent`.
 */
import { createRequire } from 'node:module';

const ETHERNET_BYTES = 14;
const IPV4_BYTES = 20;
const TCP_BYTES = 20;
const RST = 4;
const FRAME_BYTES = 65_535;

interface Cap {
  open(device: string, filter: string, bufferBytes: number, frame: Buffer): string;
  setMinBytes?(bytes: number): void;
  send(frame: Buffer, lengthBytes: number): void;
  close(): void;
  on(event: 'packet', listener: (lengthBytes: number) => void): void;
}

const { Cap } = createRequire(import.meta.url)('cap') as { Cap: new () => Cap };

/** Sum of RFC 1071. */
function checksum(...parts: readonly Buffer[]): number {
  let sum = 0;
  for (const part of parts) for (let at = 0; at < part.length; at += 2) sum += part.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** A RST in the place of what follows an IPv4 segment. */
function resetAfter(frame: Buffer, beyondBytes: number): Buffer {
  const from = ETHERNET_BYTES + IPV4_BYTES;
  const headerBytes = (frame.readUInt8(from + 12) >>> 4) * 4;
  const payloadBytes = frame.readUInt16BE(ETHERNET_BYTES + 2) - IPV4_BYTES - headerBytes;
  const reset = Buffer.from(frame.subarray(0, from + TCP_BYTES));
  const [ip, tcp] = [reset.subarray(ETHERNET_BYTES, from), reset.subarray(from)];
  ip.writeUInt16BE(IPV4_BYTES + TCP_BYTES, 2);
  ip.writeUInt16BE((ip.readUInt16BE(4) + 1) & 0xffff, 4);
  ip.writeUInt16BE(0, 10);
  ip.writeUInt16BE(checksum(ip), 10);
  tcp.writeUInt32BE((tcp.readUInt32BE(4) + payloadBytes + beyondBytes) >>> 0, 4);
  tcp.writeUInt32BE(0, 8);
  tcp.writeUInt8((TCP_BYTES / 4) << 4, 12);
  tcp.writeUInt8(RST, 13);
  tcp.writeUInt32BE(0, 14);
  tcp.writeUInt16BE(0, 18);
  tcp.writeUInt16BE(0, 16);
  const pseudoHeader = Buffer.concat([ip.subarray(12), Buffer.from([0, 6, 0, TCP_BYTES])]);
  tcp.writeUInt16BE(checksum(pseudoHeader, tcp), 16);
  return reset;
}

const [device = '', port = '', beyond = '0'] = process.argv.slice(2);
const cap = new Cap();
const frame = Buffer.alloc(FRAME_BYTES);
cap.on('packet', () => {
  const reset = resetAfter(frame, Number(beyond));
  cap.send(reset, reset.length);
  process.stdout.write('sent\n', () => process.exit());
});
cap.open(device, `tcp src port ${port} and tcp[13] & 8 != 0`, 1 << 20, frame);
cap.setMinBytes?.(0);
process.stdout.write('listening\n');
