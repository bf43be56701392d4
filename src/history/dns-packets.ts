import type { Frame } from '../model/frame.ts';
import { PACKET_RECORD_HEADER_BYTES, type PacketRecords } from '../model/packet-records.ts';
import { copyBytes } from './copy-bytes.ts';
import { writeRecordHeader } from './record-header.ts';

/** Bytes that are kept of one question: a few queries and an answer of the size that resolvers advertise (1,232). */
const BLOCK_BYTES = 2048;
/** Questions of which packets are kept at the same time. */
const BLOCKS = 2048;

/** What is kept of one question. */
interface Block {
  readonly start: number;
  bytes: number;
  packets: number;
  omitted: number;
  linkType: number;
}

/**
 * The packets of open DNS questions, for pcaps: the first 2 KB of each, of 2,048 questions at the same time. There are none
 * of a question that comes when there is no room.
 */
export class DnsPackets {
  /** Made for the first packet: there are pods without DNS. */
  #bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  readonly #free: Block[] = [];
  #used = 0;
  /** By the question's slot. */
  readonly #blocks = new Map<number, Block>();

  /** Keeps a frame of a question; `payloadStart` and `maxPayloadBytes` cut what is kept. */
  keep(slot: number, frame: Frame, payloadStart: number, maxPayloadBytes: number): void {
    const block = this.#blocks.get(slot) ?? this.#take(slot, frame.linkType);
    if (block === null) return;
    let length = frame.end - frame.start;
    if (frame.end - payloadStart > maxPayloadBytes) length = payloadStart + maxPayloadBytes - frame.start;
    if (block.bytes + PACKET_RECORD_HEADER_BYTES + length > BLOCK_BYTES || block.linkType !== frame.linkType) {
      block.omitted++;
      return;
    }
    const at = block.start + block.bytes;
    writeRecordHeader(this.#view, at, frame.timeUs, length, frame.wireLengthBytes);
    const start = at + PACKET_RECORD_HEADER_BYTES;
    copyBytes(this.#bytes, this.#view, start, frame.bytes, frame.view, frame.start, length);
    block.bytes += PACKET_RECORD_HEADER_BYTES + length;
    block.packets++;
  }

  /** Copies out what is held of a question; null when there is nothing. */
  cut(slot: number): PacketRecords | null {
    const block = this.#blocks.get(slot);
    if (block === undefined || block.packets === 0) return null;
    const { linkType, packets, omitted: omittedPackets, start, bytes } = block;
    return { linkType, packets, omittedPackets, bytes: this.#bytes.slice(start, start + bytes) };
  }

  /** Forgets a question; its slot may then stand for another. */
  drop(slot: number): void {
    const block = this.#blocks.get(slot);
    if (block === undefined) return;
    this.#blocks.delete(slot);
    this.#free.push(block);
  }

  #take(slot: number, linkType: number): Block | null {
    const block = this.#free.pop() ?? this.#make();
    if (block === null) return null;
    block.bytes = 0;
    block.packets = 0;
    block.omitted = 0;
    block.linkType = linkType;
    this.#blocks.set(slot, block);
    return block;
  }

  #make(): Block | null {
    if (this.#used === BLOCKS) return null;
    if (this.#used === 0) {
      this.#bytes = new Uint8Array(BLOCK_BYTES * BLOCKS);
      this.#view = new DataView(this.#bytes.buffer);
    }
    return { start: BLOCK_BYTES * this.#used++, bytes: 0, packets: 0, omitted: 0, linkType: 0 };
  }
}
