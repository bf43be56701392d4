/** Makers of HTTP/2 bytes for tests: frames, and header blocks in the plainest coding. */

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** A frame (RFC 9113 §4.1). */
export function frame(type: number, flags: number, stream: number, payload: Uint8Array = new Uint8Array(0)): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}

/** An integer with a prefix of so many bits (RFC 7541 §5.1). */
export function integer(value: number, prefixBits: number, first: number): number[] {
  const limit = 2 ** prefixBits - 1;
  if (value < limit) return [first | value];
  const bytes = [first | limit];
  for (value -= limit; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return [...bytes, value];
}

function text(value: string): Buffer {
  return Buffer.concat([Buffer.from(integer(value.length, 7, 0)), Buffer.from(value, 'latin1')]);
}

/** A field that goes into the table (RFC 7541 §6.2.1). */
export function indexed(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.of(0x40), text(name), text(value)]);
}

/** A field that does not (RFC 7541 §6.2.2). */
export function plain(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.of(0x00), text(name), text(value)]);
}

/** A field of a table; the newest of the dynamic one is 62. */
export function reference(index: number): Buffer {
  return Buffer.from(integer(index, 7, 0x80));
}

/** `:method: GET`, `:scheme: http`, and a path. */
export function get(path: string): Buffer {
  return Buffer.concat([reference(2), reference(6), Buffer.of(0x04), text(path)]);
}

/** HEADERS with END_STREAM and END_HEADERS. */
export function headers(stream: number, ...fields: Uint8Array[]): Buffer {
  return frame(1, 0x05, stream, Buffer.concat(fields));
}
