import type { PacketNotes } from '../model/packet-notes.ts';
import { PACKET_RECORD_HEADER_BYTES, type PacketRecords, SNAP_LENGTH_BYTES } from '../model/packet-records.ts';
import { BLOCK_FRAME_BYTES, BlockWriter, textOptionBytes } from './block-writer.ts';

/** What a pcapng file says of the capture its packets come from. */
export interface CaptureOrigin {
  readonly interfaceName: string;
  /** Whose interface it is, for people. */
  readonly description: string;
  /** pcap-filter(7). */
  readonly filter: string;
}

/** What the capture received and lost up to now, in frames. */
export interface CaptureTotals {
  readonly received: number;
  readonly dropped: number;
}

/** Block types (draft-ietf-opsawg-pcapng §4). */
const BlockType = {
  sectionHeader: 0x0a0d0d0a,
  interfaceDescription: 1,
  interfaceStatistics: 5,
  enhancedPacket: 6,
} as const;

const COMMENT = 1;
const SECTION_APPLICATION = 4;
const INTERFACE_NAME = 2;
const INTERFACE_DESCRIPTION = 3;
const INTERFACE_FILTER = 11;
const FILTER_IS_TEXT = 0;
const STATISTICS_RECEIVED = 4;
const STATISTICS_DROPPED = 5;

const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
/** An enhanced packet block without its packet and its comment, with what fills the packet up, and the end of options. */
const PACKET_BLOCK_BYTES = BLOCK_FRAME_BYTES + 20 + 3 + 4;
/** All else that a file holds, without texts. */
const OTHER_BYTES = 256;

/**
 * A pcapng file with one interface: packets with what is said of them, and what the capture received and lost, where
 * that is known. The caller owns it.
 */
export function pcapngFile(
  records: PacketRecords,
  notes: PacketNotes,
  origin: CaptureOrigin,
  totals: CaptureTotals | null,
): Uint8Array {
  const comments = commentsByPacket(records, notes);
  const section = `packets of one connection, ${records.omittedPackets} of them left out as there was no room`;
  const texts = [...comments.values(), section, origin.interfaceName, origin.description, origin.filter];
  const writer = new BlockWriter(
    records.bytes.length + records.packets * PACKET_BLOCK_BYTES + OTHER_BYTES + sum(texts.map(textOptionBytes)),
  );
  writeSectionHeader(writer, section);
  writeInterface(writer, records.linkType, origin);
  let lastUs = 0;
  for (const { index, timeUs, wireBytes, packet } of packetsOf(records)) {
    writePacket(writer, timeUs, wireBytes, packet, comments.get(index) ?? '');
    lastUs = timeUs;
  }
  if (totals !== null) writeStatistics(writer, lastUs, totals);
  return writer.bytes;
}

function writeSectionHeader(writer: BlockWriter, comment: string): void {
  writer.begin(BlockType.sectionHeader);
  writer.uint32(BYTE_ORDER_MAGIC);
  writer.uint16(1);
  writer.uint16(0);
  writer.uint32(0xffffffff); // the section's length is not said
  writer.uint32(0xffffffff);
  writer.textOption(COMMENT, comment);
  writer.textOption(SECTION_APPLICATION, 'dlltagent');
  writer.endOfOptions();
  writer.end();
}

function writeInterface(
  writer: BlockWriter,
  linkType: number,
  { interfaceName, description, filter }: CaptureOrigin,
): void {
  writer.begin(BlockType.interfaceDescription);
  writer.uint16(linkType);
  writer.uint16(0);
  writer.uint32(SNAP_LENGTH_BYTES);
  writer.textOption(INTERFACE_NAME, interfaceName);
  writer.textOption(INTERFACE_DESCRIPTION, description);
  writer.textOption(INTERFACE_FILTER, filter, [FILTER_IS_TEXT]);
  writer.endOfOptions();
  writer.end();
}

function writePacket(
  writer: BlockWriter,
  timeUs: number,
  wireBytes: number,
  packet: Uint8Array,
  comment: string,
): void {
  writer.begin(BlockType.enhancedPacket);
  writer.uint32(0); // the only interface
  writer.time(timeUs);
  writer.uint32(packet.length);
  writer.uint32(wireBytes);
  writer.padded(packet);
  if (comment !== '') {
    writer.textOption(COMMENT, comment);
    writer.endOfOptions();
  }
  writer.end();
}

function writeStatistics(writer: BlockWriter, timeUs: number, { received, dropped }: CaptureTotals): void {
  writer.begin(BlockType.interfaceStatistics);
  writer.uint32(0);
  writer.time(timeUs);
  writer.numberOption(STATISTICS_RECEIVED, received);
  writer.numberOption(STATISTICS_DROPPED, dropped);
  writer.endOfOptions();
  writer.end();
}

/** What is said at each packet, by its position; what is said of a time stands at the last packet up to then. */
function commentsByPacket(records: PacketRecords, { connection, packets }: PacketNotes): Map<number, string> {
  const comments = new Map<number, string>();
  if (records.packets === 0) return comments;
  if (connection !== '') comments.set(0, connection);
  const times = [...packetsOf(records)].map(({ timeUs }) => timeUs);
  for (const { timeUs, text } of packets) {
    const index = Math.max(
      0,
      times.findLastIndex((time) => time <= timeUs),
    );
    const before = comments.get(index);
    comments.set(index, before === undefined ? text : `${before}\n${text}`);
  }
  return comments;
}

/** The packets of records, with views of their bytes. */
function* packetsOf({ bytes, packets }: PacketRecords) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let index = 0, at = 0; index < packets; index++) {
    const start = at + PACKET_RECORD_HEADER_BYTES;
    const capturedBytes = view.getUint32(at + 8, true);
    yield {
      index,
      timeUs: view.getUint32(at, true) * 1_000_000 + view.getUint32(at + 4, true),
      wireBytes: view.getUint32(at + 12, true),
      packet: bytes.subarray(start, start + capturedBytes),
    };
    at = start + capturedBytes;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
