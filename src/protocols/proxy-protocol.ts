import { formatIpv4, formatIpv6 } from '../model/address.ts';

/** What a PROXY protocol header says (https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt). */
export interface ProxyHeader {
  /** Bytes of the header. */
  readonly lengthBytes: number;
  /** The source it names, `address:port` or `[address]:port`; empty when it names none. */
  readonly source: string;
}

const TEXT = [0x50, 0x52, 0x4f, 0x58, 0x59, 0x20]; // "PROXY "
const SIGNATURE = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
/** The longest line of version 1, with its end. */
const MOST_TEXT_BYTES = 107;
const BINARY_HEAD_BYTES = 16;
/** Headers of version 2 carry options too; longer ones are not waited for. */
const MOST_BINARY_BYTES = 4096;

/** Whether the bytes are, or may become, a PROXY protocol header. */
export function beginsProxyHeader(bytes: Uint8Array, start: number, end: number): boolean {
  return begins(TEXT, bytes, start, end) || begins(SIGNATURE, bytes, start, end);
}

/**
 * Reads the header that `bytes[start..end)` begin with. `more`: it is not there to its end; null: it is none.
 */
export function readProxyHeader(bytes: Uint8Array, start: number, end: number): ProxyHeader | 'more' | null {
  if (end - start < SIGNATURE.length) return beginsProxyHeader(bytes, start, end) ? 'more' : null;
  if (begins(TEXT, bytes, start, end)) return readText(bytes, start, end);
  return begins(SIGNATURE, bytes, start, end) ? readBinary(bytes, start, end) : null;
}

function begins(wanted: readonly number[], bytes: Uint8Array, start: number, end: number): boolean {
  const count = Math.min(end - start, wanted.length);
  for (let i = 0; i < count; i++) if (bytes[start + i] !== wanted[i]) return false;
  return count > 0;
}

/** Version 1: `PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n`. */
function readText(bytes: Uint8Array, start: number, end: number): ProxyHeader | 'more' | null {
  const last = Math.min(end, start + MOST_TEXT_BYTES);
  let at = start;
  while (at < last && bytes[at] !== 0x0a) at++;
  if (at === last) return last === end ? 'more' : null;
  const line = Buffer.from(bytes.buffer, bytes.byteOffset + start, at - start)
    .toString('latin1')
    .trimEnd();
  const [, kind = '', address = '', , port = ''] = line.split(' ');
  const isIpv6 = kind === 'TCP6';
  const isKnown = /^[0-9a-fA-F.:]{2,45}$/.test(address) && /^\d{1,5}$/.test(port) && (isIpv6 || kind === 'TCP4');
  const source = isKnown ? (isIpv6 ? `[${address}]:${port}` : `${address}:${port}`) : '';
  return { lengthBytes: at + 1 - start, source };
}

/** Version 2: signature, version and command, family, length, addresses, options. */
function readBinary(bytes: Uint8Array, start: number, end: number): ProxyHeader | 'more' | null {
  if (end - start < BINARY_HEAD_BYTES) return 'more';
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, end - start);
  const lengthBytes = BINARY_HEAD_BYTES + view.getUint16(14);
  if (view.getUint8(12) >>> 4 !== 2 || lengthBytes > MOST_BINARY_BYTES) return null;
  if (end - start < lengthBytes) return 'more';
  const isProxied = (view.getUint8(12) & 0xf) === 1;
  const family = view.getUint8(13);
  const word = (i: number) => view.getUint32(BINARY_HEAD_BYTES + i * 4);
  if (isProxied && family === 0x11 && lengthBytes >= BINARY_HEAD_BYTES + 12) {
    return { lengthBytes, source: `${formatIpv4(word(0))}:${view.getUint16(BINARY_HEAD_BYTES + 8)}` };
  }
  if (isProxied && family === 0x21 && lengthBytes >= BINARY_HEAD_BYTES + 36) {
    const address = formatIpv6(word(0), word(1), word(2), word(3));
    return { lengthBytes, source: `[${address}]:${view.getUint16(BINARY_HEAD_BYTES + 32)}` };
  }
  return { lengthBytes, source: '' };
}
