import { DNS_PORT } from '../layers/udp.ts';
import { Side } from '../model/connection.ts';
import type { Packet } from '../model/packet.ts';
import { TCP_ACK, TCP_SYN } from '../model/tcp-bits.ts';
import { DnsStream } from '../protocols/dns/dns-stream.ts';
import { InOrderStream } from '../protocols/stream/in-order-stream.ts';
import type { StreamBudget } from '../protocols/stream/stream-budget.ts';
import type { DnsQuestions } from './dns-questions.ts';
import type { TrackedConnection } from './tracked-connection.ts';

/** Connections read at the same time; the one that began first is read no more. */
const MOST_CONNECTIONS = 1_000;

/** What DNS over TCP is read with. */
export interface DnsConversationParts {
  /** A window, moved as needed. */
  readonly connection: TrackedConnection;
  readonly questions: DnsQuestions;
  /** Memory for bytes that came too early. */
  readonly streamBudget: StreamBudget;
  /** Memory for messages in pieces. */
  readonly messageBudget: StreamBudget;
}

/** Both directions of one connection. */
interface DnsConversation {
  readonly messages: readonly [DnsStream, DnsStream];
  readonly streams: readonly [InOrderStream, InOrderStream];
}

/** Reads DNS messages from TCP connections of port 53 that were seen from their beginning. */
export class DnsConversations {
  readonly #parts: DnsConversationParts;
  /** By slot, in the order in which they began. */
  readonly #conversations = new Map<number, DnsConversation>();
  /** The packet that is looked at, and who sent it. */
  #packet: Packet | null = null;
  #side: Side = Side.initiator;

  constructor(parts: DnsConversationParts) {
    this.#parts = parts;
  }

  /** A packet of `side` of a connection that is being read. */
  packet(slot: number, side: Side, packet: Packet): void {
    let conversation = this.#conversations.get(slot);
    if (conversation === undefined) {
      const connection = this.#parts.connection.at(slot);
      // where a message begins is only known from the first byte on
      if (connection.responderPort !== DNS_PORT || !connection.isBeginKnown(Side.initiator)) {
        connection.reading = false;
        return;
      }
      if (packet.payloadLengthBytes === 0) return;
      conversation = this.#open(slot);
    }
    this.#packet = packet;
    this.#side = side;
    const { flags, payloadLengthBytes, payloadStart, payloadCapturedBytes, bytes, timeUs } = packet;
    if ((flags & TCP_ACK) !== 0) conversation.streams[1 - side].acknowledged(packet.acknowledgment);
    if (payloadLengthBytes > 0) {
      const sequence = (flags & TCP_SYN) === 0 ? packet.sequence : (packet.sequence + 1) | 0;
      conversation.streams[side].segment(
        sequence,
        bytes,
        payloadStart,
        payloadCapturedBytes,
        payloadLengthBytes,
        timeUs,
      );
    }
    if (conversation.messages[0].isLost || conversation.messages[1].isLost) {
      this.#parts.questions.streamLost(slot);
      this.#stop(slot);
    }
  }

  /** The connection is over: nothing more is read. */
  release(slot: number): void {
    const conversation = this.#conversations.get(slot);
    if (conversation === undefined) return;
    this.#conversations.delete(slot);
    for (const stream of conversation.streams) stream.release();
    for (const messages of conversation.messages) messages.release();
    this.#parts.questions.streamClosed(slot);
  }

  #open(slot: number): DnsConversation {
    if (this.#conversations.size >= MOST_CONNECTIONS) this.#stopOldest();
    const { streamBudget, messageBudget, connection } = this.#parts;
    const sink = (bytes: Uint8Array, start: number, end: number, timeUs: number) =>
      this.#message(slot, bytes, start, end, timeUs);
    const messages = [new DnsStream(messageBudget, sink), new DnsStream(messageBudget, sink)] as const;
    const streams = [
      new InOrderStream(messages[0], streamBudget),
      new InOrderStream(messages[1], streamBudget),
    ] as const;
    connection.at(slot);
    for (const side of [Side.initiator, Side.responder]) {
      if (connection.isBeginKnown(side)) streams[side].begin((connection.initialSequence(side) + 1) | 0);
    }
    const conversation = { messages, streams };
    this.#conversations.set(slot, conversation);
    return conversation;
  }

  #message(slot: number, bytes: Uint8Array, start: number, end: number, timeUs: number): void {
    const packet = this.#packet;
    if (packet === null) return;
    const { questions, connection } = this.#parts;
    const { podSide } = connection.at(slot);
    questions.streamMessage(bytes, start, end, timeUs, packet, this.#side === Side.initiator, podSide, slot);
  }

  #stop(slot: number): void {
    this.#parts.connection.at(slot).reading = false;
    this.release(slot);
  }

  #stopOldest(): void {
    for (const slot of this.#conversations.keys()) {
      this.#parts.questions.streamLost(slot);
      this.#stop(slot);
      return;
    }
  }
}
