import { NO_DATA, Rcode } from '../model/dns-question.ts';
import { MOST_NAME_BYTES } from '../protocols/dns/dns-message.ts';

/** Bytes of a name's place. */
export const NAME_BYTES = MOST_NAME_BYTES + 1;

/* Words of a record. */
/** What it waits for: one of the four below, and flags above it. */
export const STATE = 0;
/** Port of the client in the upper half, id of the message in the lower. */
export const PORT_AND_ID = 1;
export const TYPE = 2;
/** Bytes of the name that is asked for now, in wire format without the zero that ends it. */
export const NAME_LENGTH = 3;
export const NAME_HASH = 4;
/** Bytes of that name which all candidates have in common. */
export const BASE_LENGTH = 5;
export const CLIENT = 6;
export const RESOLVER = 10;
/** A bit for each resolver that was asked. */
export const ASKED = 14;
export const QUERIES = 15;
export const CANDIDATES = 16;
export const RCODE = 17;
export const ANSWERS = 18;
export const MATCHES = 19;
/** The question for A or AAAA that belongs to it; -1 for none. */
export const PARTNER = 20;
export const POD_SIDE = 21;
/** Connection over which it was asked last; -1 for none. */
export const CONNECTION = 22;
export const WORDS = 24;

/* Times of a record, in microseconds since 1970-01-01. */
export const FIRST_AT = 0;
/** When the latest query was sent. */
export const SENT_AT = 1;
/** When the last answer came. */
export const ANSWERED_AT = 2;
export const DEADLINE_AT = 3;
export const TIMES = 4;

/* What a question waits for, in the low bits of its state. */
export const WAITING = 1;
/** Its answer was negative: another candidate, another try or its partner may still make it good. */
export const FAILED = 2;
/** Its answer did not fit: the retry over TCP is to come. */
export const TRUNCATED = 3;
export const STATE_MASK = 3;
export const IPV6 = 1 << 2;
/** The latest query was told as unanswered. */
export const TOLD = 1 << 3;
/** Its partner went from the same port at the same time. */
export const AT_ONCE = 1 << 4;
export const PARTNER_ANSWERED = 1 << 5;
export const FOREIGN = 1 << 6;
export const TCP = 1 << 7;
/** A response code other than NXDOMAIN was told of the latest candidate. */
export const ERROR_TOLD = 1 << 8;
/** The latest query had EDNS: who does not know that answers with an error, and is asked again without. */
export const EDNS = 1 << 9;

/** Whether an answer says that there is no such name, or nothing of the type under it. */
export function isNegative(rcode: number): boolean {
  return rcode === Rcode.nxDomain || rcode === NO_DATA;
}
