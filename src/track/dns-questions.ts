import { DNS_PORT } from '../layers/udp.ts';
import { type PodSide, Side } from '../model/connection.ts';
import { NO_ANSWER, NO_DATA, Rcode } from '../model/dns-question.ts';
import type { Direction } from '../model/frame.ts';
import type { Packet } from '../model/packet.ts';
import { type DnsMessage, readDnsMessage } from '../protocols/dns/dns-message.ts';
import { DnsType } from '../protocols/dns/dns-types.ts';
import type { DnsEnds } from './dns-ends.ts';
import type { DnsListener, DnsSettings } from './dns-listener.ts';
import { DnsMatcher, MOST_LOOKED_AT } from './dns-matcher.ts';
import { copyQuestion } from './dns-question-copy.ts';
import {
  ANSWERED_AT,
  ANSWERS,
  ASKED,
  AT_ONCE,
  BASE_LENGTH,
  CANDIDATES,
  CLIENT,
  CONNECTION,
  DEADLINE_AT,
  EDNS,
  ERROR_TOLD,
  FAILED,
  FIRST_AT,
  FOREIGN,
  IPV6,
  isNegative,
  MATCHES,
  NAME_BYTES,
  NAME_HASH,
  NAME_LENGTH,
  PARTNER,
  PARTNER_ANSWERED,
  POD_SIDE,
  PORT_AND_ID,
  QUERIES,
  RCODE,
  RESOLVER,
  SENT_AT,
  STATE,
  STATE_MASK,
  TCP,
  TIMES,
  TOLD,
  TRUNCATED,
  TYPE,
  WAITING,
  WORDS,
} from './dns-record.ts';
import { DnsTable, Index } from './dns-table.ts';
import { podSideOf } from './pod-side.ts';
import { RecentAnswers } from './recent-answers.ts';

/** Opcode of a question (RFC 1035 §4.1.1); updates, notifications and the like are left alone. */
const OPCODE_QUERY = 0;
const BAD_VERSION = 16;
/** The same query again within so short a time is a second copy of a packet, or goes to all resolvers at once (musl). */
const SOONEST_REPEAT_US = 100_000;
/** Two queries that are sent one right after the other. */
const AT_ONCE_US = 10_000;
/** How long the next candidate of a search list, or the next try, may take: a container out of CPU rests for 100 ms. */
const NEXT_TRY_US = 500_000;
/** How long a truncated answer waits for the retry over TCP, whose connection has to be opened first. */
const TCP_RETRY_US = 2_000_000;
/** Clients send again after 5 s (glibc), 2.5 s (musl), 2 s (c-ares): a query that old is not asked again, nor answered. */
const GIVE_UP_US = 6_000_000;

/**
 * Follows DNS questions from the query to the answer, over UDP and TCP: which queries are one question, which of them have
 * no answer, and which questions fail in the end. It tells a listener; what is worth an event is for `detect` to say.
 */
export class DnsQuestions {
  readonly #table = new DnsTable();
  readonly #words = this.#table.words;
  readonly #times = this.#table.times;
  readonly #names = this.#table.names;
  readonly #matcher: DnsMatcher;
  readonly #message: DnsMessage;
  readonly #ends: DnsEnds;
  readonly #answered = new RecentAnswers();
  readonly #settings: DnsSettings;
  readonly #seed: number;
  readonly #listener: DnsListener;
  #earliestUs = Number.POSITIVE_INFINITY;
  #evicted = 0;
  #unasked = 0;
  #malformed = 0;
  #unfoundedErrors = 0;
  #hasSeenAnswer = false;
  /** Open questions that were asked over TCP last. */
  #overTcp = 0;

  /** `settings` may change meanwhile; `seed` is any 32-bit integer, that nobody outside knows. */
  constructor(settings: DnsSettings, seed: number, listener: DnsListener) {
    this.#settings = settings;
    this.#seed = seed | 0;
    this.#matcher = new DnsMatcher(this.#table, seed);
    this.#message = this.#matcher.message;
    this.#ends = this.#matcher.ends;
    this.#listener = listener;
  }

  /**
   * Questions that had to make room for others; answers to what was not asked, as far as the capture tells (late, second and
   * forged ones); datagrams on port 53 that are no DNS; ICMP errors that quote a query nobody waits for.
   */
  counters(): Readonly<Record<string, number>> {
    return {
      evicted: this.#evicted,
      unasked: this.#unasked,
      malformed: this.#malformed,
      unfoundedIcmpErrors: this.#unfoundedErrors,
    };
  }

  /** An answer to a question was seen: the capture sees both directions. */
  get hasSeenAnswer(): boolean {
    return this.#hasSeenAnswer;
  }

  /** Questions that are open. */
  get size(): number {
    return this.#table.size;
  }

  /** Nothing is due before this, in microseconds since 1970-01-01; infinity when nothing is. */
  get earliestUs(): number {
    return this.#earliestUs;
  }

  /** Takes in a UDP datagram on port 53. Returns the open question it belongs to; -1 for none. */
  datagram(packet: Packet, direction: Direction): number {
    const { bytes, payloadStart, payloadCapturedBytes, payloadLengthBytes, timeUs } = packet;
    const end = payloadStart + payloadCapturedBytes;
    const message = this.#message;
    if (!readDnsMessage(bytes, payloadStart, end, payloadStart + payloadLengthBytes, message)) {
      this.#malformed++;
      return -1;
    }
    if (message.opcode !== OPCODE_QUERY) return -1;
    const isQuery = !message.isResponse;
    // whoever asks from port 53 as well (RFC 5452 §4.5 says not to) is told from its resolver by the message only
    if ((isQuery ? packet.destinationPort : packet.sourcePort) !== DNS_PORT) return -1;
    this.#ends.set(packet, isQuery);
    const podSide = podSideOf(direction, isQuery ? Side.initiator : Side.responder);
    return isQuery ? this.#query(timeUs, podSide, -1) : this.#answer(timeUs, false);
  }

  /**
   * Takes in a message of a TCP connection of port 53, whose table slot is `connection`. `packet` is any packet of it,
   * `isFromClient` whether the client sent that packet.
   */
  streamMessage(
    bytes: Uint8Array,
    start: number,
    end: number,
    timeUs: number,
    packet: Packet,
    isFromClient: boolean,
    podSide: PodSide,
    connection: number,
  ): void {
    const message = this.#message;
    if (!readDnsMessage(bytes, start, end, end, message)) this.#malformed++;
    else if (message.opcode === OPCODE_QUERY) {
      this.#ends.set(packet, isFromClient);
      if (message.isResponse) this.#answer(timeUs, true);
      else this.#query(timeUs, podSide, connection);
    }
  }

  /** What went over a TCP connection is not known any more: of its questions nothing is said. */
  streamLost(connection: number): void {
    if (this.#overTcp === 0) return;
    for (let slot = this.#table.oldest; slot >= 0; ) {
      const next = this.#table.youngerThan(slot);
      if (this.#words[slot * WORDS + CONNECTION] === connection) this.#drop(slot);
      slot = next;
    }
  }

  /** A TCP connection is over, and its slot may stand for another: what was asked over it may be asked again elsewhere. */
  streamClosed(connection: number): void {
    if (this.#overTcp === 0) return;
    for (let slot = this.#table.oldest; slot >= 0; slot = this.#table.youngerThan(slot)) {
      if (this.#words[slot * WORDS + CONNECTION] === connection) this.#setConnection(slot, -1);
    }
  }

  /** Takes in an ICMP error that quotes a query. Returns the open question it belongs to; -1 for none. */
  icmpError(packet: Packet): number {
    this.#ends.set(packet, true);
    const { bytes, payloadStart, payloadCapturedBytes } = packet;
    const id = payloadCapturedBytes >= 2 ? (bytes[payloadStart] << 8) | bytes[payloadStart + 1] : -1;
    const slot = this.#matcher.askedWith(id, true);
    if (slot >= 0) {
      const word = slot * WORDS;
      this.#words[word + STATE] |= TOLD; // that is the answer: no other comes
      this.#setDeadline(slot, this.#times[slot * TIMES + SENT_AT] + GIVE_UP_US);
      this.#listener.queryRejected(copyQuestion(this.#table, slot), slot, packet, this.#words[word + CONNECTION]);
      return slot;
    }
    this.#unfoundedErrors++;
    return -1;
  }

  /** Lets time pass up to `nowUs`: what became due by then is told. */
  advance(nowUs: number): void {
    if (nowUs < this.#earliestUs) return;
    this.#earliestUs = Number.POSITIVE_INFINITY;
    for (let slot = this.#table.oldest; slot >= 0; ) {
      const next = this.#table.youngerThan(slot); // whatever becomes of this one, that of its partner may be gone
      const deadlineUs = this.#times[slot * TIMES + DEADLINE_AT];
      const isGone = deadlineUs <= nowUs && this.#due(slot, deadlineUs);
      if (!isGone) this.#earliestUs = Math.min(this.#earliestUs, this.#times[slot * TIMES + DEADLINE_AT]);
      slot = next;
    }
  }

  /** No more is to come: ends whatever is open. */
  stop(nowUs: number): void {
    this.advance(nowUs);
    for (let slot = this.#table.oldest; slot >= 0; slot = this.#table.oldest) {
      const state = this.#words[slot * WORDS + STATE] & STATE_MASK;
      if (state === FAILED) this.#fail(slot, nowUs);
      this.#end(slot);
    }
  }

  /** The clock was set by `deltaUs`: what is remembered keeps its age. */
  shiftTimes(deltaUs: number): void {
    this.#answered.shiftTimes(deltaUs);
    this.#earliestUs += deltaUs;
    for (let slot = this.#table.oldest; slot >= 0; slot = this.#table.youngerThan(slot)) {
      for (let i = 0; i < TIMES; i++) this.#times[slot * TIMES + i] += deltaUs;
    }
  }

  /** A query: of a question that is open already, or of a new one. */
  #query(timeUs: number, podSide: PodSide, connection: number): number {
    const message = this.#message;
    if (message.questions === 0) return -1;
    const table = this.#table;
    const words = this.#words;
    const { clientPort } = this.#ends;
    let found = -1;
    let partner = -1;
    let slot = table.first(Index.label, this.#matcher.labelHash());
    for (let looked = 0; slot >= 0 && looked < MOST_LOOKED_AT; looked++) {
      const next = table.next(Index.label, slot);
      const word = slot * WORDS;
      const state = words[word + STATE];
      if (this.#matcher.isClient(slot)) {
        if (words[word + TYPE] !== message.type) {
          if (partner < 0 && this.#matcher.isPartner(slot)) partner = slot;
        } else if (this.#matcher.isName(slot)) {
          const portAndId = words[word + PORT_AND_ID];
          const isSame = portAndId >>> 16 === clientPort || (portAndId & 0xffff) === message.id;
          const isRetry = (state & STATE_MASK) === TRUNCATED && connection >= 0;
          if (found < 0 && (isSame || isRetry) && !this.#matcher.isNonexistent(slot)) {
            this.#again(slot, timeUs, connection);
            return slot;
          }
        } else if ((state & STATE_MASK) === FAILED && this.#matcher.isNextCandidate(slot)) {
          // the name itself comes behind all that a search list made of it
          if (found < 0) found = slot;
          else if (this.#matcher.isBaseOf(slot)) this.#absorb(found, slot);
        }
      }
      slot = next;
    }
    if (found >= 0) this.#nextCandidate(found, timeUs, connection);
    else found = this.#begin(timeUs, podSide, partner, connection);
    return found;
  }

  #begin(timeUs: number, podSide: PodSide, partner: number, connection: number): number {
    const table = this.#table;
    if (table.isFull) {
      this.#evicted++;
      this.#end(table.oldest);
      if (partner >= 0 && this.#words[partner * WORDS + STATE] === 0) partner = -1;
    }
    const { packet, clientAt } = this.#ends;
    const message = this.#message;
    const words = this.#words;
    const slot = table.take();
    const word = slot * WORDS;
    words[word + STATE] = WAITING | (packet.ipVersion === 6 ? IPV6 : 0);
    words[word + TYPE] = message.type;
    words[word + CANDIDATES] = 1;
    words[word + POD_SIDE] = podSide;
    words[word + PARTNER] = partner;
    words[word + CONNECTION] = -1;
    words[word + BASE_LENGTH] = message.nameBytes;
    table.setAddress(slot, CLIENT, packet, clientAt);
    this.#times[slot * TIMES + FIRST_AT] = timeUs;
    this.#setName(slot);
    table.link(Index.label, slot, this.#matcher.labelHash());
    table.link(Index.port, slot, this.#matcher.portHash());
    this.#noteSent(slot, timeUs, connection);
    if (partner < 0) return slot;
    words[partner * WORDS + PARTNER] = slot;
    const isAtOnce =
      words[partner * WORDS + PORT_AND_ID] >>> 16 === this.#ends.clientPort &&
      timeUs - this.#times[partner * TIMES + SENT_AT] < AT_ONCE_US;
    if (isAtOnce) {
      words[word + STATE] |= AT_ONCE;
      words[partner * WORDS + STATE] |= AT_ONCE;
    }
    return slot;
  }

  #setName(slot: number): void {
    const { name, nameBytes, nameHash } = this.#message;
    const word = slot * WORDS;
    const at = slot * NAME_BYTES;
    for (let i = 0; i < nameBytes; i++) this.#names[at + i] = name[i];
    this.#words[word + NAME_LENGTH] = nameBytes;
    this.#words[word + NAME_HASH] = nameHash;
  }

  /** The same is asked once more. */
  #again(slot: number, timeUs: number, connection: number): void {
    const word = slot * WORDS;
    const words = this.#words;
    const { packet, resolverAt } = this.#ends;
    const sentUs = this.#times[slot * TIMES + SENT_AT];
    if ((words[word + STATE] & STATE_MASK) === WAITING) {
      const isSoon = timeUs - sentUs < SOONEST_REPEAT_US;
      if (isSoon && connection < 0 && this.#table.isAddress(slot, RESOLVER, packet, resolverAt)) return; // a second copy
      if (!isSoon) this.#tellUnanswered(slot, timeUs);
    }
    this.#relink(slot);
    this.#noteSent(slot, timeUs, connection);
  }

  /** The search list goes on. */
  #nextCandidate(slot: number, timeUs: number, connection: number): void {
    const word = slot * WORDS;
    const words = this.#words;
    const common = this.#matcher.commonBytes(slot);
    if (common < words[word + BASE_LENGTH]) words[word + BASE_LENGTH] = common;
    words[word + CANDIDATES]++;
    words[word + STATE] &= ~ERROR_TOLD;
    this.#setName(slot);
    this.#relink(slot);
    this.#noteSent(slot, timeUs, connection);
  }

  /** What was taken for a question of its own was an earlier candidate. */
  #absorb(slot: number, other: number): void {
    const word = slot * WORDS;
    const from = other * WORDS;
    const words = this.#words;
    words[word + CANDIDATES] += words[from + CANDIDATES];
    words[word + QUERIES] += words[from + QUERIES];
    const time = slot * TIMES + FIRST_AT;
    this.#times[time] = Math.min(this.#times[time], this.#times[other * TIMES + FIRST_AT]);
    this.#drop(other);
  }

  #relink(slot: number): void {
    this.#table.unlink(Index.port, slot);
    this.#table.link(Index.port, slot, this.#matcher.portHash());
  }

  /** A query of a question is on its way. */
  #noteSent(slot: number, timeUs: number, connection: number): void {
    const { packet, resolverAt, clientPort } = this.#ends;
    const words = this.#words;
    const word = slot * WORDS;
    let state = (words[word + STATE] & ~(STATE_MASK | TOLD | EDNS | FOREIGN)) | WAITING;
    if (this.#message.hasEdns) state |= EDNS;
    if (connection >= 0) state |= TCP;
    words[word + STATE] = state;
    words[word + PORT_AND_ID] = (clientPort << 16) | this.#message.id;
    words[word + ASKED] |= this.#matcher.resolverBit();
    words[word + QUERIES]++;
    words[word + RCODE] = NO_ANSWER;
    this.#setConnection(slot, connection);
    this.#table.setAddress(slot, RESOLVER, packet, resolverAt);
    this.#times[slot * TIMES + SENT_AT] = timeUs;
    this.#setDeadline(slot, timeUs + this.#settings.dnsSeconds * 1_000_000);
  }

  #answer(timeUs: number, isTcp: boolean): number {
    const slot = this.#matcher.askedWith(this.#message.id, false);
    if (slot < 0) {
      this.#unasked++;
      return -1;
    }
    if ((this.#words[slot * WORDS + ASKED] & this.#matcher.resolverBit()) === 0) {
      this.#words[slot * WORDS + STATE] |= FOREIGN; // the client does not take it
      return slot;
    }
    this.#hasSeenAnswer = true;
    return this.#take(slot, timeUs, isTcp);
  }

  /** Takes an answer to a question. Returns the question while it is open, -1 when this ended it. */
  #take(slot: number, timeUs: number, isTcp: boolean): number {
    const words = this.#words;
    const message = this.#message;
    const { packet, resolverAt } = this.#ends;
    const word = slot * WORDS;
    const { rcode, answers, matches } = message;
    words[word + RCODE] = rcode;
    words[word + ANSWERS] = answers;
    words[word + MATCHES] = matches;
    this.#table.setAddress(slot, RESOLVER, packet, resolverAt);
    this.#times[slot * TIMES + ANSWERED_AT] = timeUs;
    this.#listener.queryAnswered(timeUs - this.#times[slot * TIMES + SENT_AT]);
    if (message.isTruncated && !isTcp) {
      this.#setState(slot, TRUNCATED);
      this.#setDeadline(slot, timeUs + TCP_RETRY_US);
      return slot;
    }
    // what was cut off may be what was asked for
    const isGood = rcode === Rcode.noError && (matches > 0 || !message.isWhole || isOptional(words[word + TYPE]));
    if (isGood) {
      this.#succeed(slot, timeUs);
      return -1;
    }
    if (rcode === Rcode.noError) words[word + RCODE] = NO_DATA;
    this.#setState(slot, FAILED);
    this.#setDeadline(slot, timeUs + NEXT_TRY_US);
    const mayBeEdns = (words[word + STATE] & EDNS) !== 0 && isEdnsError(rcode);
    if (!isNegative(words[word + RCODE]) && !mayBeEdns) this.#tellError(slot, timeUs);
    return slot;
  }

  #succeed(slot: number, timeUs: number): void {
    const word = slot * WORDS;
    const partner = this.#words[word + PARTNER];
    if (partner >= 0) this.#words[partner * WORDS + STATE] |= PARTNER_ANSWERED;
    this.#answered.note(this.#nameKey(slot), timeUs);
    this.#end(slot);
  }

  /** Hash of client and name of a question. */
  #nameKey(slot: number): number {
    const words = this.#words;
    const word = slot * WORDS;
    let hash = this.#seed ^ words[word + NAME_HASH];
    for (let i = 0; i < 4; i++) hash = Math.imul(hash ^ (hash >>> 15) ^ words[word + CLIENT + i], 0x85ebca6b);
    return hash ^ (hash >>> 13);
  }

  /** The time of a question has come; true when it is gone afterwards. */
  #due(slot: number, deadlineUs: number): boolean {
    const word = slot * WORDS;
    const state = this.#words[word + STATE];
    switch (state & STATE_MASK) {
      case WAITING:
        if ((state & TOLD) !== 0) break;
        this.#tellUnanswered(slot, deadlineUs);
        this.#setDeadline(slot, this.#times[slot * TIMES + SENT_AT] + this.#giveUpUs());
        return false;
      case TRUNCATED: // the client is content with what it has
        this.#succeed(slot, deadlineUs);
        return true;
      case FAILED: {
        const laterUs = this.#partnerDeadlineUs(slot, deadlineUs);
        if (laterUs > deadlineUs) {
          this.#setDeadline(slot, laterUs); // the other one may still be good
          return false;
        }
        this.#fail(slot, deadlineUs);
      }
    }
    this.#end(slot);
    return true;
  }

  /** Until when the other type of address may still be answered; `deadlineUs` when it is not waited for. */
  #partnerDeadlineUs(slot: number, deadlineUs: number): number {
    const partner = this.#words[slot * WORDS + PARTNER];
    if (partner < 0) return deadlineUs;
    const state = this.#words[partner * WORDS + STATE];
    if ((state & STATE_MASK) === WAITING) return (state & TOLD) === 0 ? deadlineUs + NEXT_TRY_US : deadlineUs;
    return this.#times[partner * TIMES + DEADLINE_AT];
  }

  #giveUpUs(): number {
    return Math.max(GIVE_UP_US, this.#settings.dnsSeconds * 1_000_000);
  }

  /** A question has failed in the end. */
  #fail(slot: number, timeUs: number): void {
    const word = slot * WORDS;
    const words = this.#words;
    const state = words[word + STATE];
    const partner = words[word + PARTNER];
    // neither what was told at once, nor what the other one got, nor what the other one tells for both
    if ((state & (ERROR_TOLD | PARTNER_ANSWERED)) !== 0) return;
    if (isNegative(words[word + RCODE]) && this.#answered.has(this.#nameKey(slot), timeUs)) return;
    words[word + STATE] |= ERROR_TOLD;
    const isOfBoth = partner >= 0 && (words[partner * WORDS + STATE] & STATE_MASK) === FAILED;
    if (isOfBoth) words[partner * WORDS + STATE] |= ERROR_TOLD;
    if (isOptional(words[word + TYPE])) return;
    const teller = isOfBoth && this.#tellsMore(partner, slot) ? partner : slot;
    this.#listener.questionFailed(copyQuestion(this.#table, teller), slot, timeUs, words[word + CONNECTION]);
  }

  /** Whether of two questions for the addresses of a name one tells more: that the name is there, else that for A. */
  #tellsMore(slot: number, other: number): boolean {
    const words = this.#words;
    const isNoData = words[slot * WORDS + RCODE] === NO_DATA;
    if (isNoData !== (words[other * WORDS + RCODE] === NO_DATA)) return isNoData;
    return words[slot * WORDS + TYPE] === DnsType.a;
  }

  #tellError(slot: number, timeUs: number): void {
    const word = slot * WORDS;
    if ((this.#words[word + STATE] & ERROR_TOLD) !== 0) return;
    this.#words[word + STATE] |= ERROR_TOLD;
    this.#listener.questionFailed(copyQuestion(this.#table, slot), slot, timeUs, this.#words[word + CONNECTION]);
  }

  #tellUnanswered(slot: number, timeUs: number): void {
    const word = slot * WORDS;
    if ((this.#words[word + STATE] & TOLD) !== 0) return;
    this.#words[word + STATE] |= TOLD;
    const sentUs = this.#times[slot * TIMES + SENT_AT];
    this.#listener.queryUnanswered(
      copyQuestion(this.#table, slot),
      slot,
      sentUs,
      timeUs,
      this.#words[word + CONNECTION],
    );
  }

  /** A question is over, as it is now. */
  #end(slot: number): void {
    this.#listener.questionEnded(copyQuestion(this.#table, slot));
    this.#drop(slot);
  }

  #drop(slot: number): void {
    const partner = this.#words[slot * WORDS + PARTNER];
    if (partner >= 0) this.#words[partner * WORDS + PARTNER] = -1;
    this.#setConnection(slot, -1);
    this.#listener.questionForgotten(slot);
    this.#table.release(slot);
  }

  #setConnection(slot: number, connection: number): void {
    const at = slot * WORDS + CONNECTION;
    if (this.#words[at] >= 0) this.#overTcp--;
    if (connection >= 0) this.#overTcp++;
    this.#words[at] = connection;
  }

  #setState(slot: number, state: number): void {
    const at = slot * WORDS + STATE;
    this.#words[at] = (this.#words[at] & ~STATE_MASK) | state;
  }

  #setDeadline(slot: number, deadlineUs: number): void {
    this.#times[slot * TIMES + DEADLINE_AT] = deadlineUs;
    if (deadlineUs < this.#earliestUs) this.#earliestUs = deadlineUs;
  }
}

/** Records that clients ask for beside addresses, and do without (RFC 9460). */
function isOptional(type: number): boolean {
  return type === DnsType.https || type === DnsType.svcb;
}

function isEdnsError(rcode: number): boolean {
  return rcode === Rcode.formErr || rcode === Rcode.notImp || rcode === BAD_VERSION;
}
