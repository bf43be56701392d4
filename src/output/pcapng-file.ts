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
/** A block of any other type, without texts. */
const OTHER_BLOCK_BYTES = 64;
/** A longer file comes in parts of this size, unless a block is longer. */
const PART_BYTES = 256 * 1024;

/**
 * A pcapng file with one interface, one part after the other: packets with what is said of them, and what the capture
 * received and lost, where that is known. A part is good until the next one is asked for.
 */
export function* pcapngParts(
  records: PacketRecords,
  notes: PacketNotes,
  origin: CaptureOrigin,
  totals: CaptureTotals | null,
): Generator<Uint8Array> {
  const section = `packets of one connection, ${records.omittedPackets} of them left out as there was no room`;
  const texts = [section, origin.interfaceName, origin.description, origin.filter];
  const otherBytes = 3 * OTHER_BLOCK_BYTES + sum(texts.map(textOptionBytes));
  const packetsBytes = records.bytes.length + records.packets * PACKET_BLOCK_BYTES;
  const writer = new BlockWriter(Math.max(otherBytes, Math.min(PART_BYTES, otherBytes + packetsBytes)));
  writeSectionHeader(writer, section);
  writeInterface(writer, records.linkType, origin);
  const comments = commentsByPacket(records, notes);
  const cursor = new RecordCursor(records);
  while (cursor.next()) {
    const comment = comments.get(cursor.index) ?? '';
    const blockBytes = PACKET_BLOCK_BYTES + cursor.capturedBytes + (comment === '' ? 0 : textOptionBytes(comment));
    const needBytes = blockBytes + OTHER_BLOCK_BYTES; // what ends the file has room behind any packet
    if (!writer.hasRoom(needBytes)) {
      yield writer.bytes;
      writer.clear(needBytes);
    }
    writePacket(writer, cursor, comment);
  }
  if (totals !== null) writeStatistics(writer, cursor.timeUs, totals);
  yield writer.bytes;
}

/** Goes through the packets of records, from before the first one. */
class RecordCursor {
  /** Of the packet, from 0 on. */
  index = -1;
  timeUs = 0;
  wireBytes = 0;
  capturedBytes = 0;
  readonly #records: PacketRecords;
  readonly #view: DataView;
  #start = 0;

  constructor(records: PacketRecords) {
    const { buffer, byteOffset, byteLength } = records.bytes;
    this.#records = records;
    this.#view = new DataView(buffer, byteOffset, byteLength);
  }

  /** The captured bytes; a view. */
  get packet(): Uint8Array {
    return this.#records.bytes.subarray(this.#start, this.#start + this.capturedBytes);
  }

  /** Goes to the next packet; false when there is none. */
  next(): boolean {
    if (this.index + 1 >= this.#records.packets) return false;
    const header = this.#start + this.capturedBytes;
    this.index++;
    this.timeUs = this.#view.getUint32(header, true) * 1_000_000 + this.#view.getUint32(header + 4, true);
    this.capturedBytes = this.#view.getUint32(header + 8, true);
    this.wireBytes = this.#view.getUint32(header + 12, true);
    this.#start = header + PACKET_RECORD_HEADER_BYTES;
    return true;
  }
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

function writePacket(writer: BlockWriter, { timeUs, wireBytes, packet }: RecordCursor, comment: string): void {
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
  const positions = packets.map(() => 0);
  const cursor = new RecordCursor(records);
  while (cursor.next()) {
    for (let i = 0; i < packets.length; i++) if (cursor.timeUs <= packets[i].timeUs) positions[i] = cursor.index;
  }
  for (const [i, { text }] of packets.entries()) {
    const before = comments.get(positions[i]);
    comments.set(positions[i], before === undefined ? text : `${before}\n${text}`);
  }
  return comments;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
