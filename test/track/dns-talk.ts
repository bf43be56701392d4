import {
  type Answer,
  type Packet as DnsPacket,
  encode,
  type OptAnswer,
  RECURSION_DESIRED,
  type RecordType,
  TRUNCATED_RESPONSE,
} from 'dns-packet';
import type { DnsQuestion } from '../../src/model/dns-question.ts';
import { DnsQuestions } from '../../src/track/dns-questions.ts';
import { turnAround } from '../golden/make-scenario.ts';
import { decode, ethernet, ipv4, ipv6 } from '../tools/frame-bytes.ts';

export const T0_US = 1_700_000_000_000_000;
const OPT: OptAnswer = {
  type: 'OPT',
  name: '.',
  udpPayloadSize: 1232,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
};

/** A message on its way; `atMs` counts from the beginning. */
export interface Sent {
  readonly atMs?: number;
  readonly name?: string;
  readonly type?: RecordType;
  readonly id?: number;
  readonly port?: number;
  /** Last byte of the resolver's IPv4 address. */
  readonly resolver?: number;
  readonly isVersion6?: boolean;
  readonly hasEdns?: boolean;
}

export interface Answered extends Sent {
  readonly rcode?: number;
  readonly records?: number;
  readonly isTruncated?: boolean;
}

function udp(sourcePort: number, destinationPort: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt16BE(sourcePort, 0);
  header.writeUInt16BE(destinationPort, 2);
  header.writeUInt16BE(8 + payload.length, 4);
  return Buffer.concat([header, payload]);
}

/** The bytes of a query. */
export function queryBytes({ name = 'db.shop', type = 'A', id = 1, hasEdns = false }: Sent): Buffer {
  const message: DnsPacket = { type: 'query', id, flags: RECURSION_DESIRED, questions: [{ type, name }] };
  return Buffer.from(encode(hasEdns ? { ...message, additionals: [OPT] } : message));
}

/** The bytes of an answer: one address, or what is said. */
export function answerBytes(sent: Answered): Buffer {
  const { name = 'db.shop', type = 'A', id = 1, rcode = 0, records = rcode === 0 ? 1 : 0, isTruncated = false } = sent;
  const data = type === 'AAAA' ? '2001:db8::1' : '192.0.2.1';
  const answers = Array.from({ length: records }, () => ({ type, name, ttl: 5, data }) as Answer);
  const flags = rcode | (isTruncated ? TRUNCATED_RESPONSE : 0);
  return Buffer.from(encode({ type: 'response', id, flags, questions: [{ type, name }], answers }));
}

/** A frame with a query, or an answer. */
export function dnsFrame(sent: Sent, isQuery: boolean, payload: Buffer): Buffer {
  const { port = 40_000, resolver = 10, isVersion6 = false } = sent;
  const bytes = isQuery ? udp(port, 53, payload) : udp(53, port, payload);
  const packet = isVersion6
    ? ipv6(bytes, { next: 17 })
    : ipv4(bytes, { protocol: 17, destination: `0a6000${resolver.toString(16).padStart(2, '0')}` });
  return ethernet(isQuery ? packet : turnAround(packet));
}

/** Feeds DNS messages to the tracker of questions, and writes down what it tells, one line each. */
export class DnsTalk {
  readonly told: string[] = [];
  readonly ended: DnsQuestion[] = [];
  readonly questions: DnsQuestions;
  #lastUs = T0_US;

  constructor(dnsSeconds = 2) {
    const told = (what: string, { name, type, rcode, queries, candidates }: DnsQuestion, timeUs: number) =>
      this.told.push(
        `${what} ${name} ${type} ${rcode} ${queries} ${candidates} at ${Math.round((timeUs - T0_US) / 1000)}`,
      );
    this.questions = new DnsQuestions({ dnsSeconds }, 1, {
      queryUnanswered: (question, _slot, _sentUs, timeUs) => told('unanswered', question, timeUs),
      queryRejected: (question, _slot, error) => told('rejected', question, error.timeUs),
      queryAnswered() {},
      questionFailed: (question, _slot, timeUs) => told('failed', question, timeUs),
      questionEnded: (question) => this.ended.push(question),
      questionForgotten() {},
    });
  }

  query(sent: Sent = {}): this {
    return this.frame(sent.atMs ?? 0, dnsFrame(sent, true, queryBytes(sent)));
  }

  answer(sent: Answered = {}): this {
    return this.frame(sent.atMs ?? 1, dnsFrame(sent, false, answerBytes(sent)));
  }

  frame(atMs: number, bytes: Buffer): this {
    const timeUs = T0_US + atMs * 1000;
    const { verdict, packet, frame } = decode(bytes, { timeUs });
    this.#advance(timeUs);
    if (verdict === 'dns') this.questions.datagram(packet, frame.direction);
    else if (verdict === 'icmp') this.questions.icmpError(packet);
    return this;
  }

  /** Lets time pass. */
  until(atMs: number): this {
    return this.#advance(T0_US + atMs * 1000);
  }

  stop(): this {
    this.questions.stop(this.#lastUs);
    return this;
  }

  /** The questions that ended: name, type, response code, records, queries, candidates. */
  get lines(): string[] {
    return this.ended.map(
      ({ name, type, rcode, answers, queries, candidates }) =>
        `${name} ${type} ${rcode} ${answers} ${queries} ${candidates}`,
    );
  }

  #advance(timeUs: number): this {
    for (let us = this.#lastUs; us < timeUs; us += 100_000) this.questions.advance(us);
    this.questions.advance(timeUs);
    this.#lastUs = Math.max(this.#lastUs, timeUs);
    return this;
  }
}
