import { closeSync, openSync, readSync } from 'node:fs';
import { addressOf, pageBytes } from '../../src/native/mapping.ts';

const ENTRY_BYTES = 8;
/** The highest bit of an entry: the page is present (Documentation/admin-guide/mm/pagemap.rst). */
const PRESENT = 0x80;

/** What of a piece of this process's memory is resident, in MiB. */
export function residentMib(buffer: ArrayBufferLike): number {
  const pages = buffer.byteLength / pageBytes();
  const entries = Buffer.alloc(pages * ENTRY_BYTES);
  const pagemap = openSync('/proc/self/pagemap', 'r');
  try {
    const first = Number(addressOf(new Uint8Array(buffer))) / pageBytes();
    if (readSync(pagemap, entries, 0, entries.length, first * ENTRY_BYTES) < entries.length) {
      throw new Error('Cannot read all of /proc/self/pagemap');
    }
  } finally {
    closeSync(pagemap);
  }
  let present = 0;
  for (let at = ENTRY_BYTES - 1; at < entries.length; at += ENTRY_BYTES) {
    if (((entries[at] ?? 0) & PRESENT) !== 0) present++;
  }
  return (present * pageBytes()) / 1024 / 1024;
}
