/**
 * Writes the header that stands in front of a packet in a capture file (pcap(5)): seconds, microseconds, captured
 * length and length on the wire. `timeUs` counts from 1970-01-01; what is beyond microseconds is cut off.
 */
export function writeRecordHeader(
  target: DataView,
  offset: number,
  timeUs: number,
  capturedBytes: number,
  wireBytes: number,
): void {
  const wholeUs = Math.floor(timeUs);
  const seconds = Math.floor(wholeUs / 1e6);
  target.setUint32(offset, seconds, true);
  target.setUint32(offset + 4, wholeUs - seconds * 1e6, true);
  target.setUint32(offset + 8, capturedBytes, true);
  target.setUint32(offset + 12, wireBytes, true);
}
