import type { PodSide } from './connection.ts';

/** `DnsQuestion.rcode` without an answer. */
export const NO_ANSWER = -1;
/** What stands for a response code where the name exists and has no record of the type that was asked for. */
export const NO_DATA = 256;

/** Response codes that matter here (RFC 1035 §4.1.1, IANA "DNS RCODEs"). */
export const Rcode = { noError: 0, formErr: 1, servFail: 2, nxDomain: 3, notImp: 4, refused: 5 } as const;

/**
 * What a client wanted to know: the records of one type of one name, however many queries that took. Names that a search
 * list (resolv.conf(5)) makes of one are candidates of one question. A copy that may be kept.
 */
export interface DnsQuestion {
  readonly clientAddress: string;
  /** Port of the latest query. */
  readonly clientPort: number;
  /** The resolver that answered; the one that was asked last where none did. */
  readonly resolverAddress: string;
  readonly resolverPort: number;
  readonly podSide: PodSide;
  /** What the search list began with, as far as that was seen; the name that was asked for where there was none. */
  readonly name: string;
  /** The latest candidate. */
  readonly candidate: string;
  /** Mnemonic of the type. */
  readonly type: string;
  /** Time of the first query, microseconds since 1970-01-01 UTC. */
  readonly firstUs: number;
  /** Response code of the last answer; `NO_ANSWER`. */
  readonly rcode: number;
  /** Records in the answer section. */
  readonly answers: number;
  /** Records of the type that was asked for: 0 with `rcode` 0 is no data. */
  readonly matches: number;
  /** From the first query to the last answer, in microseconds; -1 without an answer. */
  readonly latencyUs: number;
  /** Queries that were sent, repeated ones and those over TCP among them. */
  readonly queries: number;
  /** Names that were tried. */
  readonly candidates: number;
  /** Asked over TCP in the end. */
  readonly isTcp: boolean;
  /** A and AAAA were sent from one port at once, and the other one was answered. */
  readonly isHalfAnswered: boolean;
  /** An answer came from an address that was not asked. */
  readonly isForeign: boolean;
}
