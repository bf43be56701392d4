import { DNS_PORT } from '../layers/udp.ts';
import { ConnectionType, Side } from '../model/connection.ts';
import { type MemoryRoom, UNBOUNDED_ROOM } from '../model/memory-room.ts';
import type { Packet } from '../model/packet.ts';
import { TCP_ACK, TCP_SYN } from '../model/tcp-bits.ts';
import type { HttpMatch, HttpSearch } from '../protocols/http/http-search.ts';
import { beginsProxyHeader } from '../protocols/proxy-protocol.ts';
import { StreamBudget } from '../protocols/stream/stream-budget.ts';
import { CertificateCache } from '../protocols/tls/certificate.ts';
import { mayLeadToTls } from '../protocols/tls/tls-reader.ts';
import type { TlsSignal } from '../protocols/tls/tls-signal.ts';
import { Conversation, type ConversationContext, plainType } from './conversation.ts';
import { DnsConversations } from './dns-conversations.ts';
import type { DnsQuestions } from './dns-questions.ts';
import type { TrackedConnection } from './tracked-connection.ts';

/** Conversations read at the same time; beyond that the one that began first is read no more. */
const MOST_CONVERSATIONS = 8_000;
/** Room is asked for so many at a time. */
const CONVERSATIONS_AT_ONCE = 160;
/** Room for more than so many that are not there is given back. */
const SPARE_CONVERSATIONS = 4 * CONVERSATIONS_AT_ONCE;
/** Memory of the engine's heap that one takes, with its readers. */
const CONVERSATION_BYTES = 6 * 1024;
/** Memory of all conversations for bytes that came too early. */
const STREAM_BUDGET_BYTES = 32 * 1024 * 1024;
/** Memory of all conversations for TLS handshake messages that come in pieces. */
const MESSAGE_BUDGET_BYTES = 32 * 1024 * 1024;

/** Fewer first bytes do not tell what a connection carries. */
const ENOUGH_BYTES = 8;
/** Description of an alert that cannot be read, see `UNREADABLE_ALERT`. */
const UNREADABLE_DESCRIPTION = 255;
/** First byte of a TLS record that is an alert (RFC 8446 §5.1). */
const TLS_ALERT_RECORD = 21;

/** Room that conversations share with others. */
export interface ConversationRoom {
  /** For bytes that came too early, and messages in pieces. */
  readonly streams: MemoryRoom;
  /** For the conversations themselves, in the engine's heap. */
  readonly heap: MemoryRoom;
}

/** Is told what is read in the payload of connections. The connection is a window that moves on after the call. */
export interface ConversationListener {
  tlsSignal(connection: TrackedConnection, signal: TlsSignal): void;
  /** A PROXY protocol header named the source that the connection stands for. */
  proxied(connection: TrackedConnection, source: string): void;
  /** The head of a request has the text that is searched, or the one that marks a connection nobody wants. */
  httpMatch(connection: TrackedConnection, match: HttpMatch): void;
}

const UNBOUNDED: ConversationRoom = { streams: UNBOUNDED_ROOM, heap: UNBOUNDED_ROOM };

/** What conversations are read for, and within which room. */
export interface ConversationsOptions {
  readonly search: HttpSearch;
  readonly listener: ConversationListener;
  /** Who is told of DNS over TCP; nobody reads it when missing. */
  readonly questions?: DnsQuestions;
  /** There is always room when missing. */
  readonly room?: ConversationRoom | undefined;
}

/** Reads payload for the tracker: which connections it reads is marked in their records (`TrackedConnection.reading`). */
export class Conversations {
  readonly #connection: TrackedConnection;
  readonly #listener: ConversationListener;
  readonly #context: ConversationContext;
  /** Null: nobody reads DNS. */
  readonly #dns: DnsConversations | null;
  /** By slot, in the order in which they began. */
  readonly #conversations = new Map<number, Conversation>();
  #givenUp = 0;
  #isPaused = false;

  readonly #room: ConversationRoom;
  /** Conversations there is room for. */
  #limit = 0;

  /** `connection` is a cursor of its own, moved as needed. */
  constructor(connection: TrackedConnection, options: ConversationsOptions) {
    const { search, listener, questions = null, room = UNBOUNDED } = options;
    this.#room = room;
    this.#connection = connection;
    this.#listener = listener;
    this.#context = {
      search,
      certificates: new CertificateCache(),
      streamBudget: new StreamBudget(STREAM_BUDGET_BYTES, room.streams),
      messageBudget: new StreamBudget(MESSAGE_BUDGET_BYTES, room.streams),
      httpSink: {
        http() {},
        match: (slot, match) => this.#onMatch(slot, match),
        notHttp() {},
        done() {},
      },
    };
    const { streamBudget, messageBudget } = this.#context;
    this.#dns = questions && new DnsConversations({ connection, questions, streamBudget, messageBudget });
  }

  /** Conversations that were read no more because there were too many, or too much to do. */
  get givenUp(): number {
    return this.#givenUp;
  }

  /** Whether nothing is read: what begins meanwhile, or is being read when it is set, is not read afterwards either. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  set isPaused(paused: boolean) {
    this.#isPaused = paused;
    if (!paused) return;
    this.#givenUp += this.#conversations.size;
    for (const slot of this.#conversations.keys()) this.#stopReading(slot);
  }

  /** A packet of a connection that is being read. */
  packet(slot: number, side: Side, packet: Packet): void {
    if (this.#isPaused) {
      this.#stopReading(slot);
      return;
    }
    let conversation = this.#conversations.get(slot);
    if (conversation === undefined) {
      if (this.#dns !== null && (packet.destinationPort === DNS_PORT || packet.sourcePort === DNS_PORT)) {
        this.#dns.packet(slot, side, packet);
        return;
      }
      if (packet.payloadLengthBytes === 0 || this.#isNothingToRead(slot, side, packet)) return;
      conversation = this.#open(slot, side, packet);
    }
    conversation.packet(side, packet);
    this.#settle(slot, conversation);
  }

  /** A side of a connection that is being read has sent FIN, which stands at `sequence`. */
  finished(slot: number, side: Side, sequence: number, timeUs: number): void {
    const conversation = this.#conversations.get(slot);
    if (conversation === undefined) return;
    conversation.finished(side, sequence, timeUs);
    this.#settle(slot, conversation);
  }

  /** A RST of a side ended a connection that is being read. */
  reset(slot: number, side: Side, timeUs: number): void {
    const conversation = this.#conversations.get(slot);
    if (conversation === undefined) return;
    conversation.reset(side, timeUs);
    this.#settle(slot, conversation);
  }

  /** The connection ended: nothing more is read. */
  release(slot: number): void {
    const conversation = this.#conversations.get(slot);
    if (conversation === undefined) {
      this.#dns?.release(slot);
      return;
    }
    this.#conversations.delete(slot);
    conversation.release();
    if (this.#limit - this.#conversations.size > SPARE_CONVERSATIONS) {
      this.#limit -= CONVERSATIONS_AT_ONCE;
      this.#room.heap.give(CONVERSATIONS_AT_ONCE * CONVERSATION_BYTES);
    }
  }

  /** A search may have begun in the middle of a connection: it is read again, unless somebody does or it is TLS. */
  searchFromHereOn(connection: TrackedConnection): void {
    if (this.#context.search.isEmpty || connection.connectionType === ConnectionType.tls) return;
    if (!this.#conversations.has(connection.slot)) connection.readAgain();
  }

  /**
   * Whether there is nothing to read in a connection nobody reads yet, so that most connections need no conversation:
   * plain text, HTTP in which nothing is searched among it, and what cannot lead to TLS. One thing is still waited for:
   * a TLS port answers plain text with an alert, which is worth a conversation.
   */
  #isNothingToRead(slot: number, side: Side, packet: Packet): boolean {
    const { bytes, payloadStart, payloadCapturedBytes } = packet;
    const connection = this.#connection.at(slot);
    if (connection.isReadAgain) return false;
    if (connection.connectionType !== ConnectionType.unknown) {
      if (side === Side.initiator) return true;
      const isAlert = payloadCapturedBytes > 0 && bytes[payloadStart] === TLS_ALERT_RECORD;
      connection.reading = isAlert;
      return !isAlert;
    }
    if (payloadCapturedBytes < ENOUGH_BYTES || !isFirst(connection, side, packet)) return false;
    const end = payloadStart + payloadCapturedBytes;
    const type = plainType(bytes, payloadStart, end);
    // an HTTP/2 server may speak first, and a connection that was there before may turn out to be HTTP
    const mayBeHttp = type === ConnectionType.http || side === Side.responder || connection.midstream;
    const searched = mayBeHttp && !this.#context.search.isEmpty;
    if (side === Side.initiator && beginsProxyHeader(bytes, payloadStart, end)) return false;
    if (searched || mayLeadToTls(side, bytes, payloadStart, end)) return false;
    connection.connectionType = type;
    connection.reading = side === Side.initiator && type !== ConnectionType.unknown;
    return true;
  }

  #open(slot: number, opener: Side, packet: Packet): Conversation {
    if (this.#conversations.size >= this.#limit && !this.#grow()) this.#giveUpOldest();
    const connection = this.#connection.at(slot);
    const { isReadAgain, connectionType } = connection;
    const conversation = new Conversation(slot, connection.midstream || isReadAgain, this.#context);
    for (const side of [0, 1] as const) {
      const isWhole = connection.isBeginKnown(side) && !isReadAgain;
      if (isWhole) {
        conversation.begin(side, (connection.initialSequence(side) + 1) | 0);
      } else if (side === opener || (packet.flags & TCP_ACK) === 0) {
        conversation.missedBeginning(side);
      } else {
        // what comes of the other side after this packet begins behind what this one acknowledges
        conversation.begin(side, packet.acknowledgment);
        if (side === Side.initiator) conversation.missedBeginning(side);
      }
    }
    if (isReadAgain || connectionType !== ConnectionType.unknown) conversation.assumePlainText(connectionType);
    this.#conversations.set(slot, conversation);
    return conversation;
  }

  /** Makes room for some more; false when there is none. The first ones are always read. */
  #grow(): boolean {
    if (this.#limit === MOST_CONVERSATIONS) return false;
    const bytes = CONVERSATIONS_AT_ONCE * CONVERSATION_BYTES;
    if (this.#limit === 0) this.#room.heap.use(bytes);
    else if (!this.#room.heap.take(bytes)) return false;
    this.#limit += CONVERSATIONS_AT_ONCE;
    return true;
  }

  #giveUpOldest(): void {
    for (const slot of this.#conversations.keys()) {
      this.#stopReading(slot);
      this.#givenUp++;
      return;
    }
  }

  #stopReading(slot: number): void {
    this.#connection.at(slot).reading = false;
    this.release(slot);
  }

  /** Writes down what the readers found, and lets them go when they have read enough. */
  #settle(slot: number, conversation: Conversation): void {
    const connection = this.#connection.at(slot);
    const { tls } = conversation;
    const source = conversation.takeProxiedFrom();
    if (source !== '') this.#listener.proxied(connection, source);
    for (const signal of tls.takeSignals()) {
      if (signal.kind === 'completed') {
        connection.tlsDoneUs = signal.timeUs;
        connection.followRecords();
      }
      const isRead = signal.kind !== 'alert' || signal.description !== UNREADABLE_DESCRIPTION || !connection.hasGap;
      if (tls.fatalAlertBy >= 0 && isRead) connection.fatalAlertBy = tls.fatalAlertBy as Side;
      this.#listener.tlsSignal(connection, signal);
    }
    connection.connectionType = conversation.connectionType;
    if (tls.declined) connection.noteDeclined();
    if (tls.goodbyeBy === Side.initiator) connection.noteGoodbye();
    if (conversation.wantsBytes) return;
    connection.reading = false;
    this.release(slot);
    if (!conversation.searches) this.searchFromHereOn(connection);
  }

  #onMatch(slot: number, match: HttpMatch): void {
    this.#listener.httpMatch(this.#connection.at(slot), match);
  }
}

/** Whether a payload is what its side began with, as far as that can be known: not one that overtook another. */
function isFirst(connection: TrackedConnection, side: Side, packet: Packet): boolean {
  if (!connection.isBeginKnown(side)) return connection.midstream;
  const synBytes = (packet.flags & TCP_SYN) === 0 ? 0 : 1;
  return ((packet.sequence + synBytes) | 0) === ((connection.initialSequence(side) + 1) | 0);
}
