import { printable } from './hello.ts';

/** Bytes of something that is not TLS which are shown. */
const MAX_TEXT_BYTES = 32;

/**
 * The first bytes of something that should have been a record, as text: its header, then `bytes[at..end)`, to the end of
 * the line. Empty when the header is not text.
 */
export function firstText(header: readonly number[], bytes: Uint8Array, at: number, end: number): string {
  const isText = (byte: number) => (byte >= 0x20 && byte < 0x7f) || byte === 0x0d || byte === 0x0a || byte === 0x09;
  if (!header.every(isText)) return '';
  const text = Buffer.from(header).toString('latin1');
  let stop = at;
  while (stop < end && stop - at < MAX_TEXT_BYTES - header.length && (bytes[stop] as number) >= 0x20) stop++;
  return (text + printable(bytes, at, stop)).split(/[\r\n]/)[0] ?? '';
}
