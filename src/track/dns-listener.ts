import type { DnsQuestion } from '../model/dns-question.ts';
import type { Packet } from '../model/packet.ts';

/** The delay of 00012, in seconds. May be changed while questions are followed. */
export interface DnsSettings {
  dnsSeconds: number;
}

/**
 * Is told what becomes of DNS questions, while it happens. `slot` is the question's number until `questionForgotten`;
 * `connection` the slot of the TCP connection over which it was asked last, -1 for none.
 */
export interface DnsListener {
  /** A query that was sent at `sentUs` has no answer after `dnsSeconds`, or as it is repeated: once a query. */
  queryUnanswered(question: DnsQuestion, slot: number, sentUs: number, timeUs: number, connection: number): void;
  /** An ICMP error quotes the latest query: no answer is waited for. */
  queryRejected(question: DnsQuestion, slot: number, error: Packet, connection: number): void;
  /** An answer came, whatever it says, so long after its query. */
  queryAnswered(latencyUs: number): void;
  /**
   * The answer is an error, or no candidate of a search list exists; also for the partner, the other type of address,
   * where there is one.
   */
  questionFailed(question: DnsQuestion, slot: number, timeUs: number, connection: number): void;
  /** Nothing more is waited for. `questionForgotten` follows. */
  questionEnded(question: DnsQuestion): void;
  /** The slot may stand for another question. */
  questionForgotten(slot: number): void;
}
